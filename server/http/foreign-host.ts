import { ScimError } from '#scim/errors.ts';
import type { ScimMiddleware } from './context.ts';

/**
 * Where TLS ends here, a request names the host of the certificate (RFC 9110 §7.4): another name
 * would get into links, or belongs to a page of someone else that points here. `/ping` answers
 * load balancers, which ask by address.
 */
export function refuseForeignHosts(servedHost: string): ScimMiddleware {
  return async function refuseForeignHosts(ctx, next) {
    if (hostOf(ctx.req.headers.host) !== servedHost && ctx.path !== '/ping') {
      ctx.state.route = 'foreign host';
      throw new ScimError(
        'misdirected',
        `This bridge serves https://${servedHost} alone. Use that address, or change OP_TLS_DOMAIN.`,
      );
    }
    await next();
  };
}

/** The name in a Host header, without port and without the dot of a full name. */
function hostOf(header: string | undefined): string | undefined {
  return header
    ?.toLowerCase()
    .replace(/:\d{1,5}$/, '')
    .replace(/\.$/, '');
}
