import Koa from 'koa';
import { ScimError } from '#scim/errors.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { answer } from './answer.ts';
import { authenticate, SCIM_TOKEN } from './authenticate.ts';
import { postBulk } from './bulk.ts';
import type {
  Bridge,
  Endpoint,
  OpenAccount,
  ScimContext,
  ScimMiddleware,
  ScimState,
} from './context.ts';
import { createDiscoveryTexts, discover } from './discovery.ts';
import { FailedTokens } from './failed-tokens.ts';
import { refuseForeignHosts } from './foreign-host.ts';
import {
  deleteGroupEndpoint,
  getGroup,
  patchGroupEndpoint,
  postGroup,
  putGroup,
} from './groups.ts';
import { idpOf } from './idp.ts';
import { ALL_TYPES, listResources, searchResources } from './list.ts';
import { observe } from './observe.ts';
import { type Operations, operationRoutes, probeRoutes } from './operations.ts';
import { originOf } from './origin.ts';
import { RateLimit } from './rate-limit.ts';
import { recordIfRefused } from './refusals.ts';
import { findRoute, type Route, type RouteName } from './routes.ts';
import { deleteUserEndpoint, getUser, patchUserEndpoint, postUser, putUser } from './users.ts';

type Methods = Readonly<Partial<Record<string, Endpoint>>>;

/** Every endpoint of SCIM (RFC 7644 §3.2). HEAD is answered like GET, without a body. */
function scimRoutes(bridge: Bridge): Readonly<Record<RouteName, Methods>> {
  const texts = createDiscoveryTexts(bridge);
  return {
    '/Users': { GET: listResources(USER), POST: postUser(bridge) },
    '/Users/{id}': {
      GET: getUser(),
      PUT: putUser(bridge),
      PATCH: patchUserEndpoint(bridge),
      DELETE: deleteUserEndpoint(),
    },
    '/Users/.search': { POST: searchResources(bridge, [USER]) },
    '/Groups': { GET: listResources(GROUP), POST: postGroup(bridge) },
    '/Groups/{id}': {
      GET: getGroup(),
      PUT: putGroup(bridge),
      PATCH: patchGroupEndpoint(bridge),
      DELETE: deleteGroupEndpoint(),
    },
    '/Groups/.search': { POST: searchResources(bridge, [GROUP]) },
    '/.search': { POST: searchResources(bridge, ALL_TYPES) },
    '/Bulk': { POST: postBulk(bridge) },
    '/Me': { GET: me, PUT: me, PATCH: me, DELETE: me, POST: me },
    '/Schemas': { GET: discover(texts, (all, base) => all.schemas(base)) },
    '/Schemas/{id}': { GET: discover(texts, (all, base, id) => all.schema(id, base)) },
    '/ResourceTypes': { GET: discover(texts, (all, base) => all.resourceTypes(base)) },
    '/ResourceTypes/{id}': { GET: discover(texts, (all, base, id) => all.resourceType(id, base)) },
    '/ServiceProviderConfig': {
      GET: discover(texts, (all, base) => all.serviceProviderConfig(base)),
    },
  };
}

/** The bridge as a web application: what a request passes, in this order. */
export function createApp(bridge: Bridge, operations: Operations): Koa<ScimState> {
  const app = new Koa<ScimState>();
  reportBrokenAnswers(app, bridge);
  app.use(observe(bridge, operations.metrics.requests));
  app.use(announceEnd(operations));
  app.use(answer(bridge));
  if (bridge.servedHost !== undefined) app.use(refuseForeignHosts(bridge.servedHost));
  const failed = new FailedTokens(Date.now);
  app.use(operationRoutes(bridge, operations, failed));
  app.use(scim(bridge, failed));
  return app;
}

/** The probe server's application: no SCIM, no status page. */
export function createProbeApp(bridge: Bridge, operations: Operations): Koa<ScimState> {
  const app = new Koa<ScimState>();
  reportBrokenAnswers(app, bridge);
  app.use(observe(bridge, operations.metrics.requests));
  app.use(announceEnd(operations));
  app.use(answer(bridge));
  app.use(probeRoutes(bridge, operations));
  app.use(() => {
    throw new ScimError('notFound', 'This port serves /ping, /metrics and /monitoring alone.');
  });
  return app;
}

/** What goes wrong while an answer is being sent can't be answered: Koa cuts it and tells us. */
function reportBrokenAnswers(app: Koa<ScimState>, { log }: Bridge): void {
  app.on('error', (err: NodeJS.ErrnoException, ctx: ScimContext | undefined) => {
    const hasLeft = CLIENT_LEFT.has(err.code ?? '');
    const fields = { reqId: ctx?.state.requestId, err };
    if (hasLeft) log.debug(fields, 'the client went away before its answer was sent');
    else log.warn(fields, 'an answer broke off');
  });
}

const CLIENT_LEFT = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

/** While draining, each answer is the last one of its connection, also to what came before. */
function announceEnd({ isDraining }: Operations): ScimMiddleware {
  return async function announceEnd(ctx, next) {
    await next();
    if (isDraining() && !ctx.res.headersSent) ctx.res.setHeader('Connection', 'close');
  };
}

function scim(bridge: Bridge, failed: FailedTokens): ScimMiddleware {
  const routes = scimRoutes(bridge);
  const rate = new RateLimit(bridge.limits.requestsPerSecond, () => performance.now());
  return async function scim(ctx) {
    const route = findRoute(ctx.path);
    if (route === undefined) throw noEndpoint(ctx);
    ctx.state.route = route.name;
    const grant = authenticate(bridge, failed, ctx, SCIM_TOKEN);
    if (grant.scope !== 'scim') throw healthTokenAlone();
    if (!rate.take()) throw tooFast(bridge);
    const endpoint = endpointOf(ctx, routes[route.name], route);
    const { state } = ctx;
    const origin = originOf(ctx.req, bridge.origin, bridge.trustedProxies);
    state.baseUrl = `${origin}${route.prefix}`;
    state.caller = {
      requestId: state.requestId,
      kid: grant.kid,
      idp: idpOf(ctx.req.headers),
      strict: bridge.isStrict || grant.strict,
    };
    const account = bridge.account();
    state.account = account instanceof Promise ? await account : account;
    try {
      await confirmed(bridge, state.account, () => endpoint(ctx, decodeId(route.id)));
    } catch (thrown) {
      await recordIfRefused(bridge, ctx, thrown);
      throw thrown;
    }
  };
}

/** An answer and a refusal count only if the store did not come back empty under them. */
async function confirmed(
  bridge: Bridge,
  account: OpenAccount,
  work: () => Promise<void> | void,
): Promise<void> {
  try {
    await work();
  } finally {
    const doubt = bridge.confirm(account);
    if (doubt !== undefined) await doubt;
  }
}

function endpointOf(ctx: ScimContext, methods: Methods, route: Route): Endpoint {
  const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
  const endpoint = methods[method];
  if (endpoint !== undefined) return endpoint;
  const allowed = Object.keys(methods).join(', ');
  ctx.res.setHeader('Allow', allowed);
  throw new ScimError('methodNotAllowed', `${route.name} takes ${allowed}, not ${ctx.method}.`);
}

/** A bearer token stands for an integration, not for a person (RFC 7644 §3.11). */
function me(): never {
  throw new ScimError(
    'notImplemented',
    '/Me has no meaning for the bearer token of an integration. Use /Users with a filter.',
  );
}

function decodeId(id: string): string {
  if (!id.includes('%')) return id;
  try {
    return decodeURIComponent(id);
  } catch (cause) {
    throw new ScimError(
      'notFound',
      'There is nothing with such an id: it is not percent-encoded UTF-8. Use the id that the bridge gave.',
      { cause },
    );
  }
}

function noEndpoint(ctx: ScimContext): ScimError {
  if (/^\/scim\/v1(?:\.\d)?\//.test(ctx.path)) {
    return new ScimError(
      'invalidVers',
      'The bridge speaks SCIM 2.0. Use the address without "/v1".',
    );
  }
  return new ScimError(
    'notFound',
    'There is no such endpoint. The base address of SCIM is the address of the bridge, alone or with /scim or /scim/v2.',
  );
}

function healthTokenAlone(): ScimError {
  return new ScimError(
    'forbidden',
    'This bearer token is for /monitoring and /metrics alone. Enter the SCIM token in the identity provider.',
  );
}

function tooFast({ limits }: Bridge): ScimError {
  return new ScimError(
    'tooManyRequests',
    `More than ${limits.requestsPerSecond} requests a second came for this account. Wait as Retry-After says, or raise OP_RATE_LIMIT.`,
    { retryAfterSeconds: 1 },
  );
}
