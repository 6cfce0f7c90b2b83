import type {
  GroupReference,
  Include,
  MemberSlice,
  Query,
  QueryResult,
  Range,
  StoredRecord,
} from '../store.ts';
import { fixed, indexKey, MAX_SEQUENCE } from './keys.ts';

export type IncludeArgument = '' | 'groups' | 'members';

/** What GET and QUERY shall add: groups to users, members to groups, else nothing. */
export function includeArgument(collection: string, include: Include | undefined): IncludeArgument {
  if (collection === 'users' && include?.groups === true) return 'groups';
  if (collection === 'groups' && include?.members === true) return 'members';
  return '';
}

/** `parts`: of each id its record, '' or null for none, then what was included. */
export function decodeRecords(
  ids: readonly string[],
  parts: readonly (string | null)[],
  include: IncludeArgument,
): (StoredRecord | undefined)[] {
  const width = include === '' ? 1 : 2;
  return ids.map((id, n) => {
    const raw = parts[n * width] ?? '';
    return raw === '' ? undefined : decodeRecord(id, raw, include, parts[n * width + 1] ?? '');
  });
}

/** The arguments of the script QUERY. */
export function encodeQuery(query: Query): string[] {
  const { collection, limit, offset = 0, after = '' } = query;
  return [
    collection,
    includeArgument(collection, query.include),
    String(limit),
    String(offset),
    after,
    query.descending === true ? 'desc' : 'asc',
    ...encodeRange(collection, query.range),
  ];
}

/** `reply`: total, position or '', and the records as QUERY joins them. */
export function decodeQuery(query: Query, reply: readonly [number, string, string?]): QueryResult {
  const [total, next, joined] = reply;
  const include = includeArgument(query.collection, query.include);
  const width = include === '' ? 2 : 3;
  const parts = joined === undefined ? [] : joined.split('\0');
  const records: StoredRecord[] = [];
  for (let at = 0; at < parts.length; at += width) {
    const [id = '', raw = '', included = ''] = [parts[at], parts[at + 1], parts[at + 2]];
    // An index entry without a record is a damaged store: `problems` tells of it.
    if (raw !== '') records.push(decodeRecord(id, raw, include, included));
  }
  return { total, records, next: next === '' ? undefined : next };
}

/** `raw` is "version sequence createdMs modifiedMs\n" and the body. */
export function decodeRecord(
  id: string,
  raw: string,
  include: IncludeArgument,
  included: string,
): StoredRecord {
  const end = raw.indexOf('\n');
  const [version, sequence, createdMs, modifiedMs] = raw.slice(0, end).split(' ');
  const record = {
    id,
    sequence: Number(sequence),
    version: Number(version),
    createdMs: Number(createdMs),
    modifiedMs: Number(modifiedMs),
    body: raw.slice(end + 1),
  };
  if (include === 'groups') return { ...record, groups: decodeGroups(included) };
  if (include === 'members') return { ...record, members: decodeMembers(included) };
  return record;
}

function decodeGroups(text: string): GroupReference[] {
  if (text === '') return [];
  const parts = text.split('\x01');
  const groups: GroupReference[] = [];
  for (let n = 0; n < parts.length; n += 2) {
    groups.push({ id: parts[n] ?? '', label: parts[n + 1] ?? '' });
  }
  return groups;
}

/** `text` is "generation next\n" and the ids: next 0 is the end, -1 is a list not begun yet. */
export function decodeMembers(text: string): MemberSlice {
  const end = text.indexOf('\n');
  const [generation, next] = text.slice(0, end).split(' ').map(Number);
  const ids = text.length === end + 1 ? [] : text.slice(end + 1).split('\x01');
  return { ids, next: memberPosition(generation, next) };
}

function memberPosition(generation = 0, next = 0): MemberSlice['next'] {
  return next === 0 ? undefined : { generation, sequence: Math.max(next, 0) };
}

/** Kind of range, key of the index, bounds. */
function encodeRange(collection: string, range: Range): string[] {
  switch (range.by) {
    case 'sequence':
      return ['all', `${collection}:sequence`];
    case 'modified': {
      const from = clamp(Math.ceil(range.fromMs ?? 0));
      const key = `${collection}:modified`;
      if (range.toMs === undefined) return ['between', key, fixed(from), fixed(MAX_SEQUENCE)];
      // Before 1970 nothing was modified: a range that is empty.
      if (range.toMs < 0) return ['equals', key, ''];
      return ['between', key, fixed(from), fixed(clamp(Math.floor(range.toMs)))];
    }
    case 'member':
      if (collection !== 'groups') throw new Error('A range by member is one of groups.');
      return ['member', '', range.memberId];
    case 'index': {
      const key = indexKey(collection, range.index);
      if ('equals' in range) return ['equals', key, range.equals];
      if ('startsWith' in range) return ['prefix', key, range.startsWith];
      return ['all', key];
    }
  }
}

function clamp(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, 0), MAX_SEQUENCE);
}
