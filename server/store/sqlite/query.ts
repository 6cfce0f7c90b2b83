import type { Collection, Query, QueryResult, StoredRecord } from '../store.ts';
import type { Connection } from './connection.ts';
import { type Bounds, countRange, findList, type Key, keyAt, rankOf } from './order.ts';
import { listRangeOf, parsePosition, printPosition } from './range.ts';
import { type FullRow, inclusionOf, recordOf } from './read.ts';
import { COLLECTION_NUMBERS } from './schema.ts';
import { rowOf, sequenceOf } from './work.ts';

const NOTHING: QueryResult = { total: 0, records: [], next: undefined };

type ListQuery = Query & { readonly range: Exclude<Query['range'], { readonly by: 'member' }> };

interface EntryRow extends FullRow {
  readonly value: string;
}

/** `Store.query`, of one moment when the caller reads in a transaction. */
export function runQuery(connection: Connection, account: number, query: Query): QueryResult {
  if (query.range.by === 'member') {
    return queryGroupsOf(connection, account, query, query.range.memberId);
  }
  return queryList(connection, account, { ...query, range: query.range });
}

function queryList(connection: Connection, account: number, query: ListQuery): QueryResult {
  const { name, bounds } = listRangeOf(query.range);
  const list = findList(connection, account, COLLECTION_NUMBERS[query.collection], name);
  if (list === undefined) {
    return NOTHING;
  }
  if (query.limit === 0) {
    return { ...NOTHING, total: countRange(connection, list, bounds) };
  }
  const isFromTheStart = query.after === undefined && (query.offset ?? 0) === 0;
  if (isFromTheStart && 'equals' in query.range) {
    // Most often one record or none: then the page itself tells the total.
    const rows = readEqual(connection, account, list, query.range.equals, query);
    const isWhole = rows.length <= query.limit;
    const total = isWhole ? rows.length : countRange(connection, list, bounds);
    return { total, ...pageOf(connection, query, rows, positionOfEntry) };
  }
  const start = startOf(connection, list, bounds, query);
  const rows = start === undefined ? [] : readEntries(connection, account, list, start, query);
  return {
    total: countRange(connection, list, bounds),
    ...pageOf(connection, query, rows, positionOfEntry),
  };
}

function positionOfEntry({ value, row }: EntryRow): string {
  return printPosition({ value, sequence: sequenceOf(row) });
}

/** The bounds of what the page reads from; undefined when the offset leaves nothing. */
function startOf(
  connection: Connection,
  list: number,
  bounds: Bounds,
  query: ListQuery,
): Bounds | undefined {
  const { after, offset = 0, descending = false } = query;
  if (after !== undefined) {
    const { value, sequence } = parsePosition(after);
    return descending
      ? { low: bounds.low, high: { value, sequence } }
      : { low: { value, sequence: sequence + 1 }, high: bounds.high };
  }
  if (offset === 0) {
    return bounds;
  }
  const first = rankOf(connection, list, bounds.low);
  const end = rankOf(connection, list, bounds.high);
  const rank = descending ? end - 1 - offset : first + offset;
  const key = rank < first || rank >= end ? undefined : keyAt(connection, list, rank);
  return key && startingAt(key, bounds, descending);
}

function startingAt(key: Key, { low, high }: Bounds, descending: boolean): Bounds {
  return descending
    ? { low, high: { value: key.value, sequence: key.sequence + 1 } }
    : { low: key, high };
}

/** One row more than the page holds, if there is one. */
function readEntries(
  connection: Connection,
  account: number,
  list: number,
  { low, high }: Bounds,
  { descending, limit }: Query,
): EntryRow[] {
  return connection.all<EntryRow>(
    descending ? ENTRIES_DESCENDING : ENTRIES_ASCENDING,
    rowOf(account, 0),
    list,
    low.value,
    low.sequence,
    high.value,
    high.sequence,
    limit + 1,
  );
}

/** As `readEntries`, for one value: it costs SQLite half as much. */
function readEqual(
  connection: Connection,
  account: number,
  list: number,
  value: string,
  { descending, limit }: Query,
): EntryRow[] {
  const sql = descending ? EQUAL_DESCENDING : EQUAL_ASCENDING;
  return connection.all<EntryRow>(sql, rowOf(account, 0), list, value, limit + 1);
}

const JOINED = `
  SELECT entries.value, row, id, version, created_ms, modified_ms, body
  FROM entries CROSS JOIN records ON records.row = ? + entries.sequence WHERE list = ?`;
const EQUAL = `${JOINED} AND value = ?`;
const EQUAL_ASCENDING = `${EQUAL} ORDER BY sequence LIMIT ?`;
const EQUAL_DESCENDING = `${EQUAL} ORDER BY sequence DESC LIMIT ?`;
const ENTRIES = `${JOINED} AND (value, sequence) >= (?, ?) AND (value, sequence) < (?, ?)`;
const ENTRIES_ASCENDING = `${ENTRIES} ORDER BY value, sequence LIMIT ?`;
const ENTRIES_DESCENDING = `${ENTRIES} ORDER BY value DESC, sequence DESC LIMIT ?`;

/** By that person's groups: their number is the cost. Positions are the groups' sequences. */
function queryGroupsOf(
  connection: Connection,
  account: number,
  query: Query,
  memberId: string,
): QueryResult {
  const member = connection.one<{ row: number }>(
    'SELECT row FROM records WHERE account = ? AND collection = ? AND id = ?',
    account,
    COLLECTION_NUMBERS.users,
    memberId,
  );
  if (member === undefined || query.collection !== 'groups') {
    return NOTHING;
  }
  const total =
    connection.one<{ count: number }>(
      `SELECT count(*) AS count FROM memberships
       CROSS JOIN records ON records.row = group_row
       WHERE member_row = ? AND records.generation = memberships.generation`,
      member.row,
    )?.count ?? 0;
  if (query.limit === 0) {
    return { ...NOTHING, total };
  }
  const { after, descending = false } = query;
  const position = after === undefined ? undefined : rowOf(account, parsePosition(after).sequence);
  const rows = connection.all<FullRow>(
    descending ? GROUPS_DESCENDING : GROUPS_ASCENDING,
    member.row,
    position ?? (descending ? rowOf(account + 1, 0) : rowOf(account, 0)),
    query.limit + 1,
    after === undefined ? (query.offset ?? 0) : 0,
  );
  const page = pageOf(connection, query, rows, ({ row }) =>
    printPosition({ value: '', sequence: sequenceOf(row) }),
  );
  return { total, ...page };
}

const GROUPS = `
  SELECT row, id, version, created_ms, modified_ms, body
  FROM memberships CROSS JOIN records ON records.row = group_row
  WHERE member_row = ? AND records.generation = memberships.generation`;
const GROUPS_ASCENDING = `${GROUPS} AND group_row > ? ORDER BY group_row LIMIT ? OFFSET ?`;
const GROUPS_DESCENDING = `${GROUPS} AND group_row < ? ORDER BY group_row DESC LIMIT ? OFFSET ?`;

function pageOf<Row extends FullRow>(
  connection: Connection,
  query: Query,
  rows: readonly Row[],
  positionOf: (row: Row) => string,
): { readonly records: readonly StoredRecord[]; readonly next: string | undefined } {
  const collection: Collection = query.collection;
  const given = rows.slice(0, query.limit);
  const inclusion = inclusionOf(query.include);
  const last = rows.length > query.limit ? given.at(-1) : undefined;
  return {
    records: given.map((row) => recordOf(connection, collection, row, inclusion)),
    next: last && positionOf(last),
  };
}
