import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const CONNECTIONS_MAX = 10_000;
/** Longer than the idle time of the usual load balancers (60 s), so that it is them who close. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 20_000;
const REQUEST_MS = 60_000;
/** How often connections are looked at for the two above. */
const CHECK_INTERVAL_MS = 1_000;
/** How long a refused client may go on sending: were it cut at once, it could miss the answer. */
const LINGER_MS = 1_000;

/**
 * A server with time-outs and caps that answers in SCIM's form also what is not HTTP. From
 * `isDraining` on it closes each connection after the answer.
 */
export function createLimitedServer(listener: RequestListener, isDraining: () => boolean): Server {
  const server = createServer({
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    // A request without Host is refused by `originOf`, with a sentence.
    requireHostHeader: false,
  });
  server.maxConnections = CONNECTIONS_MAX;
  const responses = new WeakMap<Socket, ServerResponse>();
  const serve: RequestListener = (request, response) => {
    responses.set(request.socket, response);
    if (isDraining()) response.setHeader('Connection', 'close');
    listener(request, response);
  };
  server.on('request', serve);
  // An expectation that isn't known is no reason to refuse (RFC 9110 §10.1.1 allows either).
  server.on('checkExpectation', serve);
  server.on('connect', (_request, socket: Socket) => refuse(socket, NO_TUNNELS));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const response = responses.get(socket);
    const isAnswering = response?.headersSent === true && !response.writableFinished;
    if (error.code === 'ECONNRESET' || isAnswering) socket.destroy();
    // What still comes after a refusal is an error again.
    else if (socket.writable) refuse(socket, REFUSALS[error.code ?? ''] ?? NOT_HTTP);
  });
  return server;
}

interface Refusal {
  readonly status: string;
  readonly detail: string;
}

const NOT_HTTP: Refusal = {
  status: '400 Bad Request',
  detail: 'This is not an HTTP request that the bridge understands. Check that it speaks HTTP/1.1.',
};
const NO_TUNNELS: Refusal = {
  status: '405 Method Not Allowed',
  detail: 'The bridge is no proxy: it opens no tunnels. Send the request to it directly.',
};
const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    detail: 'The headers and address are longer than 16 KiB. Use POST /.search for a long filter.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    detail: 'The request did not arrive in time. Send it again, and all of it at once.',
  },
};

/** There is no response object for these: the answer is written by hand. */
function refuse(socket: Socket, { status, detail }: Refusal): void {
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
