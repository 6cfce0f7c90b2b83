import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type SecureVersion } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { TlsTuning } from '#tls/open-tls.ts';
import { makeSession, type TestSession } from '../../../support/bridge.ts';
import { eventually } from '../../../support/eventually.ts';
import { freePort } from '../../../support/free-port.ts';
import { type Pebble, type PebbleOptions, startPebble } from '../../../support/pebble.ts';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';

/** Each suite runs once for each of them. */
export const ENGINES = ['native', 'greenlock'] as const;
export type EngineName = (typeof ENGINES)[number];
/** How long a first order may take, on a machine that has nothing else to do. */
export const ISSUANCE_MS: Readonly<Record<EngineName, number>> = {
  native: 5_000,
  greenlock: 10_000,
};

/** Of all tests of one kind, on a machine that has much else to do. */
export const SUITE_MS = 900_000;

export const DOMAIN = 'scim.example.com';

export interface ReplicaOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly tuning?: TlsTuning;
  readonly session?: TestSession;
}

export interface Replica {
  readonly port: number;
  readonly pid: number;
  log(): string;
  signal(signal: NodeJS.Signals): void;
  /** Used after a garbage collection. */
  heapBytes(): Promise<number>;
  /** Resolves to the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** An authority, a Redis and replicas, all of one test. */
export interface Site {
  readonly pebble: Pebble;
  readonly redis: RedisServer;
  /** The store as a client sees it. */
  readonly client: Redis;
  readonly session: TestSession;
  /** Where the authority looks. */
  readonly tlsPort: number;
  /** Resolves when it listens. */
  start(options?: ReplicaOptions): Promise<Replica>;
  /** Ends everything, and fails when a replica connected to anything but directory and store. */
  close(): Promise<void>;
}

/** So short that tests do not wait, so long that a busy machine does not matter. */
export const QUICK: TlsTuning = { firstOrderMs: 1, pollMs: 500, spreadMs: 300, leaseMs: 6_000 };

const TEST_MS = 240_000;
const REPLICA = fileURLToPath(new URL('replica-process.ts', import.meta.url));
const GUARD = new URL('../../../support/network-guard.mjs', import.meta.url).href;

export async function openSite(
  engine: EngineName,
  pebbleOptions: Partial<PebbleOptions> = {},
): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-tls-'));
  const tlsPort = pebbleOptions.tlsPort ?? (await freePort());
  const pebble = await startPebble({ ...pebbleOptions, tlsPort });
  const redis = await startRedis().catch(async (error: unknown) => {
    await pebble.close();
    throw error;
  });
  const client = new Redis(redis.url);
  client.on('error', () => {});
  const session = makeSession('tls');
  const guardFile = join(folder, 'guard.log');
  writeFileSync(guardFile, '');
  const replicas: Replica[] = [];
  const environment = (port: number, options: ReplicaOptions): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    GUARD_FILE: guardFile,
    GUARD_ALLOWED: `${pebble.host},127.0.0.1:${redis.port}`,
    OP_SESSION: (options.session ?? session).base64,
    OP_LISTEN: '127.0.0.1',
    OP_TLS_PORT: String(port),
    OP_REDIS_URL: redis.url,
    OP_TLS_DOMAIN: DOMAIN,
    OP_ACME_DIRECTORY_URL: pebble.directoryUrl,
    OP_ACME_CA_FILE: pebble.caFile,
    OP_ACME_ENGINE: engine,
    OP_RATE_LIMIT: '100000',
    ...options.env,
  });
  return {
    pebble,
    redis,
    client,
    session,
    tlsPort,
    async start(options = {}) {
      const port = options.port ?? (await freePort());
      const logPath = join(folder, `replica-${replicas.length}.log`);
      const replica = await startReplica(port, environment(port, options), logPath, options.tuning);
      replicas.push(replica);
      return replica;
    },
    async close() {
      await Promise.all(replicas.map((replica) => replica.stop('SIGKILL')));
      client.disconnect();
      await Promise.all([pebble.close(), redis.stop()]);
      const noted = readFileSync(guardFile, 'utf8');
      rmSync(folder, { recursive: true, force: true });
      assert.equal(noted, '', 'A replica used the network for something else.');
    },
  };
}

/** A test with a site of its own. */
export function onSite(
  engine: EngineName,
  title: string,
  run: (site: Site, context: TestContext) => Promise<void>,
  pebbleOptions: Partial<PebbleOptions> = {},
): void {
  test(title, { timeout: TEST_MS }, (context) =>
    withSite(engine, pebbleOptions, (site) => run(site, context)),
  );
}

export async function withSite(
  engine: EngineName,
  pebbleOptions: Partial<PebbleOptions>,
  run: (site: Site) => Promise<void>,
): Promise<void> {
  const site = await openSite(engine, pebbleOptions);
  try {
    await run(site);
  } finally {
    await site.close();
  }
}

async function startReplica(
  port: number,
  env: NodeJS.ProcessEnv,
  logPath: string,
  tuning: TlsTuning = {},
): Promise<Replica> {
  const output = openSync(logPath, 'w');
  const settings = JSON.stringify({ ...QUICK, ...tuning });
  const child = spawn(process.execPath, ['--expose-gc', '--import', GUARD, REPLICA, settings], {
    env,
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  const log = (): string => readFileSync(logPath, 'utf8');
  const ended = once(child, 'exit').finally(() => process.off('exit', kill));
  const ready = once(child, 'message', { signal: AbortSignal.timeout(90_000) });
  await Promise.race([
    ready,
    ended.then(() => Promise.reject(new Error(`A replica did not start:\n${log()}`))),
  ]);
  assert(child.pid !== undefined);
  return {
    port,
    pid: child.pid,
    log,
    signal: (signal) => void child.kill(signal),
    async heapBytes() {
      const answered = once(child, 'message', { signal: AbortSignal.timeout(10_000) });
      child.send({});
      const [answer] = await answered;
      return Number(answer.heapBytes);
    },
    stop: (signal = 'SIGTERM') => stop(child, signal, ended),
  };
}

async function stop(child: ChildProcess, signal: NodeJS.Signals, ended: Promise<unknown>) {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    // A stopped process takes nothing but this.
    const timer = setTimeout(() => child.kill('SIGKILL'), 40_000);
    await ended;
    clearTimeout(timer);
  }
  return child.exitCode;
}

export interface HandshakeOptions {
  readonly serverName?: string | undefined;
  readonly alpn?: readonly string[];
  readonly version?: SecureVersion;
  /** Sent right after the handshake. */
  readonly sends?: string;
}

export interface Handshake {
  readonly certificate: X509Certificate;
  readonly alpn: string | false | null;
  /** All that came until the server closed, with `sends`. */
  readonly received: string;
}

/** One connection as a stranger makes it: any certificate is taken. Rejects with the alert. */
export function handshake(port: number, options: HandshakeOptions = {}): Promise<Handshake> {
  const { serverName = DOMAIN, alpn, version, sends } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ...('serverName' in options && options.serverName === undefined
        ? {}
        : { servername: serverName }),
      ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
      ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
    });
    let received = '';
    let result: Omit<Handshake, 'received'> | undefined;
    socket.setTimeout(30_000, () => socket.destroy(new Error('The handshake takes too long.')));
    socket.once('error', (error) => {
      if (result === undefined) reject(error);
      else resolve({ ...result, received });
    });
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      assert(certificate !== undefined);
      result = { certificate, alpn: socket.alpnProtocol };
      if (sends === undefined) {
        socket.destroy();
        resolve({ ...result, received });
      } else {
        socket.write(sends);
        socket.setEncoding('utf8').on('data', (text: string) => {
          received += text;
        });
      }
    });
    socket.once('close', () => {
      if (result === undefined) reject(new Error('The server closed without a handshake.'));
      else resolve({ ...result, received });
    });
  });
}

/** The serial of what the replica serves to everyone. */
export async function serialOf(replica: Pick<Replica, 'port'>): Promise<string> {
  return (await handshake(replica.port)).certificate.serialNumber;
}

/** Waits for the first certificate. */
export function served(replica: Pick<Replica, 'port'>, timeoutMs = 60_000): Promise<string> {
  return eventually(() => serialOf(replica), timeoutMs);
}

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** A request that takes only a certificate which `ca` has signed for DOMAIN. */
export function get(
  port: number,
  path: string,
  options: { readonly ca?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const { ca, headers = {} } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path, servername: DOMAIN, agent: false },
        headers: { Host: DOMAIN, ...headers },
        ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
        timeout: 30_000,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
        response.once('error', reject);
      },
    );
    sent.once('timeout', () => sent.destroy(new Error('No answer came in time.')));
    sent.once('error', reject);
    sent.end();
  });
}

const RECORDS = '{.bridge}:tls';

/** Ids and bodies of the stored records whose id begins so. */
export async function recordsOf(
  client: Redis,
  name: string,
): Promise<ReadonlyMap<string, Record<string, unknown>>> {
  const all = await client.hgetall(RECORDS);
  return new Map(
    Object.entries(all)
      .filter(([id]) => id.startsWith(`${name}:`))
      .map(([id, raw]) => {
        const body: unknown = JSON.parse(raw.slice(raw.indexOf('\n') + 1));
        assert(typeof body === 'object' && body !== null);
        return [id, { ...body }];
      }),
  );
}

/** Puts another body into the stored record, as somebody would who tampers with it. */
export async function tamper(
  client: Redis,
  name: string,
  change: (body: string) => string,
): Promise<void> {
  const all = await client.hgetall(RECORDS);
  for (const [id, raw] of Object.entries(all)) {
    if (!id.startsWith(`${name}:`)) continue;
    const at = raw.indexOf('\n') + 1;
    await client.hset(RECORDS, id, raw.slice(0, at) + change(raw.slice(at)));
  }
}
