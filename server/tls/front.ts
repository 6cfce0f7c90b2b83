import type { RequestListener, ServerResponse } from 'node:http';
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
  /** Who answers requests. Until it is called they are cut off. */
  serveBy(listener: RequestListener): void;
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
export function createFront(answers: ChallengeAnswers): Front {
  let serve: RequestListener | undefined;
  let strictTransport = false;
  const server = createServer(
    {
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
    },
    (request, response) => {
      // The handshake was all (RFC 8737 §3): what comes after it is not answered.
      if (serve === undefined || isAcme(request.socket)) request.socket.destroy();
      else serve(request, response);
    },
  );
  server.on('secureConnection', (socket) => {
    if (isAcme(socket)) socket.end();
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.prependListener('request', (_request: unknown, response: ServerResponse) => {
    if (strictTransport) response.setHeader('Strict-Transport-Security', STRICT_TRANSPORT_SECURITY);
  });
  return {
    server,
    serveBy(listener) {
      serve = listener;
    },
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

function isAcme(socket: object): boolean {
  return 'alpnProtocol' in socket && socket.alpnProtocol === ACME;
}
