import { StoreUnavailable } from '../store.ts';
import type { RedisConnection } from './connect.ts';
import { BARRIER_KEY } from './keys.ts';

/** Redis syncs once a second; what takes longer than this is a sick disk. */
const FSYNC_TIMEOUT_MS = 4_000;

/**
 * Waits until all writes so far are on the disk of Redis, by WAITAOF on a connection of its own:
 * the command blocks its connection, and covers what was written before the mark it waits for,
 * whoever wrote it. Many commits share one round.
 */
export class Barrier {
  readonly #connection: Pick<RedisConnection, 'command'>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(connection: Pick<RedisConnection, 'command'>) {
    this.#connection = connection;
  }

  /** Resolves when what was written before the call is on disk, else rejects with StoreUnavailable. */
  pass(): Promise<void> {
    // A round that has begun may have set its mark before the caller's write: wait for the next.
    this.#next ??= this.#running.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    this.#running = this.#round();
    return this.#running;
  }

  async #round(): Promise<void> {
    const [, reply] = await Promise.all([
      this.#connection.command('set', [BARRIER_KEY, '1']),
      this.#connection.command('waitaof', ['1', '0', String(FSYNC_TIMEOUT_MS)]),
    ]);
    // WAITAOF answers how many local files (0 or 1) and replicas have it.
    if (Array.isArray(reply) && Number(reply[0]) >= 1) return;
    throw new StoreUnavailable(
      'Redis did not write to its disk in time. Check the load and the health of its volume.',
    );
  }
}
