import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BulkOperation, nextOperation, parseBulk, pathWithIds, withIds } from '#scim/bulk.ts';
import { ScimError } from '#scim/errors.ts';
import { entityTag, locationOf } from '#scim/render.ts';
import { asScimError, send } from './answer.ts';
import { readJson } from './body.ts';
import {
  type Done,
  type InnerRequest,
  operationOf,
  runOperation,
  wantedBy,
} from './bulk-operation.ts';
import type { Bridge, Endpoint, ScimContext } from './context.ts';
import { recordRefusal } from './refusals.ts';
import { noteUnknownMembers } from './unknown-members.ts';

/** One budget for all operations of a request: most clients give up after a minute. */
const BUDGET_MS = 45_000;

/** POST /Bulk (RFC 7644 §3.7). Not atomic: each operation commits alone and answers for itself. */
export function postBulk(bridge: Bridge): Endpoint {
  return async function postBulk(ctx) {
    ctx.state.written = { operation: 'bulk' };
    const body = await readJson(ctx.req, bridge.limits.bulkBodyBytes);
    const { operations, failOnErrors } = parseBulk(body, bridge.limits.bulkOperations);
    const errorsMax = failOnErrors ?? Number.POSITIVE_INFINITY;
    const answers = await runAll(bridge, ctx, operations, errorsMax);
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'];
    send(ctx, 200, JSON.stringify({ schemas, Operations: answers }));
  };
}

interface Answer {
  readonly method: string;
  readonly bulkId?: string;
  location?: string;
  version?: string;
  status: string;
  response?: object;
}

/** What is known of the bulkIds so far. */
interface Progress {
  readonly bridge: Bridge;
  readonly ids: Map<string, string>;
  readonly settled: Set<string>;
  /** bulkIds of the POSTs that are still to run. */
  readonly coming: Set<string>;
  /** What circles that were begun need of those. */
  readonly awaited: Set<string>;
  /** Operations that ran without all they name, with their answers. */
  readonly incomplete: { operation: BulkOperation; id: string; answer: Answer }[];
  errors: number;
}

async function runAll(
  bridge: Bridge,
  ctx: ScimContext,
  operations: readonly BulkOperation[],
  errorsMax: number,
): Promise<readonly Answer[]> {
  const progress = startOf(bridge, operations);
  const answers = new Map<BulkOperation, Answer>();
  const left = [...operations];
  const untilMs = performance.now() + BUDGET_MS;
  while (left.length > 0 && progress.errors < errorsMax) {
    const { place, isIncomplete } = nextOperation(left, progress.settled, progress.awaited);
    const [operation] = left.splice(place, 1);
    if (operation === undefined) break;
    answers.set(operation, await runOne(ctx, operation, progress, isIncomplete, untilMs));
    settle(operation, progress);
    if (progress.awaited.size === 0) await completeAll(ctx, progress);
    await nextTurn();
  }
  await completeAll(ctx, progress);
  return operations.flatMap((operation) => answers.get(operation) ?? []);
}

function startOf(bridge: Bridge, operations: readonly BulkOperation[]): Progress {
  const posts = operations.filter(({ method }) => method === 'POST');
  const coming = new Set(posts.flatMap(({ bulkId }) => bulkId ?? []));
  const awaited = new Set<string>();
  return {
    ...{ bridge, ids: new Map(), settled: new Set(), coming, awaited },
    ...{ incomplete: [], errors: 0 },
  };
}

function settle({ bulkId }: BulkOperation, { settled, coming, awaited }: Progress): void {
  if (bulkId === undefined) return;
  settled.add(bulkId);
  coming.delete(bulkId);
  awaited.delete(bulkId);
}

async function runOne(
  ctx: ScimContext,
  operation: BulkOperation,
  progress: Progress,
  isIncomplete: boolean,
  untilMs: number,
): Promise<Answer> {
  const { method, bulkId, path, data, version, needs } = operation;
  const answer: Answer = { method, ...(bulkId === undefined ? {} : { bulkId }), status: '' };
  const idOf = (reference: string) => progress.ids.get(reference);
  try {
    if (performance.now() > untilMs) throw outOfTime();
    if (!isIncomplete) checkReferences(needs, progress.ids);
    if (method === 'POST' && bulkId === undefined) throw noBulkId();
    const done = await runOperation(ctx, {
      method,
      path: pathWithIds(path, idOf),
      data: needs.size === 0 ? data : withIds(data, idOf),
      version,
    });
    await report(progress.bridge, ctx, answer, done);
    if (bulkId !== undefined) progress.ids.set(bulkId, done.id);
    if (isIncomplete) {
      progress.incomplete.push({ operation, id: done.id, answer });
      for (const each of needs) if (progress.coming.has(each)) progress.awaited.add(each);
    }
  } catch (thrown) {
    await refuse(progress, ctx, answer, pathWithIds(path, idOf), thrown);
  }
  return answer;
}

/** Ends circles before others build on them. What can't be resolved goes first: more may need it. */
async function completeAll(ctx: ScimContext, progress: Progress): Promise<void> {
  const { incomplete, ids } = progress;
  while (incomplete.length > 0) {
    const lost = incomplete.findIndex(
      ({ operation }) => missingOf(operation.needs, ids).length > 0,
    );
    for (const each of incomplete.splice(Math.max(0, lost), 1)) await complete(ctx, each, progress);
  }
}

/**
 * The second step of an operation in a circle: the resource as it was meant, now that all ids are
 * known. When one of them failed, this one is taken back.
 */
async function complete(
  ctx: ScimContext,
  { operation, id, answer }: Progress['incomplete'][number],
  progress: Progress,
): Promise<void> {
  const path = `${operation.path}/${id}`;
  try {
    checkReferences(operation.needs, progress.ids);
    const data = withIds(operation.data, (reference) => progress.ids.get(reference));
    const done = await runOperation(ctx, { method: 'PUT', path, data, version: undefined });
    await report(progress.bridge, ctx, answer, { ...done, status: 201 });
  } catch (thrown) {
    const reason = await takeBack(ctx, undoing(path, answer), thrown);
    if (operation.bulkId !== undefined) progress.ids.delete(operation.bulkId);
    delete answer.location;
    delete answer.version;
    await refuse(progress, ctx, answer, operation.path, reason);
  }
}

/**
 * Resolves to why the operation failed: `reason`, or what kept the first step from being taken back.
 * A resource that is gone by now needs nothing more: two steps may have been about one person.
 */
async function takeBack(ctx: ScimContext, undo: InnerRequest, reason: unknown): Promise<unknown> {
  try {
    await runOperation(ctx, undo);
    return reason;
  } catch (thrown) {
    const isGone = thrown instanceof ScimError && thrown.problem === 'notFound';
    return isGone ? reason : thrown;
  }
}

/** What is new goes. Whom a POST brought back was there before: such a person is inactive again. */
function undoing(path: string, { version }: Answer): InnerRequest {
  if (version === entityTag(1))
    return { method: 'DELETE', path, data: undefined, version: undefined };
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  const data = { schemas, Operations: [{ op: 'replace', path: 'active', value: false }] };
  return { method: 'PATCH', path, data, version: undefined };
}

async function report(bridge: Bridge, ctx: ScimContext, answer: Answer, done: Done): Promise<void> {
  answer.status = String(done.status);
  answer.location = locationOf(done.resourceType, done.id, ctx.state.baseUrl);
  if (done.version !== undefined) answer.version = entityTag(done.version);
  const operation = operationOf(answer.method) ?? 'patch';
  await noteUnknownMembers(bridge, ctx, operation, done.id, done.unknownMembers ?? []);
}

async function refuse(
  progress: Progress,
  ctx: ScimContext,
  answer: Answer,
  path: string,
  thrown: unknown,
): Promise<void> {
  const error = asScimError(thrown, true);
  const wanted = wantedBy(answer.method, path);
  if (wanted !== undefined) await recordRefusal(progress.bridge, ctx, wanted, error);
  if (error.problem === 'internal') ctx.state.failure = thrown;
  progress.errors += 1;
  answer.status = String(error.status);
  answer.response = error.toBody(ctx.state.requestId);
}

function checkReferences(needs: ReadonlySet<string>, ids: ReadonlyMap<string, string>): void {
  const missing = missingOf(needs, ids);
  if (missing.length === 0) return;
  const named = missing.slice(0, 5).map((bulkId) => `"${bulkId.slice(0, 60)}"`);
  throw new ScimError(
    'unresolvedReference',
    `bulkId ${named.join(', ')} stands for nothing: no operation of this request made it, or the one that should have failed.`,
  );
}

function missingOf(needs: ReadonlySet<string>, ids: ReadonlyMap<string, string>): string[] {
  return [...needs].filter((bulkId) => !ids.has(bulkId));
}

function noBulkId(): ScimError {
  return new ScimError('invalidSyntax', 'A POST in a bulk request needs a bulkId.');
}

function outOfTime(): ScimError {
  return new ScimError(
    'unavailable',
    'The time for one bulk request was over before this operation. Send it again, with fewer operations in a request.',
    { retryAfterSeconds: 5 },
  );
}
