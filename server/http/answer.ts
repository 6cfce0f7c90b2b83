import { ScimError } from '#scim/errors.ts';
import { StoreUnavailable } from '#store/store.ts';
import type { Bridge, ScimContext, ScimMiddleware } from './context.ts';

const SCIM_JSON = 'application/scim+json; charset=utf-8';
const JSON_ONLY = 'application/json; charset=utf-8';
const RETRY_AFTER_SECONDS = 5;

/**
 * Outermost: sets the media type (RFC 7644 §3.1, §3.8) and is the only place that answers errors.
 * Every error is a SCIM error body with the reference under which the log has the rest.
 */
export function answer(bridge: Bridge): ScimMiddleware {
  return async function answer(ctx, next) {
    ctx.res.setHeader('Content-Type', mediaType(ctx.req.headers.accept));
    try {
      await next();
    } catch (thrown) {
      answerError(bridge, ctx, thrown);
    }
  };
}

/** Sends JSON text. Koa would look at the text to guess a type; the type is set already. */
export function send(ctx: ScimContext, status: number, text: string): void {
  ctx.status = status;
  ctx.body = text;
}

function answerError(bridge: Bridge, ctx: ScimContext, thrown: unknown): void {
  const error = asScimError(thrown, ctx.state.written !== undefined);
  ctx.state.failure = thrown;
  if (error.problem === 'internal') {
    bridge.log.error({ reqId: ctx.state.requestId, err: thrown }, 'a request failed by a bug');
  } else if (error.problem === 'unavailable') {
    bridge.log.warn({ reqId: ctx.state.requestId, reason: error.message }, 'a request was put off');
  }
  if (ctx.res.headersSent) {
    // A list that broke off in the middle: only a cut connection tells the client.
    ctx.req.destroy();
    return;
  }
  if (error.retryAfterSeconds !== undefined) {
    ctx.res.setHeader('Retry-After', String(error.retryAfterSeconds));
  }
  if (error.problem === 'tooLarge') ctx.res.setHeader('Connection', 'close');
  ctx.res.setHeader('Content-Type', mediaType(ctx.req.headers.accept));
  send(ctx, error.status, JSON.stringify(error.toBody(ctx.state.requestId)));
}

/** What the client is told of whatever was thrown while it `isWriting`, or only reading. */
export function asScimError(thrown: unknown, isWriting: boolean): ScimError {
  if (thrown instanceof ScimError) return thrown;
  if (thrown instanceof StoreUnavailable) {
    // A commit whose answer got lost may have been made.
    const doubt = isWriting ? ': whether it changed something is not known.' : '.';
    const detail = `${thrown.reason} Send the request again${doubt}`;
    return new ScimError('unavailable', detail, {
      cause: thrown,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
  return new ScimError(
    'internal',
    'The bridge failed by an error of its own. Look the reference up in its log, and report it.',
    { cause: thrown },
  );
}

/** OneLogin asks for application/json and wants it back; Entra wants application/scim+json. */
function mediaType(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*') return SCIM_JSON;
  const wanted = accept.toLowerCase();
  if (wanted.includes('application/scim+json')) return SCIM_JSON;
  return wanted.includes('application/json') ? JSON_ONLY : SCIM_JSON;
}
