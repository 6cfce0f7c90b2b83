import { ScimError } from '#scim/errors.ts';
import type { Grant } from '#session/keyring.ts';
import type { Bridge, ScimContext } from './context.ts';
import type { FailedTokens } from './failed-tokens.ts';
import { clientAddress } from './origin.ts';

/** What a refusal says of the token that is wanted: first when there is none, then when it is wrong. */
export interface WantedToken {
  readonly missing: string;
  readonly wrong: string;
}

export const SCIM_TOKEN: WantedToken = {
  missing: 'Enter the token that belongs to the scimsession file in the identity provider.',
  wrong:
    'Check that the identity provider has the token that belongs to the scimsession file in use.',
};

/**
 * The grant of the request's bearer token (RFC 6750 §2.1; the scheme's name in any case). The token
 * is checked before anything is counted: a good one always passes. Throws ScimError.
 */
export function authenticate(
  bridge: Bridge,
  failed: FailedTokens,
  ctx: ScimContext,
  wanted: WantedToken,
): Grant {
  const header = ctx.req.headers.authorization;
  const token = header === undefined ? undefined : bearerToken(header);
  const grant = token === undefined ? undefined : bridge.check(token);
  if (grant !== undefined) return grant;
  ctx.set('WWW-Authenticate', token === undefined ? CHALLENGE : REFUSED);
  if (token !== undefined) refuseGuessing(bridge, failed, ctx);
  throw new ScimError(
    'unauthorized',
    token === undefined
      ? `The request has no bearer token. ${wanted.missing}`
      : `The bearer token is not one of this bridge. ${wanted.wrong}`,
  );
}

const CHALLENGE = 'Bearer realm="op-scim"';
const REFUSED = 'Bearer realm="op-scim", error="invalid_token"';

function bearerToken(header: string): string | undefined {
  if (header.length < 8 || header.charCodeAt(6) !== 0x20) return undefined;
  const scheme = header.slice(0, 6);
  if (scheme !== 'Bearer' && scheme.toLowerCase() !== 'bearer') return undefined;
  return header.slice(7).trim();
}

function refuseGuessing(bridge: Bridge, failed: FailedTokens, ctx: ScimContext): void {
  const retryAfterSeconds = failed.note(clientAddress(ctx.req, bridge.trustedProxies));
  if (retryAfterSeconds === undefined) return;
  throw new ScimError(
    'tooManyRequests',
    'Too many requests with wrong bearer tokens came from this address. Correct the token in the identity provider; a good one is accepted at once.',
    { retryAfterSeconds },
  );
}
