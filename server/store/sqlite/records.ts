import type { Collection, IndexEntry } from '../store.ts';
import type { Connection } from './connection.ts';
import { findOrMakeList, insertKey, removeKey } from './order.ts';
import { MODIFIED_LIST, modifiedKey, SEQUENCE_LIST } from './range.ts';
import { COLLECTION_NUMBERS } from './schema.ts';
import { sequenceOf, takeGeneration, type Work } from './work.ts';

/** A record without its body. */
export interface RecordRow {
  readonly row: number;
  readonly id: string;
  readonly version: number;
  readonly created_ms: number;
  readonly modified_ms: number;
  readonly generation: number;
  readonly member_count: number;
  readonly next_member: number;
}

export interface NewRecord {
  readonly row: number;
  readonly collection: Collection;
  readonly id: string;
  readonly version: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly label: string | undefined;
  readonly body: string;
  readonly indexes: readonly IndexEntry[];
}

export function findRecord(
  connection: Connection,
  account: number,
  collection: Collection,
  id: string,
): RecordRow | undefined {
  return connection.one<RecordRow>(
    `SELECT row, id, version, created_ms, modified_ms, generation, member_count, next_member
     FROM records WHERE account = ? AND collection = ? AND id = ?`,
    account,
    COLLECTION_NUMBERS[collection],
    id,
  );
}

export function readRow(connection: Connection, row: number): RecordRow | undefined {
  return connection.one<RecordRow>(
    `SELECT row, id, version, created_ms, modified_ms, generation, member_count, next_member
     FROM records WHERE row = ?`,
    row,
  );
}

export function insertRecord(work: Work, record: NewRecord): void {
  const { row, collection } = record;
  work.connection.run(
    `INSERT INTO records
       (row, account, collection, id, version, created_ms, modified_ms, label, generation, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row,
    work.account,
    COLLECTION_NUMBERS[collection],
    record.id,
    record.version,
    record.createdMs,
    record.modifiedMs,
    record.label ?? null,
    collection === 'groups' ? takeGeneration(work) : 0,
    record.body,
  );
  const sequence = sequenceOf(row);
  insertKey(work.connection, listOf(work, collection, SEQUENCE_LIST), { value: '', sequence });
  insertKey(
    work.connection,
    listOf(work, collection, MODIFIED_LIST),
    modifiedKey(record.modifiedMs, sequence),
  );
  addEntries(work, collection, row, record.indexes);
}

/** Removes a record, its places in the two orders, and the entries given. */
export function deleteRecord(
  work: Work,
  collection: Collection,
  found: RecordRow,
  indexes: readonly IndexEntry[],
): void {
  const sequence = sequenceOf(found.row);
  removeEntries(work, collection, found.row, indexes);
  removeKey(work.connection, listOf(work, collection, SEQUENCE_LIST), { value: '', sequence });
  removeKey(
    work.connection,
    listOf(work, collection, MODIFIED_LIST),
    modifiedKey(found.modified_ms, sequence),
  );
  work.connection.run('DELETE FROM records WHERE row = ?', found.row);
}

/** One more version at the work's time; a second time in the same work changes nothing. */
export function raiseVersion(work: Work, collection: Collection, found: RecordRow): void {
  if (work.raised.has(found.row)) {
    return;
  }
  work.raised.add(found.row);
  work.connection.run(
    'UPDATE records SET version = version + 1, modified_ms = ? WHERE row = ?',
    work.stampMs,
    found.row,
  );
  if (work.stampMs !== found.modified_ms) {
    const list = listOf(work, collection, MODIFIED_LIST);
    const sequence = sequenceOf(found.row);
    removeKey(work.connection, list, modifiedKey(found.modified_ms, sequence));
    insertKey(work.connection, list, modifiedKey(work.stampMs, sequence));
  }
}

export function addEntries(
  work: Work,
  collection: Collection,
  row: number,
  entries: readonly IndexEntry[],
): void {
  for (const { index, value } of entries) {
    const list = listOf(work, collection, index);
    insertKey(work.connection, list, { value, sequence: sequenceOf(row) });
  }
}

export function removeEntries(
  work: Work,
  collection: Collection,
  row: number,
  entries: readonly IndexEntry[],
): void {
  for (const { index, value } of entries) {
    const list = listOf(work, collection, index);
    removeKey(work.connection, list, { value, sequence: sequenceOf(row) });
  }
}

function listOf(work: Work, collection: Collection, name: string): number {
  return findOrMakeList(work.connection, work.account, COLLECTION_NUMBERS[collection], name);
}
