import type { Socket } from 'node:net';

/** How long a refused client may go on sending: were it cut at once, it could miss the answer. */
const LINGER_MS = 1_000;

interface Refusal {
  readonly status: string;
  readonly detail: string;
}

const NOT_HTTP: Refusal = {
  status: '400 Bad Request',
  detail: 'This is not an HTTP request that the bridge understands. Check that it speaks HTTP/1.1.',
};
/** By the code of Node's error. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  tunnel: {
    status: '405 Method Not Allowed',
    detail: 'The bridge is no proxy: it opens no tunnels. Send the request to it directly.',
  },
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    detail: 'The headers and address are longer than 16 KiB. Use POST /.search for a long filter.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    detail: 'The request did not arrive in time. Send it again, and all of it at once.',
  },
};

/** Where there is no response object, the answer is written by hand, and the connection ends. */
export function refuseConnection(socket: Socket, code: string | undefined): void {
  const { status, detail } = REFUSALS[code ?? ''] ?? NOT_HTTP;
  const body = JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: status.slice(0, 3),
    detail,
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/scim+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
