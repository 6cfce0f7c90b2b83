import { randomUUID } from 'node:crypto';
import { type EventFacts, refusalText } from '#directory/event.ts';
import { ScimError } from '#scim/errors.ts';
import type { Bridge, ScimContext } from './context.ts';

/** What a request, or an operation of a bulk request, asked to be written. */
export type Wanted = Pick<EventFacts, 'operation' | 'resourceType' | 'id'>;

/** Appends an event for a write that was refused: the history shows what an IdP tried in vain. */
export async function recordIfRefused(
  bridge: Bridge,
  ctx: ScimContext,
  thrown: unknown,
): Promise<void> {
  const wanted = wantedBy(ctx);
  if (wanted === undefined || !(thrown instanceof ScimError)) return;
  await recordRefusal(bridge, ctx, wanted, thrown);
}

/** What failed on our side is not refused: it comes again. */
export async function recordRefusal(
  bridge: Bridge,
  ctx: ScimContext,
  { id, ...wanted }: Wanted,
  refusal: ScimError,
): Promise<void> {
  if (refusal.status >= 500) return;
  const facts = { ...wanted, ...(id === undefined ? {} : { id: id.slice(0, 64) }) };
  await appendEvent(bridge, ctx, facts, `${refusal.status} ${refusal.problem}`);
}

/** An event of its own. What it tells of is settled, so that its loss is only noted in the log. */
export async function appendEvent(
  bridge: Bridge,
  ctx: ScimContext,
  facts: EventFacts,
  problem: string,
): Promise<void> {
  const { account, caller } = ctx.state;
  const event = refusalText(caller, facts, problem);
  try {
    await account.directory.store.commit({ operationId: randomUUID(), events: [event] });
  } catch (err) {
    bridge.log.warn({ reqId: caller.requestId, err }, 'the event of a refused write was lost');
  }
}

function wantedBy({ state }: ScimContext): Wanted | undefined {
  const { operation, resourceType, id } = state.written ?? {};
  if (resourceType === undefined || !isOperation(operation)) return undefined;
  return { operation, resourceType, ...(id === undefined ? {} : { id }) };
}

function isOperation(name: string | undefined): name is 'create' | 'replace' | 'patch' | 'delete' {
  return name === 'create' || name === 'replace' || name === 'patch' || name === 'delete';
}
