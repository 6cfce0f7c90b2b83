import { COLLECTIONS, type Collection, type IndexEntry } from '../store.ts';
import type { Connection } from './connection.ts';
import { findList } from './order.ts';
import type { Inspection, Slice } from './problems.ts';
import { MODIFIED_LIST, modifiedKey, SEQUENCE_LIST } from './range.ts';
import { COLLECTION_NUMBERS } from './schema.ts';
import { rowOf, sequenceOf } from './work.ts';

const RECORDS_PER_SLICE = 50;

/** What the checks need of a record. */
export interface CheckedRecord {
  readonly row: number;
  readonly collection: number;
  readonly id: string;
  readonly modified_ms: number;
  readonly body: string;
}

/** Each record is found by its id, stands in both orders, and in each index that its body names. */
export function recordProblems(inspection: Inspection, after: number | undefined): Slice<number> {
  const { connection, account } = inspection;
  const records = connection.all<CheckedRecord>(
    `SELECT row, collection, id, modified_ms, body FROM records
     WHERE row > ? AND row < ? ORDER BY row LIMIT ?`,
    after ?? rowOf(account, 0),
    rowOf(account + 1, 0),
    RECORDS_PER_SLICE,
  );
  return {
    problems: records.flatMap((record) => problemsOf(inspection, record)),
    next: records.length < RECORDS_PER_SLICE ? undefined : records.at(-1)?.row,
  };
}

/** Every entry that a record must have, the two orders among them; a text when that can't be told. */
export function entriesOf(
  inspection: Inspection,
  record: CheckedRecord,
): readonly IndexEntry[] | string {
  const collection = collectionOf(record.collection);
  if (collection === undefined) {
    return `Record ${record.id} is in collection ${record.collection}, which does not exist.`;
  }
  const sequence = sequenceOf(record.row);
  const orders = [
    { index: SEQUENCE_LIST, value: '' },
    { index: MODIFIED_LIST, value: modifiedKey(record.modified_ms, sequence).value },
  ];
  try {
    return [...orders, ...inspection.indexesOf(collection, record.body)];
  } catch (thrown) {
    return `The body of ${collection} ${record.id} can not be read: ${String(thrown)}`;
  }
}

export function collectionOf(code: number): Collection | undefined {
  return COLLECTIONS.find((collection) => COLLECTION_NUMBERS[collection] === code);
}

function problemsOf(inspection: Inspection, record: CheckedRecord): string[] {
  const { connection, account } = inspection;
  const name = `${collectionOf(record.collection) ?? record.collection} ${record.id}`;
  const found = connection.one<{ row: number }>(
    `SELECT row FROM records INDEXED BY record_ids
     WHERE account = ? AND collection = ? AND id = ?`,
    account,
    record.collection,
    record.id,
  );
  const problems = found?.row === record.row ? [] : [`${name} is not found by its id.`];
  const entries = entriesOf(inspection, record);
  if (typeof entries === 'string') {
    return [...problems, entries];
  }
  for (const { index, value } of entries) {
    const list = findList(connection, account, record.collection, index);
    if (list === undefined || !hasEntry(connection, list, value, sequenceOf(record.row))) {
      problems.push(`${name} has no entry in the index ${index}.`);
    }
  }
  return problems;
}

function hasEntry(connection: Connection, list: number, value: string, sequence: number): boolean {
  const entry = connection.one(
    'SELECT 1 FROM entries WHERE list = ? AND value = ? AND sequence = ?',
    list,
    value,
    sequence,
  );
  return entry !== undefined;
}
