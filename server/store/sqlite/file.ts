import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { OperatorError } from '#base/operator-error.ts';
import { Connection } from './connection.ts';
import { BUSY, isDamage, primaryCode } from './failure.ts';
import { APPLICATION_ID, createTables, SCHEMA_VERSION } from './schema.ts';

export interface OpenFile {
  readonly file: string;
}

/** How long a statement waits for a lock of another connection, in milliseconds. */
const LOCK_WAIT_MS = 5_000;

/**
 * Holds `<file>.lock` for as long as this process lives; the kernel frees it whatever ends the
 * process. Throws OperatorError when another process has it. The result frees it.
 */
export function lockFile(file: string): () => void {
  const path = `${file}.lock`;
  const problem = `The database ${file} can not be opened`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const lock = new DatabaseSync(path);
    try {
      // Only by path: closing any descriptor of a file ends this process's POSIX locks on it.
      chmodSync(path, 0o600);
      lock.exec('PRAGMA locking_mode = EXCLUSIVE');
      lock.exec('BEGIN EXCLUSIVE');
    } catch (thrown) {
      lock.close();
      throw thrown;
    }
    return () => lock.close();
  } catch (thrown) {
    if (primaryCode(thrown) === BUSY) {
      throw new OperatorError(
        `${problem}: another process of the bridge has it open. End that one, or give this one another OP_DATA_DIR; replicas need Redis (OP_REDIS_URL).`,
        { cause: thrown, exitCode: 2 },
      );
    }
    throw new OperatorError(
      `${problem}: ${messageOf(thrown)}. Make its folder writable for the user of the bridge, or set OP_DATA_DIR to one that is.`,
      { cause: thrown, exitCode: 2 },
    );
  }
}

/**
 * Makes the file and its tables, or checks that it is a database of ours that this version reads.
 * Call with the lock held. Throws OperatorError.
 */
export function prepareFile(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
    const connection = openConnection(file);
    try {
      connection.database.exec('PRAGMA journal_mode = WAL');
      connection.transaction(() => prepareTables(connection, file));
    } finally {
      connection.close();
    }
  } catch (thrown) {
    if (thrown instanceof OperatorError) {
      throw thrown;
    }
    const remedy = isDamage(thrown)
      ? 'It is damaged or no database. Move it and its -wal and -shm files away, then put back a backup, or start anew and run op-scim import'
      : 'Make the file and its folder readable and writable for the user of the bridge';
    throw new OperatorError(
      `The database ${file} can not be opened: ${messageOf(thrown)}. ${remedy}.`,
      { cause: thrown, exitCode: 2 },
    );
  }
}

export function openWriter({ file }: OpenFile): Connection {
  const connection = openConnection(file);
  connection.database.exec('PRAGMA synchronous = FULL');
  // The write-ahead log goes back to this size when it was checkpointed after a big import.
  connection.database.exec('PRAGMA journal_size_limit = 67108864');
  return connection;
}

export function openReader({ file }: OpenFile): Connection {
  return openConnection(file, true);
}

/** A database that lives as long as its connection. */
export function openMemory(): Connection {
  const connection = openConnection(':memory:');
  createTables(connection);
  return connection;
}

/**
 * For a look that leaves nothing behind: SQLite would make a write-ahead log beside a file that is
 * closed in good order, so that one is opened as a file that nobody changes.
 */
export function openForLook(file: string): Connection {
  const url = pathToFileURL(file);
  if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1');
  return openConnection(url, true);
}

/** Throws OperatorError when it is not a database of this version of the bridge. */
export function checkFormat(connection: Connection, file: string): void {
  const { id, version } = formatOf(connection);
  if (id !== APPLICATION_ID) {
    throw new OperatorError(
      `${file} is a database of another program. Set OP_DATA_DIR to a folder of the bridge's own.`,
      { exitCode: 2 },
    );
  }
  if (version !== SCHEMA_VERSION) {
    throw new OperatorError(
      `The database ${file} has format ${version}, this version of the bridge reads ${SCHEMA_VERSION}. Run the newer version that wrote it, or import its export into an empty database.`,
      { exitCode: 2 },
    );
  }
}

function openConnection(file: string | URL, readOnly = false): Connection {
  const database = new DatabaseSync(file, { readOnly, timeout: LOCK_WAIT_MS });
  database.exec('PRAGMA cache_size = -16384'); // KiB
  database.exec('PRAGMA temp_store = MEMORY');
  return new Connection(database);
}

function prepareTables(connection: Connection, file: string): void {
  const { id, version } = formatOf(connection);
  const tables = connection.one<{ count: number }>('SELECT count(*) AS count FROM sqlite_schema');
  if (id === 0 && version === 0 && tables?.count === 0) createTables(connection);
  else checkFormat(connection, file);
}

function formatOf(connection: Connection) {
  const id = connection.one<{ application_id: number }>('PRAGMA application_id')?.application_id;
  const version = connection.one<{ user_version: number }>('PRAGMA user_version')?.user_version;
  return { id, version };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
