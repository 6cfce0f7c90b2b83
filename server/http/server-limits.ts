import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const CONNECTIONS_MAX = 10_000;
/** Longer than the idle time of the usual load balancers (60 s), so that it is them who close. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 20_000;
const REQUEST_MS = 60_000;

/** Time-outs and caps of a server, and answers in SCIM's form for what is not HTTP. */
export function hardenServer(server: Server, isDraining: () => boolean): void {
  server.maxConnections = CONNECTIONS_MAX;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  server.prependListener('request', (_request: unknown, response: ServerResponse) => {
    if (isDraining()) response.setHeader('Connection', 'close');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const isTooLong = error.code === 'HPE_HEADER_OVERFLOW';
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    const status = isTooLong
      ? '431 Request Header Fields Too Large'
      : isLate
        ? '408 Request Timeout'
        : '400 Bad Request';
    const detail = isTooLong
      ? 'The headers and address are longer than 16 KiB. Use POST /.search for a long filter.'
      : isLate
        ? 'The request did not arrive in time. Send it again.'
        : 'This is not an HTTP request that the bridge understands.';
    const body = JSON.stringify({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: status.slice(0, 3),
      detail,
    });
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: application/scim+json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
}
