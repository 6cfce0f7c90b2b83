import type { Store, StoreBackend, StoreHealth } from '../store.ts';
import { Barrier } from './barrier.ts';
import { connect, type RedisConnection } from './connect.ts';
import { healthOf, needsBarrier, readFacts } from './health.ts';
import { accountPrefix, channelOf, HEALTH_KEY } from './keys.ts';
import type { RedisOptions } from './options.ts';
import { RedisStore } from './redis-store.ts';

/**
 * Opens the store in Redis. Resolves also when Redis is down: calls reject with StoreUnavailable
 * until it is there, and nothing has to be started again.
 */
export async function openRedisBackend(options: RedisOptions): Promise<StoreBackend> {
  const backend = new RedisBackend(options);
  await backend.settled();
  return backend;
}

class RedisBackend implements StoreBackend {
  readonly kind = 'redis';
  readonly #options: RedisOptions;
  readonly #connection: RedisConnection;
  #barrier: Barrier | undefined;
  #barrierConnection: RedisConnection | undefined;
  readonly #listening = new Set<RedisConnection>();
  #inspection: Promise<void> = Promise.resolve();

  constructor(options: RedisOptions) {
    this.#options = options;
    this.#connection = connect(options);
    // Another server may answer after each reconnect, with other settings.
    this.#connection.onReady(() => {
      this.#inspection = this.#inspect().catch(() => undefined);
    });
  }

  async settled(): Promise<void> {
    await this.#connection.settled();
    await this.#inspection;
  }

  account(accountId: string): Store {
    const durably = async () => {
      await this.#barrier?.pass();
    };
    return new RedisStore(this.#connection, accountPrefix(accountId), durably);
  }

  announce(topic: string): void {
    this.#connection.command('publish', [channelOf(topic), '']).catch(() => undefined);
  }

  listen(topic: string, listener: () => void): () => void {
    const connection = connect(this.#options);
    this.#listening.add(connection);
    let hasEnded = false;
    connection.subscribe(channelOf(topic), () => {
      if (!hasEnded) listener();
    });
    return () => {
      hasEnded = true;
      this.#listening.delete(connection);
      connection.close();
    };
  }

  onLoss(listener: () => void): void {
    this.#connection.onLoss(listener);
  }

  async health(): Promise<StoreHealth> {
    await this.#connection.command('set', [HEALTH_KEY, '1']);
    const facts = await readFacts(this.#connection);
    return healthOf(facts, this.#barrier !== undefined, this.#mayFailOver);
  }

  async close(): Promise<void> {
    this.#connection.close();
    this.#barrierConnection?.close();
    for (const connection of this.#listening) connection.close();
  }

  get #mayFailOver(): boolean {
    return this.#options.cluster === true || (this.#options.sentinels?.length ?? 0) > 0;
  }

  /** On a Cluster the mark might go to another node than the account's keys. */
  async #inspect(): Promise<void> {
    if (this.#options.cluster === true) return;
    if (!needsBarrier(await readFacts(this.#connection))) {
      this.#barrier = undefined;
      return;
    }
    this.#barrierConnection ??= connect(this.#options);
    this.#barrier ??= new Barrier(this.#barrierConnection);
  }
}
