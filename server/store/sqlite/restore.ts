import type { RestoreLine } from '../store.ts';
import { changeMembers } from './memberships.ts';
import { findRecord, insertRecord } from './records.ts';
import { rowOf, type Work } from './work.ts';

const MAX_LINES = 1_000;

/** `Store.restore`. A line that can't be written undoes the whole call. */
export function restore(work: Work, lines: readonly RestoreLine[]): void {
  if (lines.length > MAX_LINES) {
    throw new Error(`restore takes at most ${MAX_LINES} lines at once.`);
  }
  for (const line of lines) {
    if (line.kind === 'record') {
      restoreRecord(work, line);
    } else {
      restoreMembers(work, line.groupId, line.memberIds);
    }
  }
}

function restoreRecord(work: Work, line: Extract<RestoreLine, { readonly kind: 'record' }>): void {
  const { collection, record } = line;
  if (findRecord(work.connection, work.account, collection, record.id) !== undefined) {
    throw new Error(`${collection} ${record.id} is there already: restore into an empty account.`);
  }
  const row = rowOf(work.account, record.sequence);
  work.nextSequence = Math.max(work.nextSequence, record.sequence + 1);
  work.latestMs = Math.max(work.latestMs, record.modifiedMs);
  insertRecord(work, {
    row,
    collection,
    id: record.id,
    version: record.version,
    createdMs: record.createdMs,
    modifiedMs: record.modifiedMs,
    label: line.label,
    body: record.body,
    indexes: line.indexes,
  });
}

/** Adds to the list without a new version: the export gave the version that the list had. */
function restoreMembers(work: Work, groupId: string, memberIds: readonly string[]): void {
  const group = findRecord(work.connection, work.account, 'groups', groupId);
  if (group === undefined) {
    throw new Error(`Group ${groupId} is absent: restore groups before their members.`);
  }
  work.raised.add(group.row);
  const write = { groupId, add: memberIds, remove: [], onUnknown: 'refuse', limit: 0 } as const;
  const { unknown } = changeMembers(work, group, write);
  if (unknown.length > 0) {
    throw new Error(`User ${unknown[0]} is absent: restore users before the members of groups.`);
  }
}
