import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { loadConfig } from '#config/load.ts';
import { startBridge as start } from '#main';
import { printSession } from '#session/format.ts';
import { addToken, createSession } from '#session/seal.ts';

export interface TestBridgeOptions {
  readonly store?: 'sqlite' | 'redis';
  /** Of a Redis for tests alone: it is emptied first unless `keep` says otherwise. */
  readonly redisUrl?: string;
  readonly keep?: boolean;
  /** Default: in memory. */
  readonly dataDir?: string;
  readonly accountId?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Log lines go here; default: nowhere. */
  readonly log?: NodeJS.WritableStream;
  readonly session?: TestSession;
}

export interface TestSession {
  /** As OP_SESSION takes it. */
  readonly base64: string;
  readonly token: string;
  readonly healthToken: string;
}

export interface TestBridge {
  readonly url: string;
  readonly token: string;
  readonly healthToken: string;
  close(): Promise<void>;
}

/** The bridge inside this process, on a free port of 127.0.0.1 and an empty account. */
export async function startBridge(options: TestBridgeOptions = {}): Promise<TestBridge> {
  const session = options.session ?? makeSession(options.accountId ?? 'test');
  const folder = await mkdtemp(join(tmpdir(), 'op-scim-test-'));
  if (options.redisUrl !== undefined && options.keep !== true) await empty(options.redisUrl);
  const { config } = loadConfig({
    OP_SESSION: session.base64,
    OP_LISTEN: '127.0.0.1',
    OP_RATE_LIMIT: '100000',
    OP_DATA_DIR: options.dataDir ?? ':memory:',
    ...(options.redisUrl === undefined ? {} : { OP_REDIS_URL: options.redisUrl }),
    ...options.env,
  });
  const log = options.log === undefined ? pino({ level: 'silent' }) : pino(options.log);
  const bridge = await start({ config: { ...config, port: 0, tlsPort: 0 }, log, version: '0.0.0' });
  return {
    url: bridge.url,
    token: session.token,
    healthToken: session.healthToken,
    async close() {
      await bridge.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function makeSession(accountId: string, strict = false): TestSession {
  const nowMs = Date.now();
  const made = createSession({
    payload: { kind: 'standalone' },
    accountId,
    domain: '',
    strict,
    nowMs,
  });
  const health = addToken(made.session, {
    scope: 'health',
    strict: false,
    nowMs,
    notAfterMs: undefined,
    dataKey: undefined,
  });
  return {
    base64: Buffer.from(printSession(health.session)).toString('base64'),
    token: made.bearerToken,
    healthToken: health.bearerToken,
  };
}

async function empty(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  await redis.flushdb();
  await redis.quit();
}
