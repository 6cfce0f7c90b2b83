import type { IncomingHttpHeaders } from 'node:http';

const MARKS = ['okta', 'onelogin', 'jumpcloud', 'rippling', 'google', 'ping', 'keycloak'] as const;

/**
 * The identity provider as its headers name it, for logs and events alone: how a request is read
 * depends on its shape, never on this.
 */
export function idpOf(headers: IncomingHttpHeaders): string {
  if (headers['adscimversion'] !== undefined) return 'entra';
  const agent = headers['user-agent']?.toLowerCase() ?? '';
  return MARKS.find((mark) => agent.includes(mark)) ?? 'other';
}
