import type { X509Certificate } from 'node:crypto';
import type { CaaRecord } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { errorCode } from '#base/error-code.ts';

/** The ways in which doctor reaches out, so that tests can lead it elsewhere. */
export interface Network {
  /** Addresses of a name by DNS alone. Rejects with an Error that has a `code`, as `ENODATA`. */
  addressesOf(name: string, family: 4 | 6): Promise<readonly string[]>;
  /** As `addressesOf`. */
  caaRecordsOf(name: string): Promise<readonly CaaRecord[]>;
  connect(address: string, port: number): Socket;
  /** Addresses of this machine. */
  ownAddresses(): readonly string[];
  /** PEM texts of the authorities that clients know. Undefined: those of Node. */
  readonly trustedRoots?: readonly string[];
}

const LOOK_UP_MS = 2_000;
const LOOK_UP_TRIES = 2;
/** For a connection and its handshake. */
const HANDSHAKE_MS = 5_000;

export function openNetwork(): Network {
  const resolver = new Resolver({ timeout: LOOK_UP_MS, tries: LOOK_UP_TRIES });
  return {
    addressesOf: (name, family) =>
      family === 4 ? resolver.resolve4(name) : resolver.resolve6(name),
    caaRecordsOf: (name) => resolver.resolveCaa(name),
    connect: (address, port) => connect({ host: address, port }),
    ownAddresses: () =>
      Object.values(networkInterfaces()).flatMap((list) =>
        (list ?? []).map(({ address }) => address),
      ),
  };
}

/** What was met at one address on port 443. */
export interface Handshake {
  readonly address: string;
  /** Undefined: a connection was made. */
  readonly refusal?: string;
  /** Why there was no handshake though a connection was made. */
  readonly tlsProblem?: string;
  readonly certificate?: X509Certificate;
  /** OpenSSL's code, such as `CERT_HAS_EXPIRED`; undefined: clients trust it. */
  readonly distrust?: string;
}

/** Connects as a client of `domain` does, but takes any certificate. Sends no request. Never rejects. */
export function shakeHands(network: Network, address: string, domain: string): Promise<Handshake> {
  return new Promise((resolve) => {
    const socket = network.connect(address, 443);
    let isConnected = false;
    const end = (found: Omit<Handshake, 'address'>): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ address, ...found });
    };
    const fail = (reason: string): void => {
      end(isConnected ? { tlsProblem: reason } : { refusal: reason });
    };
    const timer = setTimeout(
      () => fail(`no answer within ${HANDSHAKE_MS / 1_000} s`),
      HANDSHAKE_MS,
    );
    socket.once('error', (error) => fail(reasonOf(error)));
    socket.once('connect', () => {
      isConnected = true;
      const { trustedRoots } = network;
      const options: ConnectionOptions = {
        socket,
        servername: domain,
        rejectUnauthorized: false,
        ...(trustedRoots === undefined ? {} : { ca: [...trustedRoots] }),
      };
      const tls = connectTls(options);
      tls.once('error', (error) => fail(reasonOf(error)));
      tls.once('close', () => fail('the connection was closed in the middle of the handshake'));
      tls.once('secureConnect', () => {
        const certificate = tls.getPeerX509Certificate();
        // @types/node say Error; Node gives the code.
        const distrust = tls.authorized ? undefined : String(tls.authorizationError);
        if (certificate === undefined) return fail('no certificate was shown');
        end({ certificate, ...(distrust === undefined ? {} : { distrust }) });
      });
    });
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection is refused: nothing listens there',
  ECONNRESET: 'the connection is cut',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'this machine has no network that leads there',
  ETIMEDOUT: 'nothing answers',
  EPIPE: 'the connection is cut',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the server has no certificate to show yet',
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': 'the server has no certificate to show yet',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS there',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS there',
};

function reasonOf(error: Error): string {
  const code = codeOf(error);
  return REASONS[code] ?? `the connection fails (${code})`;
}

/** The code of an error of Node; without one its message. */
export function codeOf(thrown: unknown): string {
  return errorCode(thrown) ?? (thrown instanceof Error ? thrown.message : String(thrown));
}
