import type { ServerOptions, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureContext, TLSSocket } from 'node:tls';
import { HANDSHAKE_MS, STRICT_TRANSPORT_SECURITY, TLS_OPTIONS } from './tls-options.ts';

/** Certificates that answer TLS-ALPN-01 (RFC 8737). */
export interface ChallengeAnswers {
  /** What this process knows, without asking anyone. */
  known(serverName: string): SecureContext | undefined;
  /** Whether `find` may know more. */
  canFind(serverName: string): boolean;
  /** Asks the store: another replica may have placed the order. */
  find(serverName: string): Promise<SecureContext | undefined>;
}

export interface Front {
  readonly server: Server;
  /**
   * From now on new connections get this certificate; those that are open go on as they are. Throws
   * when OpenSSL does not take it: then all stays as it was.
   */
  use(certificate: { readonly chainPem: string; readonly keyPem: string }): void;
  /** Whether browsers are told to come by HTTPS alone from now on. */
  setStrictTransport(isStrict: boolean): void;
}

const ACME = 'acme-tls/1';

/** TLSSocket as this file marks it: a handshake whose certificate is still being looked for. */
type FrontSocket = TLSSocket & { awaitedName?: string };

/**
 * The one HTTPS server. Before its first certificate it refuses handshakes. Every server name gets
 * the same certificate, and `acme-tls/1` that of a pending challenge or an alert.
 */
export function createFront(answers: ChallengeAnswers, http: ServerOptions = {}): Front {
  let strictTransport = false;
  const server = createServer({
    ...http,
    ...TLS_OPTIONS,
    handshakeTimeout: HANDSHAKE_MS,
    ALPNCallback(this: FrontSocket, { servername, protocols }) {
      if (protocols.includes(ACME)) return chooseChallenge(this, servername, answers);
      return protocols.includes('http/1.1') ? 'http/1.1' : undefined;
    },
    // Called after ALPNCallback in TLS 1.3, before it in TLS 1.2. A context given here would win
    // over the one that ALPNCallback has set.
    SNICallback(this: FrontSocket, _name, done) {
      const { awaitedName } = this;
      if (awaitedName === undefined) {
        done(null);
        return;
      }
      answers
        .find(awaitedName)
        .then((found) => (found === undefined ? done(NO_CHALLENGE) : done(null, found)), done);
    },
  });
  answerHandshakesAlone(server);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.prependListener('request', (_request: unknown, response: ServerResponse) => {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (strictTransport) response.setHeader('Strict-Transport-Security', STRICT_TRANSPORT_SECURITY);
  });
  return {
    server,
    use({ chainPem, keyPem }) {
      server.setSecureContext({ ...TLS_OPTIONS, cert: chainPem, key: keyPem });
    },
    setStrictTransport(isStrict) {
      strictTransport = isStrict;
    },
  };
}

const NO_CHALLENGE = new Error('no challenge is pending');

/** Synchronous, as ALPNCallback has to be; `undefined` is the alert no_application_protocol. */
function chooseChallenge(socket: FrontSocket, serverName: string, answers: ChallengeAnswers) {
  const name = serverName?.toLowerCase() ?? '';
  const known = answers.known(name);
  if (known !== undefined) {
    socket.setKeyCert(known);
    return ACME;
  }
  // Only in TLS 1.3 does SNICallback come after this, and can wait for the store.
  if (socket.getProtocol() !== 'TLSv1.3' || !answers.canFind(name)) return undefined;
  socket.awaitedName = name;
  return ACME;
}

/** Of `acme-tls/1` the handshake is all (RFC 8737 §3): HTTP never sees such a connection. */
function answerHandshakesAlone(server: Server): void {
  const serveHttp = server.listeners('secureConnection');
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket) => {
    if (socket.alpnProtocol === ACME) {
      socket.on('error', () => socket.destroy());
      socket.destroySoon();
      return;
    }
    for (const listener of serveHttp) listener.call(server, socket);
  });
}
