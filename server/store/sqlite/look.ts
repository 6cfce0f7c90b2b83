import { statSync } from 'node:fs';
import type { StoreView } from '../store.ts';
import type { Connection } from './connection.ts';
import { unavailable } from './failure.ts';
import { checkFormat, openForLook } from './file.ts';
import { inclusionOf, readEvents, readName, readRecord } from './read.ts';
import { findAccount } from './work.ts';

/** A database file as it is, also while the bridge that has locked it runs. Nothing is written. */
export interface SqliteLook {
  readonly sizeBytes: number;
  account(accountId: string): StoreView;
  close(): void;
}

/**
 * Undefined: there is no file yet. Throws OperatorError when it is none of ours, StoreUnavailable when
 * it can't be read.
 */
export function lookAtSqlite(file: string): SqliteLook | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  let connection: Connection | undefined;
  try {
    const opened = openForLook(file);
    connection = opened;
    checkFormat(opened, file);
    return {
      sizeBytes: stat.size,
      account: (accountId) => viewOf(opened, accountId),
      close: () => opened.close(),
    };
  } catch (thrown) {
    connection?.close();
    throw unavailable(thrown) ?? thrown;
  }
}

function viewOf(connection: Connection, accountId: string): StoreView {
  const account = findAccount(connection, accountId);
  return {
    async get(collection, ids, include) {
      return ids.map((id) =>
        account === undefined
          ? undefined
          : readRecord(connection, account, collection, id, inclusionOf(include)),
      );
    },
    async events(after, limit) {
      return account === undefined ? [] : readEvents(connection, account, after, limit);
    },
    async kept(name) {
      return account === undefined ? undefined : readName(connection, account, name);
    },
  };
}
