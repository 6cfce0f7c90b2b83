import { ScimError } from '#scim/errors.ts';
import { send } from './answer.ts';
import { authenticate, SCIM_TOKEN, type WantedToken } from './authenticate.ts';
import type { Bridge, ScimContext, ScimMiddleware } from './context.ts';
import { FailedTokens } from './failed-tokens.ts';
import { sendFrontPage } from './front-page.ts';
import type { Health } from './health.ts';
import type { Metrics } from './metrics.ts';

/** What an operator asks of the bridge, besides SCIM. */
export interface Operations {
  readonly health: Health;
  readonly metrics: Metrics;
  /** From SIGTERM on: load balancers are to send no more. */
  isDraining(): boolean;
}

const TAKES_HEALTH_TOKEN =
  'This takes the health-only token, made by "op-scim session add-health-token".';
const HEALTH_TOKEN: WantedToken = { missing: TAKES_HEALTH_TOKEN, wrong: TAKES_HEALTH_TOKEN };
const TAKES_EITHER_TOKEN =
  'This takes the health-only token, made by "op-scim session add-health-token", or the SCIM token.';
const EITHER_TOKEN: WantedToken = { missing: TAKES_EITHER_TOKEN, wrong: TAKES_EITHER_TOKEN };

type Serve = (ctx: ScimContext) => Promise<void> | void;

/**
 * `/ping` for anyone, `/health` and `/metrics` with the SCIM token, `/monitoring` with the health-only
 * token, and a page at `/app` for who opens the address in a browser. Lets other paths pass.
 */
export function operationRoutes(
  bridge: Bridge,
  operations: Operations,
  failed: FailedTokens,
): ScimMiddleware {
  const routes: Readonly<Record<string, Serve>> = {
    '/ping': (ctx) => ping(ctx, operations),
    '/health': async (ctx) => {
      requireScope(authenticate(bridge, failed, ctx, SCIM_TOKEN).scope, 'scim');
      send(ctx, 200, await operations.health.reportText());
    },
    '/monitoring': async (ctx) => {
      requireScope(authenticate(bridge, failed, ctx, HEALTH_TOKEN).scope, 'health');
      send(ctx, 200, await operations.health.reportText());
    },
    '/metrics': async (ctx) => {
      authenticate(bridge, failed, ctx, EITHER_TOKEN);
      await sendMetrics(ctx, operations);
    },
    '/': (ctx) => {
      ctx.redirect('/app');
      ctx.status = 307;
    },
    '/app': sendFrontPage,
    // Load balancers of the vendor's bridge were told to look here.
    '/app/status': sendFrontPage,
  };
  return operationsOf(routes);
}

/** The probe server: `/ping`, `/monitoring` and `/metrics`, nothing else, in clear and within the cluster. */
export function probeRoutes(bridge: Bridge, operations: Operations): ScimMiddleware {
  const failed = new FailedTokens(Date.now);
  return operationsOf({
    '/ping': (ctx) => ping(ctx, operations),
    '/monitoring': async (ctx) => {
      requireScope(authenticate(bridge, failed, ctx, HEALTH_TOKEN).scope, 'health');
      send(ctx, 200, await operations.health.reportText());
    },
    '/metrics': async (ctx) => {
      requireScope(authenticate(bridge, failed, ctx, HEALTH_TOKEN).scope, 'health');
      await sendMetrics(ctx, operations);
    },
  });
}

function operationsOf(routes: Readonly<Record<string, Serve>>): ScimMiddleware {
  const table = new Map(Object.entries(routes));
  const operation = async (ctx: ScimContext, serve: Serve): Promise<void> => {
    ctx.state.route = ctx.path;
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.res.setHeader('Allow', 'GET, HEAD');
      throw new ScimError('methodNotAllowed', `${ctx.path} takes GET, not ${ctx.method}.`);
    }
    ctx.res.setHeader('Content-Type', 'application/json; charset=utf-8');
    await serve(ctx);
  };
  // Not async: what passes through costs no promise of its own.
  return function operations(ctx, next) {
    const serve = table.get(ctx.path);
    return serve === undefined ? next() : operation(ctx, serve);
  };
}

/** 200 as soon as the process serves, 503 once it is asked to end. */
function ping(ctx: ScimContext, operations: Operations): void {
  ctx.res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  const draining = operations.isDraining();
  send(ctx, draining ? 503 : 200, draining ? 'draining\n' : 'pong\n');
}

async function sendMetrics(ctx: ScimContext, { metrics }: Operations): Promise<void> {
  const text = await metrics.text();
  ctx.res.setHeader('Content-Type', metrics.contentType);
  send(ctx, 200, text);
}

function requireScope(scope: 'scim' | 'health', wanted: 'scim' | 'health'): void {
  if (scope === wanted) return;
  throw new ScimError(
    'forbidden',
    wanted === 'health'
      ? TAKES_HEALTH_TOKEN
      : 'This takes the SCIM token, not the health-only one.',
  );
}
