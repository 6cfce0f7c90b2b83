import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { planFilter } from '#directory/plan.ts';
import { type Search, search } from '#directory/search.ts';
import type { Sort } from '#directory/sort.ts';
import { parseAttributeName } from '#scim/attribute-name.ts';
import type { Policy } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import { parseFilter } from '#scim/filter/parse.ts';
import { type Projection, parseProjection } from '#scim/projection.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { resolveAttribute } from '#scim/schema/lookup.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import type { StoredRecord } from '#store/store.ts';
import { send } from './answer.ts';
import { readJson } from './body.ts';
import type { Bridge, Endpoint, ScimContext } from './context.ts';
import { type ListParameters, parametersOfQuery, parametersOfSearch } from './list-parameters.ts';
import { renderListed } from './listed.ts';
import { renderResource } from './resource.ts';

/** GET on a resource type (RFC 7644 §3.4.2). */
export function listResources(type: ResourceType): Endpoint {
  return async function listResources(ctx) {
    await sendList(ctx, [type], parametersOfQuery(ctx.querystring));
  };
}

/** POST .search (RFC 7644 §3.4.3): the query is in the body, away from logs of addresses. */
export function searchResources(bridge: Bridge, types: readonly ResourceType[]): Endpoint {
  return async function searchResources(ctx) {
    const body = await readJson(ctx.req, bridge.limits.bodyBytes);
    await sendList(ctx, types, parametersOfSearch(body));
  };
}

export const ALL_TYPES: readonly ResourceType[] = [USER, GROUP];

/** Resources that are rendered between two turns of the event loop. */
const SLICE = 200;

interface Found {
  readonly texts: string[];
  total: number | undefined;
  next: string | undefined;
}

async function sendList(
  ctx: ScimContext,
  types: readonly ResourceType[],
  parameters: ListParameters,
): Promise<void> {
  checkSort(types, parameters);
  const found =
    parameters.cursor === undefined
      ? await readByIndex(ctx, types, parameters)
      : await readByCursor(ctx, types, parameters, parameters.cursor);
  const { total, next, texts } = found;
  send(
    ctx,
    200,
    '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],' +
      (total === undefined ? '' : `"totalResults":${total},`) +
      `"itemsPerPage":${texts.length},` +
      (parameters.cursor === undefined ? `"startIndex":${parameters.startIndex},` : '') +
      (next === undefined ? '' : `"nextCursor":"${next}",`) +
      `"Resources":[${texts.join(',')}]}`,
  );
}

async function readByIndex(
  ctx: ScimContext,
  types: readonly ResourceType[],
  parameters: ListParameters,
): Promise<Found> {
  const found: Found = { texts: [], total: 0, next: undefined };
  let total = 0;
  for (const type of inOrder(types, parameters, ctx.state.caller)) {
    const { query, projection } = queryOf(type, types, parameters);
    const offset = Math.max(0, parameters.startIndex - 1 - total);
    const limit = parameters.count - found.texts.length;
    const { account, caller } = ctx.state;
    const page = await search(account.directory, { ...query, offset, limit }, caller);
    total += page.total ?? 0;
    await render(ctx, type, page.records, projection, found.texts);
  }
  found.total = total;
  return found;
}

async function readByCursor(
  ctx: ScimContext,
  types: readonly ResourceType[],
  parameters: ListParameters,
  cursor: string,
): Promise<Found> {
  const { account, caller } = ctx.state;
  const found: Found = { texts: [], total: undefined, next: undefined };
  const fingerprint = fingerprintOf(types, parameters);
  const at = cursor === '' ? '0:' : account.cursors.open(cursor, fingerprint).position;
  const ordered = inOrder(types, parameters, caller);
  let place = Number(at.slice(0, at.indexOf(':')));
  let after = at.slice(at.indexOf(':') + 1);
  for (; place < ordered.length; place += 1, after = '') {
    const type = ordered[place];
    const limit = parameters.count - found.texts.length;
    if (type === undefined || limit <= 0) break;
    const { query, projection } = queryOf(type, types, parameters);
    const page = await search(account.directory, { ...query, after, limit }, caller);
    if (ordered.length === 1) found.total = page.total;
    await render(ctx, type, page.records, projection, found.texts);
    const position = page.next === undefined ? undefined : `${place}:${page.next}`;
    const isFull = found.texts.length >= parameters.count && place + 1 < ordered.length;
    const next = position ?? (isFull ? `${place + 1}:` : undefined);
    if (next === undefined) continue;
    found.next = account.cursors.seal({ query: fingerprint, position: next });
    break;
  }
  return found;
}

async function render(
  ctx: ScimContext,
  type: ResourceType,
  records: readonly StoredRecord[],
  projection: Projection | undefined,
  texts: string[],
): Promise<void> {
  for (const [place, record] of records.entries()) {
    if (place % SLICE === SLICE - 1) await nextTurn();
    const isWhole = record.members?.next === undefined;
    texts.push(
      isWhole
        ? renderResource(type, record, ctx.state.baseUrl, projection)
        : await renderListed(ctx, type, record, projection),
    );
  }
}

function queryOf(
  type: ResourceType,
  types: readonly ResourceType[],
  parameters: ListParameters,
): { query: Omit<Search, 'limit'>; projection: Projection | undefined } {
  const { filter, attributes, excludedAttributes } = parameters;
  const projection = parseProjection(type, attributes, excludedAttributes);
  const wants = (name: string) => projection?.wants(name) ?? true;
  return {
    projection,
    query: {
      type,
      others: types.filter((each) => each !== type),
      filter: filter === undefined ? undefined : parseFilter(filter),
      sort: sortOf(type, parameters),
      include: type.name === 'User' ? { groups: wants('groups') } : { members: wants('members') },
    },
  };
}

/** Undefined: as created, for there is nothing to sort by. */
function sortOf(type: ResourceType, { sortBy, descending }: ListParameters): Sort | undefined {
  const name = sortBy === undefined ? undefined : parseAttributeName(sortBy);
  const by = name === undefined ? undefined : resolveAttribute(type, name);
  return by === undefined || by.attribute.returned === 'never' ? undefined : { by, descending };
}

/** Throws invalidValue when no type has the attribute. At the root one of them is enough. */
function checkSort(types: readonly ResourceType[], parameters: ListParameters): void {
  const { sortBy } = parameters;
  if (sortBy === undefined || types.some((type) => sortOf(type, parameters) !== undefined)) return;
  throw new ScimError(
    'invalidValue',
    `sortBy "${sortBy.slice(0, 60)}" is not an attribute of ${types.map(({ name }) => name).join(' or ')}. Use a name from /Schemas.`,
  );
}

/**
 * The types in the order of the answer, which is one after the other. What has not the attribute to
 * sort by is last, first when descending (RFC 7644 §3.4.2.3). Refuses a bad filter before the first is read.
 */
function inOrder(
  types: readonly ResourceType[],
  parameters: ListParameters,
  policy: Policy,
): readonly ResourceType[] {
  if (types.length === 1) return types;
  for (const type of types) {
    const { filter, others } = queryOf(type, types, parameters).query;
    planFilter(type, filter, policy, others);
  }
  const rank = (type: ResourceType) => Number(sortOf(type, parameters) === undefined);
  const order = parameters.descending ? -1 : 1;
  return types.toSorted((a, b) => order * (rank(a) - rank(b)));
}

function fingerprintOf(types: readonly ResourceType[], parameters: ListParameters): string {
  const { filter = '', sortBy = '', descending } = parameters;
  const names = types.map(({ name }) => name).join();
  const text = JSON.stringify([names, filter, sortBy, descending]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
