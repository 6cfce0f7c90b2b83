import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { refuseConnection } from './refused-connection.ts';

const CONNECTIONS_MAX = 10_000;
/** Longer than the idle time of the usual load balancers (60 s), so that it is them who close. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 20_000;
const REQUEST_MS = 60_000;
/** Without a byte in either direction: a client that doesn't read its answer holds its memory. */
const SILENCE_MS = 120_000;
/** How often connections are looked at for the two above. */
const CHECK_INTERVAL_MS = 1_000;
/** While draining: how often connections that became idle are closed … */
const IDLE_INTERVAL_MS = 100;
/** … how long one that has sent nothing yet is waited for … */
const SILENT_MS = 1_000;
/** … and when what is not finished is cut. */
const DRAIN_MAX_MS = 30_000;

/** Of an HTTPS server that `limitServer` gets. */
export const SERVER_OPTIONS = {
  keepAliveTimeout: KEEP_ALIVE_MS,
  headersTimeout: HEADERS_MS,
  requestTimeout: REQUEST_MS,
  connectionsCheckingInterval: CHECK_INTERVAL_MS,
  // A request without Host is refused by `originOf`, with a sentence.
  requireHostHeader: false,
} as const satisfies ServerOptions;

export interface LimitedServer {
  readonly server: Server | SecureServer;
  /** Takes no more connections, and resolves when all that was accepted is answered. */
  drain(): Promise<void>;
}

/** A server in clear, as `limitServer` makes it. */
export function createLimitedServer(listener: RequestListener): LimitedServer {
  return limitServer(createServer(SERVER_OPTIONS), listener);
}

/** Lets `listener` answer requests, with time-outs and caps, and in SCIM's form also what is not HTTP. */
export function limitServer(
  server: Server | SecureServer,
  listener: RequestListener,
): LimitedServer {
  server.maxConnections = CONNECTIONS_MAX;
  server.timeout = SILENCE_MS;
  const responses = new WeakMap<Socket, ServerResponse>();
  const silent = new Set<Socket>();
  const expect = (socket: Socket): void => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  };
  // With TLS the second one counts what was sent after the handshake.
  server.on('connection', expect);
  server.on('secureConnection', expect);
  const serve: RequestListener = (request, response) => {
    silent.delete(request.socket);
    responses.set(request.socket, response);
    listener(request, response);
  };
  server.on('request', serve);
  // An expectation that isn't known is no reason to refuse (RFC 9110 §10.1.1 allows either).
  server.on('checkExpectation', serve);
  server.on('connect', (_request, socket: Socket) => refuseConnection(socket, 'tunnel'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const response = responses.get(socket);
    const isAnswering = response?.headersSent === true && !response.writableFinished;
    if (error.code === 'ECONNRESET' || isAnswering) socket.destroy();
    // What still comes after a refusal is an error again.
    else if (socket.writable) refuseConnection(socket, error.code);
  });
  return { server, drain: () => drain(server, silent) };
}

async function drain(server: Server | SecureServer, silent: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const timers = [
    setInterval(() => server.closeIdleConnections(), IDLE_INTERVAL_MS),
    setTimeout(() => {
      for (const socket of silent) if (socket.bytesRead === 0) socket.destroy();
    }, SILENT_MS),
    setTimeout(() => server.closeAllConnections(), DRAIN_MAX_MS),
  ];
  await closed;
  for (const timer of timers) clearTimeout(timer);
}
