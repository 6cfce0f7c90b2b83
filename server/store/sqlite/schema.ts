import type { Collection } from '../store.ts';
import type { Connection } from './connection.ts';

/** Grows with each change of the tables. A file of another version is refused. */
export const SCHEMA_VERSION = 1;

/** Marks the file as ours (`PRAGMA application_id`): "OPSC". */
export const APPLICATION_ID = 0x4f505343;

/** What `records.collection` and `lists.collection` say. Never renumber: it is in the files. */
export const COLLECTION_NUMBERS = {
  users: 0,
  groups: 1,
  tombstones: 2,
  prepared: 3,
  outbox: 4,
  lastApplied: 5,
  deadLetters: 6,
  tls: 7,
} as const satisfies Record<Collection, number>;

/**
 * `row` of a record is account × 2⁴⁰ + sequence: one integer names a record, orders it, and is what
 * index entries and memberships point to. 8,192 accounts of 2⁴⁰ records stay exact in a double.
 */
export const ROWS_PER_ACCOUNT = 2 ** 40;

export function createTables(connection: Connection): void {
  for (const table of TABLES) {
    connection.database.exec(table);
  }
  connection.database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  connection.database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

const TABLES = [
  `CREATE TABLE accounts (
    account INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    next_sequence INTEGER NOT NULL,
    next_event INTEGER NOT NULL,
    next_generation INTEGER NOT NULL,
    last_ms INTEGER NOT NULL
  ) STRICT`,

  // The last four before `body` are of groups only. `body` is last: what stands before a long text is
  // read without its overflow pages.
  `CREATE TABLE records (
    row INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    label TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    member_count INTEGER NOT NULL DEFAULT 0,
    next_member INTEGER NOT NULL DEFAULT 1,
    body TEXT NOT NULL
  ) STRICT`,
  'CREATE UNIQUE INDEX record_ids ON records (account, collection, id)',

  // Ordered lists: see order.ts.
  `CREATE TABLE lists (
    list INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    collection INTEGER NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (account, collection, name)
  ) STRICT`,
  `CREATE TABLE entries (
    list INTEGER NOT NULL,
    value TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (list, value, sequence)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE nodes (
    list INTEGER NOT NULL,
    level INTEGER NOT NULL,
    value TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    width INTEGER NOT NULL,
    PRIMARY KEY (list, level, value, sequence)
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE memberships (
    group_row INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    member_row INTEGER NOT NULL,
    PRIMARY KEY (group_row, generation, sequence)
  ) STRICT, WITHOUT ROWID`,
  'CREATE UNIQUE INDEX membership_members ON memberships (member_row, group_row, generation)',
  // `kept` counts the draft's members that are in the published list too. The row of a group that is
  // not made yet is taken for it.
  `CREATE TABLE drafts (
    group_row INTEGER PRIMARY KEY,
    group_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    token TEXT NOT NULL,
    lock_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    member_count INTEGER NOT NULL,
    kept INTEGER NOT NULL
  ) STRICT`,
  // Member lists that are shown no more; sweep() removes their memberships from `due_ms` on.
  `CREATE TABLE garbage (
    group_row INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    PRIMARY KEY (group_row, generation)
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE operations (
    account INTEGER NOT NULL,
    id TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (account, id)
  ) STRICT, WITHOUT ROWID`,
  'CREATE INDEX operation_times ON operations (account, time_ms)',
  `CREATE TABLE events (
    row INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT`,
  `CREATE TABLE leases (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    holder TEXT,
    fence INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (account, name)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE names (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, name)
  ) STRICT, WITHOUT ROWID`,
  // One row that health() rewrites to see that the file takes writes.
  'CREATE TABLE probe (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL) STRICT',
];
