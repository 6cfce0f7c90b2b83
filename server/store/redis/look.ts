import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable, type StoreView } from '../store.ts';
import { connect, type RedisConnection } from './connect.ts';
import { durabilityOf, needsBarrier, readFacts, type ServerFacts } from './health.ts';
import { accountPrefix } from './keys.ts';
import type { RedisOptions } from './options.ts';
import { RedisStore } from './redis-store.ts';

/** Redis as seen from here. Nothing is written there. */
export interface RedisLook {
  readonly facts: ServerFacts;
  /** The quickest of some PINGs. */
  readonly latencyMs: number;
  /** Whether each commit waits for WAITAOF. */
  readonly hasBarrier: boolean;
  readonly durability: ReturnType<typeof durabilityOf>;
  account(accountId: string): StoreView;
  close(): void;
}

/** How long a connection may take that the bridge, which tries again and again, gets in the end. */
const PATIENCE_MS = 4_000;
const PINGS = 5;

/** Rejects with StoreUnavailable. */
export async function lookAtRedis(options: RedisOptions): Promise<RedisLook> {
  const connection = connect(options);
  try {
    await untilReady(connection);
    const latencyMs = await quickestPing(connection);
    const facts = await readFacts(connection);
    const hasBarrier = options.cluster !== true && needsBarrier(facts);
    const mayFailOver = options.cluster === true || (options.sentinels?.length ?? 0) > 0;
    return {
      facts,
      latencyMs,
      hasBarrier,
      durability: durabilityOf(facts, hasBarrier, mayFailOver),
      account: (accountId) =>
        new RedisStore(connection, accountPrefix(accountId), async () => undefined),
      close: () => connection.close(),
    };
  } catch (thrown) {
    connection.close();
    throw thrown;
  }
}

async function untilReady(connection: RedisConnection): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await connection.command('ping', []);
      return;
    } catch (thrown) {
      if (!(thrown instanceof StoreUnavailable) || performance.now() > endMs) throw thrown;
      await sleep(200);
    }
  }
}

async function quickestPing(connection: RedisConnection): Promise<number> {
  let quickestMs = Number.POSITIVE_INFINITY;
  for (let ping = 0; ping < PINGS; ping += 1) {
    const beganMs = performance.now();
    await connection.command('ping', []);
    quickestMs = Math.min(quickestMs, performance.now() - beganMs);
  }
  return quickestMs;
}
