import { randomUUID } from 'node:crypto';
import { ScimError } from '#scim/errors.ts';
import type { Bridge, ScimMiddleware, ScimState } from './context.ts';
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
    const level = written === undefined ? 'debug' : 'info';
    if (!bridge.log.isLevelEnabled(level)) return;
    bridge.log[level](
      {
        reqId: state.requestId,
        idp: state.caller?.idp,
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
