import { randomUUID } from 'node:crypto';
import { ScimError } from '#scim/errors.ts';
import type { Bridge, ScimMiddleware, ScimState } from './context.ts';
import { idpOf } from './idp.ts';
import type { RequestMetric } from './request-metric.ts';

/** Gives the request its reference, and afterwards counts it and writes its one line of log. */
export function observe(bridge: Bridge, metric: RequestMetric): ScimMiddleware {
  return async function observe(ctx, next) {
    const { state } = ctx;
    state.requestId = randomUUID().slice(0, 13);
    state.startedMs = performance.now();
    state.route = 'unknown';
    state.written = undefined;
    state.failure = undefined;
    await next();
    const ms = performance.now() - state.startedMs;
    metric.count(ctx.method, state.route, ctx.status, ms);
    // The later steps fill this in, which the compiler can't see.
    const written = state.written as ScimState['written'];
    const level = written === undefined && !isTold(state) ? 'debug' : 'info';
    if (!bridge.log.isLevelEnabled(level)) return;
    bridge.log[level](
      {
        reqId: state.requestId,
        idp: state.caller?.idp ?? idpOf(ctx.req.headers),
        op: written?.operation ?? ctx.method,
        resourceType: written?.resourceType,
        id: written?.id,
        route: state.route,
        status: ctx.status,
        ms: Math.round(ms * 10) / 10,
        ...(state.failure instanceof ScimError ? { problem: state.failure.problem } : {}),
      },
      'request',
    );
  };
}

/**
 * Whether someone may look for the reference of this refusal: an administrator reads it in the identity
 * provider. What strangers try elsewhere, and a flood, would only fill the log.
 */
function isTold({ failure, caller }: Partial<ScimState>): boolean {
  if (!(failure instanceof ScimError)) return false;
  return caller !== undefined || failure.problem === 'unauthorized';
}
