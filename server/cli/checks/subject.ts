import { readFileSync } from 'node:fs';
import { OperatorError } from '#base/operator-error.ts';
import { storeKind } from '#config/combinations.ts';
import type { LoadedConfig } from '#config/load.ts';
import type { Config } from '#config/options.ts';
import type { SessionFile } from '#session/format.ts';
import { openSessionSource } from '#session/source.ts';
import { redisOptionsOf, sqliteFileOf } from '#store/open.ts';
import type { RedisLook } from '#store/redis/look.ts';
import type { SqliteLook } from '#store/sqlite/look.ts';
import { StoreUnavailable, type StoreView } from '#store/store.ts';
import { AcmeError } from '#tls/acme/acme-engine.ts';
import type { DirectoryLook } from '#tls/acme/directory.ts';
import { UnusableCertificate } from '#tls/certificate.ts';
import { type CertificateLook, lookAtFiles, lookAtRecords } from '#tls/look.ts';
import { openSeal } from '#tls/seal.ts';
import { codeOf, type Handshake, type Network, shakeHands } from './network.ts';

/** What was found, or a sentence that says why nothing was. */
export type Looked<T> =
  | { readonly found: T; readonly problem?: undefined }
  | { readonly found?: undefined; readonly problem: string };

export interface SessionLook {
  readonly session: SessionFile;
  readonly origin: string;
  /** Sentences about the file's mode. */
  readonly warnings: readonly string[];
}

export interface Addresses {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

export interface SubjectOptions {
  readonly loaded: LoadedConfig;
  /** Files that settings name and that can't be read. */
  readonly fileMistakes: string | undefined;
  readonly healthToken: string | undefined;
  readonly network: Network;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Who would be a stranger among so many addresses is not worth the wait. */
const ADDRESSES_MAX = 8;
const DIRECTORY_MS = 8_000;

/** The bridge as checks see it: what several of them need is looked at once, when the first one asks. */
export class Subject {
  readonly options: SubjectOptions;
  readonly config: Config;
  #session: Looked<SessionLook> | undefined;
  #redis: Promise<Looked<RedisLook>> | undefined;
  #sqlite: Promise<Looked<SqliteLook | 'absent'>> | undefined;
  #addresses: Promise<Looked<Addresses>> | undefined;
  #handshakes: Promise<readonly Handshake[]> | undefined;
  #certificate: Promise<Looked<CertificateLook>> | undefined;
  #directory: Promise<Looked<DirectoryLook>> | undefined;

  constructor(options: SubjectOptions) {
    this.options = options;
    this.config = options.loaded.config;
  }

  get nowMs(): number {
    return this.options.now();
  }

  /** Undefined: plain HTTP. */
  get domain(): string | undefined {
    const { tlsDomain } = this.config;
    if (tlsDomain !== undefined) return tlsDomain || undefined;
    return this.session().found?.session.meta.domain || undefined;
  }

  /** Certificates come from an authority, not from files. */
  get ordersCertificates(): boolean {
    return this.config.tlsCertFile === undefined;
  }

  session(): Looked<SessionLook> {
    this.#session ??= lookNow(() => {
      const warnings: string[] = [];
      const warn = (_fields: object, text: string): void => void warnings.push(text);
      const log = { info() {}, warn, error() {} };
      const source = openSessionSource(this.config.session, { log });
      source.close();
      return { session: source.session, origin: source.origin, warnings };
    });
    return this.#session;
  }

  redis(): Promise<Looked<RedisLook>> {
    this.#redis ??= look(async () => {
      const { lookAtRedis } = await import('#store/redis/look.ts');
      if (this.config.redisCaFile !== undefined) readText(this.config.redisCaFile);
      return lookAtRedis(redisOptionsOf(this.config));
    });
    return this.#redis;
  }

  sqlite(): Promise<Looked<SqliteLook | 'absent'>> {
    this.#sqlite ??= look(async () => {
      const { lookAtSqlite } = await import('#store/sqlite/look.ts');
      return lookAtSqlite(sqliteFileOf(this.config)) ?? 'absent';
    });
    return this.#sqlite;
  }

  /** What the store keeps. A problem is told by the check of the store itself. */
  async accounts(): Promise<Looked<(accountId: string) => StoreView>> {
    const kind = storeKind(this.config);
    if (kind === 'sqlite' && this.config.dataDirectory === ':memory:') {
      return { problem: 'The store is in the memory of the bridge alone.' };
    }
    const { found } = kind === 'redis' ? await this.redis() : await this.sqlite();
    if (found === undefined) return { problem: 'The store can not be read.' };
    return found === 'absent'
      ? { problem: 'There is no database yet.' }
      : { found: (accountId) => found.account(accountId) };
  }

  /** Of the domain, by DNS. */
  addresses(): Promise<Looked<Addresses>> {
    this.#addresses ??= this.#lookUp();
    return this.#addresses;
  }

  /** With port 443 of each address of the domain. */
  handshakes(): Promise<readonly Handshake[]> {
    this.#handshakes ??= (async () => {
      const { domain } = this;
      const { found } = await this.addresses();
      if (domain === undefined || found === undefined) return [];
      const addresses = [...found.ipv4, ...found.ipv6].slice(0, ADDRESSES_MAX);
      const { network } = this.options;
      return Promise.all(addresses.map((address) => shakeHands(network, address, domain)));
    })();
    return this.#handshakes;
  }

  /** Of the files, or of the store. */
  certificate(): Promise<Looked<CertificateLook>> {
    this.#certificate ??= look(() => this.#lookAtCertificate());
    return this.#certificate;
  }

  directory(): Promise<Looked<DirectoryLook>> {
    this.#directory ??= look(async () => {
      const { acmeCaFile, acmeDirectoryUrl: url } = this.config;
      const { lookAtDirectory } = await import('#tls/acme/directory.ts');
      const ca = acmeCaFile === undefined ? {} : { caPem: readText(acmeCaFile) };
      return lookAtDirectory({ url, ...ca }, AbortSignal.timeout(DIRECTORY_MS));
    });
    return this.#directory;
  }

  /** What could not be looked at by a bug was told by its check. */
  async close(): Promise<void> {
    const [redis, sqlite] = await Promise.allSettled([this.#redis, this.#sqlite]);
    if (redis.status === 'fulfilled') redis.value?.found?.close();
    const file = sqlite.status === 'fulfilled' ? sqlite.value?.found : undefined;
    if (file !== undefined && file !== 'absent') file.close();
  }

  async #lookUp(): Promise<Looked<Addresses>> {
    const { domain } = this;
    if (domain === undefined) return { problem: 'There is no domain.' };
    const problems: string[] = [];
    const of = async (family: 4 | 6): Promise<readonly string[]> => {
      try {
        return await this.options.network.addressesOf(domain, family);
      } catch (thrown) {
        const code = codeOf(thrown);
        if (code !== 'ENODATA' && code !== 'ENOTFOUND') problems.push(code);
        return [];
      }
    };
    const [ipv4, ipv6] = await Promise.all([of(4), of(6)]);
    if (ipv4.length + ipv6.length > 0) return { found: { ipv4, ipv6 } };
    const [code] = problems;
    return {
      problem:
        code === undefined
          ? `${domain} has neither an A nor an AAAA record.`
          : `${domain} could not be looked up (${code}).`,
    };
  }

  async #lookAtCertificate(): Promise<CertificateLook> {
    const { config, domain, nowMs } = this;
    const { tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
    if (domain === undefined) throw new OperatorError('There is no domain.');
    if (certFile !== undefined && keyFile !== undefined) {
      return lookAtFiles({ certFile, keyFile }, domain, nowMs);
    }
    const accounts = await this.accounts();
    if (accounts.found === undefined) throw new StoreUnavailable(accounts.problem);
    const { found } = this.session();
    if (found === undefined && config.tlsKeySecret === undefined) {
      throw new OperatorError('The session, which seals it, can not be read.');
    }
    const storeSeal = Buffer.from(found?.session.storeSeal ?? '', 'base64url');
    const seal = await openSeal(config, () => storeSeal);
    const place = { domain, directoryUrl: config.acmeDirectoryUrl };
    return lookAtRecords(accounts.found, place, seal, nowMs);
  }
}

/** Throws OperatorError. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new OperatorError(`${path} can not be read (${codeOf(cause)}).`, { cause });
  }
}

async function look<T>(work: () => Promise<T>): Promise<Looked<T>> {
  try {
    return { found: await work() };
  } catch (thrown) {
    return { problem: problemOr(thrown) };
  }
}

function lookNow<T>(work: () => T): Looked<T> {
  try {
    return { found: work() };
  } catch (thrown) {
    return { problem: problemOr(thrown) };
  }
}

function problemOr(thrown: unknown): string {
  const problem = problemOf(thrown);
  if (problem === undefined) throw thrown;
  return problem;
}

/** What an operator may read of it; undefined: it is a bug of ours. */
export function problemOf(thrown: unknown): string | undefined {
  if (thrown instanceof StoreUnavailable) return thrown.reason;
  if (thrown instanceof UnusableCertificate) return `${thrown.message}.`;
  if (thrown instanceof OperatorError || thrown instanceof AcmeError) return thrown.message;
  const isLate = thrown instanceof Error && thrown.name === 'TimeoutError';
  return isLate ? 'It did not answer in time.' : undefined;
}
