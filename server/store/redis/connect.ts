import { Cluster, Command, Redis } from 'ioredis';
import { StoreUnavailable } from '../store.ts';
import { failureOf, unreachable } from './failure.ts';
import { clientOptions, clusterOptions, PATIENCE_MS, type RedisOptions } from './options.ts';
import type { Script } from './scripts/shared.ts';

/** One connection to Redis, which comes back by itself. */
export interface RedisConnection {
  /** Rejects with StoreUnavailable, or with an Error when the script itself is wrong. */
  run(script: Script, key: string, args: readonly string[]): Promise<unknown>;
  command(name: string, args: readonly string[]): Promise<unknown>;
  /** Calls back when all of this turn of the event loop has been asked for, to send what was gathered. */
  atEndOfTurn(send: () => void): void;
  /** Keys that match `pattern`, in slices; on a Cluster of all its masters. A key may come twice. */
  scan(pattern: string): AsyncIterable<readonly string[]>;
  /** Resolves when it is ready, or after `PATIENCE_MS`: whoever needs it hears the reason then. */
  settled(): Promise<void>;
  /** Calls the listener now, if it is ready, and at each time that it becomes so. */
  onReady(listener: () => void): void;
  /** Calls the listener each time that the connection is lost, and at each attempt in vain. */
  onLoss(listener: () => void): void;
  /**
   * Calls back at each message of the channel, and each time that one may have been missed. From
   * then on the connection is for messages alone.
   */
  subscribe(channel: string, listener: () => void): void;
  close(): void;
}

export function connect(options: RedisOptions): RedisConnection {
  return new Connection(options);
}

class Connection implements RedisConnection {
  readonly #client: Redis | Cluster;
  #lastError: unknown;
  /** When it was ready last, or began, on the monotonic clock. */
  #lostAtMs = performance.now();
  #waiting: Promise<void> | undefined;
  /** What is to be called at the end of this turn; undefined: nothing was sent in it yet. */
  #gathered: (() => void)[] | undefined;

  constructor(options: RedisOptions) {
    if (options.cluster === true) {
      const { nodes, client } = clusterOptions(options);
      this.#client = new Cluster(nodes, client);
      this.#client.on('node error', (error) => this.#noteError(error));
    } else {
      this.#client = new Redis(clientOptions(options));
    }
    this.#client.on('error', (error) => this.#noteError(error));
    this.#client.on('ready', () => {
      this.#lostAtMs = Number.POSITIVE_INFINITY;
      this.#lastError = undefined;
    });
    this.#client.on('close', () => {
      this.#lostAtMs = Math.min(this.#lostAtMs, performance.now());
    });
  }

  async run(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#send('evalsha', [script.sha, '1', key, ...args]);
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('NOSCRIPT'))) throw error;
      return this.#send('eval', [script.text, '1', key, ...args]);
    }
  }

  command(name: string, args: readonly string[]): Promise<unknown> {
    return this.#send(name, args);
  }

  atEndOfTurn(send: () => void): void {
    this.#gather().push(send);
  }

  async *scan(pattern: string): AsyncIterable<readonly string[]> {
    const nodes = this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
    for (const node of nodes) {
      let cursor = '0';
      do {
        let keys: string[];
        try {
          [cursor, keys] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
        } catch (error) {
          throw failureOf(error);
        }
        yield keys;
      } while (cursor !== '0');
    }
  }

  async settled(): Promise<void> {
    await this.#ready().catch(() => undefined);
  }

  onReady(listener: () => void): void {
    if (this.#client.status === 'ready') listener();
    this.#client.on('ready', listener);
  }

  onLoss(listener: () => void): void {
    this.#client.on('close', listener);
  }

  subscribe(channel: string, listener: () => void): void {
    this.#client.on('message', (from: string) => {
      if (from === channel) listener();
    });
    this.onReady(() => {
      // Without the right to subscribe nothing is heard; who listens looks from time to time.
      this.#client.subscribe(channel).then(listener, () => undefined);
    });
  }

  close(): void {
    this.#client.disconnect();
  }

  async #send(name: string, args: readonly string[]): Promise<unknown> {
    if (this.#client.status !== 'ready') await this.#ready();
    this.#gather();
    try {
      return await this.#client.sendCommand(
        new Command(name, [...args], { replyEncoding: 'utf8' }),
      );
    } catch (error) {
      throw failureOf(error);
    }
  }

  /**
   * Commands of one turn of the event loop leave in one write: a system call for each would be a third
   * of what a small request costs. Gives the list of what is called before they leave.
   */
  #gather(): (() => void)[] {
    if (this.#gathered !== undefined) return this.#gathered;
    const gathered: (() => void)[] = [];
    this.#gathered = gathered;
    const stream = this.#client instanceof Redis ? this.#client.stream : undefined;
    stream?.cork();
    setImmediate(() => {
      for (const send of gathered) send();
      this.#gathered = undefined;
      stream?.uncork();
    });
    return gathered;
  }

  /** Waits for a lost connection, but no longer than PATIENCE_MS after it was lost. */
  #ready(): Promise<void> {
    this.#waiting ??= this.#waitForReady().finally(() => {
      this.#waiting = undefined;
    });
    return this.#waiting;
  }

  async #waitForReady(): Promise<void> {
    const leftMs = this.#lostAtMs + PATIENCE_MS - performance.now();
    const client = this.#client;
    if (client.status !== 'ready' && client.status !== 'end' && leftMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, Math.min(leftMs, PATIENCE_MS));
        client.once('ready', done);
        function done() {
          clearTimeout(timer);
          client.off('ready', done);
          resolve();
        }
      });
    }
    if (client.status === 'ready') return;
    throw new StoreUnavailable(unreachable(this.#lastError), withoutSecrets(this.#lastError));
  }

  #noteError(error: unknown): void {
    this.#lastError = error;
  }
}

function withoutSecrets(error: unknown): Error | undefined {
  const failure = error === undefined ? undefined : failureOf(error);
  return failure?.cause instanceof Error ? failure.cause : failure;
}
