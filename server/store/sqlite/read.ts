import {
  type Collection,
  type GroupReference,
  type Include,
  MEMBER_SLICE,
  type MemberPosition,
  type MemberSlice,
  type StoredEvent,
  type StoredRecord,
} from '../store.ts';
import type { Connection } from './connection.ts';
import { COLLECTION_NUMBERS } from './schema.ts';
import { rowOf, sequenceOf } from './work.ts';

/**
 * Members that one answer gives at most over all its groups: bounds how long it holds the event loop.
 * Later groups of a page get an empty slice with a `next`.
 */
const MEMBERS_PER_ANSWER = 2_000;

/** A record as read for an answer. */
export interface FullRow {
  readonly row: number;
  readonly id: string;
  readonly version: number;
  readonly created_ms: number;
  readonly modified_ms: number;
  readonly body: string;
}

/** What one answer adds to its records, and how many members it may still give. */
export interface Inclusion {
  readonly groups: boolean;
  readonly members: boolean;
  membersLeft: number;
}

export function inclusionOf(include: Include | undefined): Inclusion {
  return {
    groups: include?.groups === true,
    members: include?.members === true,
    membersLeft: MEMBERS_PER_ANSWER,
  };
}

/**
 * `Store.get` of one id. A person with groups is one statement, so of one moment without a
 * transaction, whose two statements would cost as much again.
 */
export function readRecord(
  connection: Connection,
  account: number,
  collection: Collection,
  id: string,
  inclusion: Inclusion,
): StoredRecord | undefined {
  const number = COLLECTION_NUMBERS[collection];
  if (inclusion.groups && collection === 'users') {
    const row = connection.one<FullRow & { groups: string }>(WITH_GROUPS, account, number, id);
    return (
      row && { ...recordOf(connection, collection, row, NOTHING), groups: parseGroups(row.groups) }
    );
  }
  const row = connection.one<FullRow>(WITHOUT_GROUPS, account, number, id);
  return row && recordOf(connection, collection, row, inclusion);
}

const NOTHING: Inclusion = { groups: false, members: false, membersLeft: 0 };

const WITHOUT_GROUPS = `SELECT row, id, version, created_ms, modified_ms, body
  FROM records WHERE account = ? AND collection = ? AND id = ?`;

const WITH_GROUPS = `SELECT row, id, version, created_ms, modified_ms, body, (
    SELECT json_group_array(json_array(id, label)) FROM (
      SELECT grouped.id, grouped.label FROM memberships
      CROSS JOIN records AS grouped ON grouped.row = memberships.group_row
      WHERE member_row = records.row AND grouped.generation = memberships.generation
      ORDER BY group_row
    )
  ) AS groups
  FROM records WHERE account = ? AND collection = ? AND id = ?`;

function parseGroups(text: string): readonly GroupReference[] {
  if (text === '[]') return [];
  const pairs = JSON.parse(text) as [string, string | null][]; // as WITH_GROUPS makes it
  return pairs.map(([id, label]) => ({ id, label: label ?? '' }));
}

export function recordOf(
  connection: Connection,
  collection: Collection,
  row: FullRow,
  inclusion: Inclusion,
): StoredRecord {
  const record: StoredRecord = {
    id: row.id,
    sequence: sequenceOf(row.row),
    version: row.version,
    createdMs: row.created_ms,
    modifiedMs: row.modified_ms,
    body: row.body,
  };
  if (inclusion.groups && collection === 'users') {
    return { ...record, groups: groupsOf(connection, row.row) };
  }
  if (inclusion.members && collection === 'groups') {
    return { ...record, members: firstSlice(connection, row.row, inclusion) };
  }
  return record;
}

/** `Store.members`. */
export function readMembers(
  connection: Connection,
  account: number,
  groupId: string,
  after: MemberPosition | undefined,
): MemberSlice | undefined {
  const group = connection.one<{ row: number; generation: number }>(
    'SELECT row, generation FROM records WHERE account = ? AND collection = ? AND id = ?',
    account,
    COLLECTION_NUMBERS.groups,
    groupId,
  );
  const old = after && oldList(connection, account, after.generation);
  const row = old?.group_row ?? group?.row;
  const generation = old?.generation ?? group?.generation;
  if (row === undefined || generation === undefined) return undefined;
  return sliceOf(connection, row, generation, after?.sequence ?? 0, MEMBER_SLICE);
}

/** A list that is shown no more, and not swept up yet. */
function oldList(
  connection: Connection,
  account: number,
  generation: number,
): { group_row: number; generation: number } | undefined {
  return connection.one(
    `SELECT group_row, generation FROM garbage
     WHERE group_row BETWEEN ? AND ? AND generation = ?`,
    rowOf(account, 0),
    rowOf(account + 1, -1),
    generation,
  );
}

/** `Store.events`. An id is the event's place in the account. */
export function readEvents(
  connection: Connection,
  account: number,
  after: string | undefined,
  limit: number,
): readonly StoredEvent[] {
  const place = Number(after ?? 0);
  if (!Number.isSafeInteger(place) || place < 0) {
    throw new Error(`${JSON.stringify(after)} is not the id of an event of this store.`);
  }
  const rows = connection.all<{ row: number; time_ms: number; body: string }>(
    'SELECT row, time_ms, body FROM events WHERE row > ? AND row < ? ORDER BY row LIMIT ?',
    rowOf(account, place),
    rowOf(account + 1, 0),
    limit,
  );
  return rows.map(({ row, time_ms, body }) => ({
    id: String(sequenceOf(row)),
    timeMs: time_ms,
    body,
  }));
}

export function readName(
  connection: Connection,
  account: number,
  name: string,
): string | undefined {
  return connection.one<{ value: string }>(
    'SELECT value FROM names WHERE account = ? AND name = ?',
    account,
    name,
  )?.value;
}

/** A replaced list that is not swept up yet is told by its generation. */
function groupsOf(connection: Connection, userRow: number): readonly GroupReference[] {
  const groups = connection.all<{ id: string; label: string | null }>(
    `SELECT records.id, records.label FROM memberships
     CROSS JOIN records ON records.row = memberships.group_row
     WHERE member_row = ? AND records.generation = memberships.generation ORDER BY group_row`,
    userRow,
  );
  return groups.map(({ id, label }) => ({ id, label: label ?? '' }));
}

function firstSlice(connection: Connection, groupRow: number, inclusion: Inclusion): MemberSlice {
  const group = connection.one<{ generation: number; member_count: number }>(
    'SELECT generation, member_count FROM records WHERE row = ?',
    groupRow,
  );
  const generation = group?.generation ?? 0;
  if (group === undefined || group.member_count === 0) {
    return { ids: [], next: undefined };
  }
  const limit = Math.min(MEMBER_SLICE, inclusion.membersLeft);
  if (limit === 0) {
    return { ids: [], next: { generation, sequence: 0 } };
  }
  const slice = sliceOf(connection, groupRow, generation, 0, limit);
  inclusion.membersLeft -= slice.ids.length;
  return slice;
}

function sliceOf(
  connection: Connection,
  groupRow: number,
  generation: number,
  after: number,
  limit: number,
): MemberSlice {
  const rows = connection.all<{ sequence: number; id: string }>(
    `SELECT memberships.sequence, records.id FROM memberships
     CROSS JOIN records ON records.row = memberships.member_row
     WHERE group_row = ? AND memberships.generation = ? AND sequence > ?
     ORDER BY sequence LIMIT ?`,
    groupRow,
    generation,
    after,
    limit + 1,
  );
  const isLast = rows.length <= limit;
  const given = isLast ? rows : rows.slice(0, limit);
  const last = given.at(-1);
  return {
    ids: given.map(({ id }) => id),
    next: isLast || last === undefined ? undefined : { generation, sequence: last.sequence },
  };
}
