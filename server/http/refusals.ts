import { randomUUID } from 'node:crypto';
import { refusalText } from '#directory/event.ts';
import { ScimError } from '#scim/errors.ts';
import type { Bridge, ScimContext, ScimMiddleware } from './context.ts';

/** Appends an event for a write that was refused: the history shows what an IdP tried in vain. */
export function recordRefusals(bridge: Bridge): ScimMiddleware {
  return async function recordRefusals(ctx, next) {
    try {
      await next();
    } catch (thrown) {
      if (thrown instanceof ScimError && thrown.status < 500) await record(bridge, ctx, thrown);
      throw thrown;
    }
  };
}

async function record(bridge: Bridge, ctx: ScimContext, refusal: ScimError): Promise<void> {
  const { written, account, caller } = ctx.state;
  if (written?.resourceType === undefined || !isOperation(written.operation)) return;
  const { operation, resourceType, id } = written;
  const facts = { operation, resourceType, ...(id === undefined ? {} : { id: id.slice(0, 64) }) };
  const event = refusalText(caller, facts, `${refusal.status} ${refusal.problem}`);
  try {
    await account.directory.store.commit({ operationId: randomUUID(), events: [event] });
  } catch (err) {
    bridge.log.warn({ reqId: caller.requestId, err }, 'the event of a refused write was lost');
  }
}

function isOperation(name: string): name is 'create' | 'replace' | 'patch' | 'delete' {
  return name === 'create' || name === 'replace' || name === 'patch' || name === 'delete';
}
