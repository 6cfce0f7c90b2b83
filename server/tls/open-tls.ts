import { readFileSync } from 'node:fs';
import type { RequestListener, ServerOptions } from 'node:http';
import type { Server } from 'node:https';
import type { Logger } from 'pino';
import type { Config } from '#config/options.ts';
import type { StoreBackend } from '#store/store.ts';
import { openAcmeSource } from './acme-source.ts';
import type { Certificate } from './certificate.ts';
import { PendingChallenge } from './challenges.ts';
import { type DnsTuning, openDnsChallenge } from './dns/open-dns-challenge.ts';
import { loadEngine } from './engines.ts';
import { openFileSource } from './file-source.ts';
import { createFront } from './front.ts';
import { httpChallengeListener } from './http-challenge.ts';
import type { OrderOptions, OrderTimes } from './orders.ts';
import { RETRY_PLAN } from './schedule.ts';
import { openSeal } from './seal.ts';
import {
  type CertificateFinding,
  type CertificateSource,
  type CertificateStatus,
  certificateFinding,
} from './status.ts';
import { openTlsStore } from './tls-store.ts';
import { isPubliclyTrusted } from './trust.ts';

/** The HTTPS side of the bridge. */
export interface Tls {
  /** Without a listener of requests, and not listening yet. */
  readonly server: Server;
  /** With HTTP-01: what plain HTTP on OP_PORT answers. */
  readonly plainListener: RequestListener | undefined;
  status(): CertificateStatus;
  finding(): CertificateFinding;
  /** Serves the certificate that is there, and sees to it from now on. Never rejects. */
  start(): Promise<void>;
  /** Gives up an order under way. The server is the caller's to close. */
  close(): Promise<void>;
}

export interface TlsParts {
  readonly config: Config;
  readonly domain: string;
  readonly backend: StoreBackend;
  /** 32 bytes of the session as it is now; OP_TLS_KEY_SECRET comes first. */
  readonly storeSeal: () => Buffer;
  readonly log: Logger;
  /** Limits of the HTTP server. */
  readonly http: ServerOptions;
  readonly tuning?: TlsTuning;
}

/** What tests make shorter or replace. */
export interface TlsTuning extends Partial<OrderTimes> {
  readonly pollMs?: number;
  readonly filePollMs?: number;
  readonly dns?: DnsTuning;
  /** PEM texts of the authorities that browsers know. */
  readonly publicRoots?: readonly string[];
  readonly now?: () => number;
  readonly random?: () => number;
}

const POLL_MS = 2_000;
const FILE_POLL_MS = 10_000;
const FIRST_ORDER_MS = 10_000;
const LEASE_MS = 60_000;
/** Longer than a replica goes without asking the store again for a challenge. */
const SPREAD_MS = 1_100;

/** Throws OperatorError for settings that can't be served; certificates are no reason for one. */
export async function openTls(parts: TlsParts): Promise<Tls> {
  const { domain, config, tuning = {} } = parts;
  const { publicRoots, now = Date.now } = tuning;
  const challenges = await PendingChallenge.create(domain);
  const front = createFront(challenges, parts.http);
  const useCertificate = (certificate: Certificate): void => {
    front.use(certificate);
    front.setStrictTransport(isPubliclyTrusted(certificate.chainPem, publicRoots));
  };
  const source =
    openFiles(parts, useCertificate) ?? (await openAcme(parts, challenges, useCertificate));
  const isOwn = config.tlsCertFile !== undefined;
  const isHttpChallenge = !isOwn && config.acmeChallenge === 'http-01';
  return {
    server: front.server,
    plainListener: isHttpChallenge ? httpChallengeListener(domain, challenges) : undefined,
    status: () => source.status(),
    finding: () => certificateFinding(source.status(), now()),
    start: () => source.start(),
    close: () => source.close(),
  };
}

function openFiles(
  { config, domain, log, tuning = {} }: TlsParts,
  serve: (certificate: Certificate) => void,
): CertificateSource | undefined {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
  if (certFile === undefined || keyFile === undefined) return undefined;
  const { filePollMs: pollMs = FILE_POLL_MS, now = Date.now } = tuning;
  return openFileSource({ domain, certFile, keyFile, log, pollMs, now, serve });
}

async function openAcme(
  parts: TlsParts,
  challenges: PendingChallenge,
  serve: (certificate: Certificate) => void,
): Promise<CertificateSource> {
  const { config, domain, backend, log, tuning = {} } = parts;
  const { acmeEabKid: kid, acmeEabHmac: hmacKey, acmeCaFile } = config;
  const url = config.acmeDirectoryUrl;
  return openAcmeSource({
    domain,
    engine: await loadEngine(config.acmeEngine),
    directory: {
      url,
      ...(acmeCaFile === undefined ? {} : { caPem: readFileSync(acmeCaFile, 'utf8') }),
    },
    email: config.acmeEmail ?? `1pw@${domain}`,
    externalAccount: kid === undefined || hmacKey === undefined ? undefined : { kid, hmacKey },
    profile: config.acmeProfile,
    challenge: openChallenge(parts),
    store: openTlsStore(backend, { domain, directoryUrl: url }),
    seal: await openSeal(config, parts.storeSeal),
    challenges,
    log,
    serve,
    times: {
      firstOrderMs: tuning.firstOrderMs ?? FIRST_ORDER_MS,
      leaseMs: tuning.leaseMs ?? LEASE_MS,
      // Nobody but this process has an SQLite file.
      spreadMs: tuning.spreadMs ?? (backend.kind === 'redis' ? SPREAD_MS : 0),
      retry: tuning.retry ?? RETRY_PLAN,
    },
    pollMs: tuning.pollMs ?? POLL_MS,
    now: tuning.now ?? Date.now,
    random: tuning.random ?? Math.random,
  });
}

function openChallenge({ config, domain, log, tuning = {} }: TlsParts): OrderOptions['challenge'] {
  const { dnsChallengeConfigFile: path, acmeChallenge } = config;
  if (path === undefined) return acmeChallenge;
  const { dns, now = Date.now } = tuning;
  return openDnsChallenge({ path, domain, log, now, tuning: dns });
}
