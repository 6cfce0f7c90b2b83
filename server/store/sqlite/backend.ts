import { EventEmitter } from 'node:events';
import type { StoreBackend, StoreHealth } from '../store.ts';
import type { Connection } from './connection.ts';
import { unavailable } from './failure.ts';
import { lockFile, openMemory, openReader, prepareFile } from './file.ts';
import { runRequests } from './requests.ts';
import { freeBytesBeside, roomWarning } from './room.ts';
import { SqliteStore } from './sqlite-store.ts';
import { WriteQueue, type WriterPort, WriterThread } from './write-queue.ts';

export interface SqliteOptions {
  /** Path of the database, made if absent, or ':memory:'. */
  readonly file: string;
  /** Milliseconds since 1970: the store's clock. */
  readonly clock?: () => number;
}

/**
 * Opens the database for this process alone. Throws OperatorError (exit code 2) when another process
 * has it, or when the file is not a database that this version of the bridge reads.
 */
export async function openSqliteBackend(options: SqliteOptions): Promise<StoreBackend> {
  const clock = options.clock ?? Date.now;
  const { file } = options;
  if (file === ':memory:') {
    const connection = openMemory();
    const writes = new WriteQueue(memoryPort(connection), clock);
    return new SqliteBackend(undefined, connection, writes, () => connection.close());
  }
  const unlock = lockFile(file);
  try {
    prepareFile(file);
    const reader = openReader({ file });
    const writes = new WriteQueue(new WriterThread({ file }), clock);
    return new SqliteBackend(file, reader, writes, unlock);
  } catch (thrown) {
    unlock();
    throw thrown;
  }
}

class SqliteBackend implements StoreBackend {
  readonly kind = 'sqlite';
  readonly #file: string | undefined;
  readonly #reader: Connection;
  readonly #writes: WriteQueue;
  readonly #release: () => void;
  /** Nobody else has the database: whoever listens is in this process. */
  readonly #announcements = new EventEmitter();
  #closed: Promise<void> | undefined;

  /** `release` is called last, when everything is closed. `file` undefined: in memory. */
  constructor(
    file: string | undefined,
    reader: Connection,
    writes: WriteQueue,
    release: () => void,
  ) {
    this.#file = file;
    this.#reader = reader;
    this.#writes = writes;
    this.#release = release;
  }

  account(accountId: string): SqliteStore {
    return new SqliteStore(this.#reader, this.#writes, accountId);
  }

  announce(topic: string): void {
    this.#announcements.emit(`of ${topic}`);
  }

  listen(topic: string, listener: () => void): () => void {
    this.#announcements.on(`of ${topic}`, listener);
    return () => this.#announcements.off(`of ${topic}`, listener);
  }

  onLoss(): void {
    // The lock on the file holds as long as this process.
  }

  async health(): Promise<StoreHealth> {
    await this.#writes.probe();
    try {
      this.#reader.one('SELECT time_ms FROM probe');
    } catch (thrown) {
      throw unavailable(thrown) ?? thrown;
    }
    if (this.#file === undefined) {
      const warning =
        'The directory is in memory and ends with the bridge: set OP_DATA_DIR to keep it.';
      return { durability: 'memory-only', warning, memoryUse: undefined };
    }
    return {
      durability: 'durable',
      warning: roomWarning(await freeBytesBeside(this.#file)),
      memoryUse: undefined,
    };
  }

  /** Waits for the writes under way, then moves the write-ahead log into the file. */
  async close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#writes.drain();
    if (this.#file !== undefined) {
      // Before the writer: its connection is then the last one, which empties the log.
      this.#reader.close();
    }
    await this.#writes.close();
    this.#release();
  }
}

function memoryPort(connection: Connection): WriterPort {
  return {
    run: async (requests) => runRequests(connection, requests),
    close: async () => undefined,
  };
}
