import type { Connection } from './connection.ts';
import { below, HEAD, heightOf, type Key, LEVELS, nextNode, widthOf } from './order.ts';
import type { Inspection, Slice } from './problems.ts';
import { type CheckedRecord, collectionOf, entriesOf } from './problems-of-records.ts';
import { rowOf } from './work.ts';

const ENTRIES_PER_SLICE = 100;
const NODES_PER_SLICE = 50;

interface List {
  readonly list: number;
  readonly collection: number;
  readonly name: string;
}

interface Place extends Key {
  readonly list: List;
  /** Of nodes; 0 for entries. */
  readonly level: number;
}

/** Each entry belongs to a record that names it, and nodes stand where its sequence says. */
export function entryProblems(inspection: Inspection, after: Place | undefined): Slice<Place> {
  const { connection } = inspection;
  const place = after ?? firstPlace(inspection, 0);
  if (place === undefined) {
    return { problems: [], next: undefined };
  }
  const { list } = place;
  const entries = connection.all<Key>(
    `SELECT value, sequence FROM entries WHERE list = ? AND (value, sequence) > (?, ?)
     ORDER BY value, sequence LIMIT ?`,
    list.list,
    place.value,
    place.sequence,
    ENTRIES_PER_SLICE,
  );
  const problems = entries.flatMap((entry) => problemsOfEntry(inspection, list, entry));
  const last = entries.at(-1);
  return last !== undefined && entries.length === ENTRIES_PER_SLICE
    ? { problems, next: { ...last, list, level: 0 } }
    : { problems, next: firstPlace(inspection, list.list) };
}

/** Each node stands at an entry that reaches its level, and its width is what lies below it. */
export function nodeProblems(inspection: Inspection, after: Place | undefined): Slice<Place> {
  const { connection } = inspection;
  const place = after ?? firstPlace(inspection, 0);
  if (place === undefined) {
    return { problems: [], next: undefined };
  }
  const { list } = place;
  const problems = after === undefined || after.level === 0 ? headProblems(connection, list) : [];
  const nodes = connection.all<Key & { level: number; width: number }>(
    `SELECT level, value, sequence, width FROM nodes
     WHERE list = ? AND (level, value, sequence) > (?, ?, ?)
     ORDER BY level, value, sequence LIMIT ?`,
    list.list,
    place.level,
    place.value,
    place.sequence,
    NODES_PER_SLICE,
  );
  for (const node of nodes) {
    const next = nextNode(connection, list.list, node.level, node);
    const width = below(connection, list.list, node.level, node, next);
    if (width !== node.width) {
      problems.push(
        `${nameOf(list)}: a count on level ${node.level} says ${node.width} entries, there are ${width}.`,
      );
    }
    if (node.sequence !== HEAD.sequence && !isRightful(connection, list.list, node)) {
      problems.push(`${nameOf(list)}: a count on level ${node.level} stands where no entry is.`);
    }
  }
  const last = nodes.at(-1);
  return last !== undefined && nodes.length === NODES_PER_SLICE
    ? { problems, next: { list, level: last.level, value: last.value, sequence: last.sequence } }
    : { problems, next: firstPlace(inspection, list.list) };
}

/** The start of the account's list after this one. */
function firstPlace({ connection, account }: Inspection, after: number): Place | undefined {
  const list = connection.one<List>(
    'SELECT list, collection, name FROM lists WHERE account = ? AND list > ? ORDER BY list LIMIT 1',
    account,
    after,
  );
  return list && { list, level: 0, ...HEAD };
}

function problemsOfEntry(inspection: Inspection, list: List, entry: Key): string[] {
  const { connection, account } = inspection;
  const problems: string[] = [];
  for (let level = 1; level <= heightOf(entry.sequence); level += 1) {
    if (widthOf(connection, list.list, level, entry) === undefined) {
      problems.push(`${nameOf(list)}: a count on level ${level} is absent.`);
    }
  }
  const record = connection.one<CheckedRecord>(
    'SELECT row, collection, id, modified_ms, body FROM records WHERE row = ?',
    rowOf(account, entry.sequence),
  );
  if (record === undefined || record.collection !== list.collection) {
    return [...problems, `${nameOf(list)} has an entry of a record that is not there.`];
  }
  const named = entriesOf(inspection, record);
  const isNamed =
    typeof named === 'string' ||
    named.some(({ index, value }) => index === list.name && value === entry.value);
  return isNamed
    ? problems
    : [...problems, `${nameOf(list)} has an entry that ${record.id} does not name.`];
}

function headProblems(connection: Connection, { list, ...rest }: List): string[] {
  const problems: string[] = [];
  for (let level = 1; level <= LEVELS; level += 1) {
    if (widthOf(connection, list, level, HEAD) === undefined) {
      problems.push(`${nameOf({ list, ...rest })}: the first count on level ${level} is absent.`);
    }
  }
  return problems;
}

function isRightful(connection: Connection, list: number, node: Key & { level: number }): boolean {
  const entry = connection.one(
    'SELECT 1 FROM entries WHERE list = ? AND value = ? AND sequence = ?',
    list,
    node.value,
    node.sequence,
  );
  return entry !== undefined && heightOf(node.sequence) >= node.level;
}

function nameOf({ collection, name }: List): string {
  return `The index ${name} of ${collectionOf(collection) ?? collection}`;
}
