import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { ScimError } from '#scim/errors.ts';
import type { ProxyCheck } from './context.ts';

/** A name, IPv4 or bracketed IPv6 address with an optional port: nothing that could end up in a link as more. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * The origin that links of an answer begin with. A configured one wins; else the Host header after
 * a strict check. X-Forwarded-* count only from a trusted proxy.
 */
export function originOf(
  request: IncomingMessage,
  configured: string | undefined,
  isTrustedProxy: ProxyCheck,
): string {
  if (configured !== undefined) return configured;
  const { headers, socket } = request;
  let host = headers.host ?? '';
  let protocol = 'encrypted' in socket ? 'https' : 'http';
  const forwardedHost = headers['x-forwarded-host'];
  const forwardedProto = headers['x-forwarded-proto'];
  if (forwardedHost !== undefined || forwardedProto !== undefined) {
    if (isTrustedProxy(socket.remoteAddress ?? '')) {
      host = first(forwardedHost) || host;
      protocol = first(forwardedProto)?.toLowerCase() === 'https' ? 'https' : protocol;
    }
  }
  if (!HOST.test(host)) {
    throw new ScimError('badRequest', 'The Host header is missing or is not a host name.');
  }
  return `${protocol}://${host}`;
}

/**
 * The client's address: the last one that a trusted proxy added, else the connection's. What is no
 * address ends the search: nobody vouches for what stands before it.
 */
export function clientAddress(request: IncomingMessage, isTrustedProxy: ProxyCheck): string {
  let address = request.socket.remoteAddress ?? '';
  const forwarded = request.headers['x-forwarded-for'];
  if (forwarded === undefined || !isTrustedProxy(address)) return address;
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : forwarded).split(',');
  while (isTrustedProxy(address)) {
    const hop = addressOf(hops.pop() ?? '');
    if (hop === undefined) break;
    address = hop;
  }
  return address;
}

/** Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711. */
function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d+$/, '$1');
  return isIP(bare) === 0 ? undefined : bare;
}

function first(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  return text?.split(',')[0]?.trim();
}
