import { type MembershipWrite, OLD_LIST_MS } from '../store.ts';
import { findRecord, type RecordRow, raiseVersion, readRow } from './records.ts';
import { rowOf, type Work } from './work.ts';

/**
 * A membership is (group, generation, sequence, member). Readers see the group's generation; a draft
 * writes the next one beside it. A member keeps its sequence from one generation to the next, so a
 * reader goes on after a sequence whatever happened to the list meanwhile.
 */
export interface MembershipChange {
  readonly added: number;
  readonly removed: number;
  readonly unknown: readonly string[];
}

export interface DraftRow {
  readonly group_row: number;
  readonly generation: number;
  readonly token: string;
  readonly lock_ms: number;
  readonly expires_ms: number;
  readonly member_count: number;
  readonly kept: number;
}

/** Removes first, then adds. Says nothing of unknown ids or a limit: the caller looks at the result. */
export function changeMembers(
  work: Work,
  group: RecordRow,
  write: MembershipWrite,
): MembershipChange {
  const unknown: string[] = [];
  const places = { generation: group.generation, nextMember: group.next_member };
  let removed = 0;
  for (const id of write.remove) {
    const user = findRecord(work.connection, work.account, 'users', id);
    if (user !== undefined && removeMember(work, group.row, group.generation, user.row)) {
      removed += 1;
    }
  }
  let added = 0;
  for (const id of new Set(write.add)) {
    const user = findRecord(work.connection, work.account, 'users', id);
    if (user === undefined) {
      unknown.push(id);
    } else if (insertMember(work, group.row, places.generation, places.nextMember, user.row)) {
      places.nextMember += 1;
      added += 1;
    }
  }
  if (added + removed > 0) {
    work.connection.run(
      'UPDATE records SET member_count = member_count + ?, next_member = ? WHERE row = ?',
      added - removed,
      places.nextMember,
      group.row,
    );
    raiseVersion(work, 'groups', group);
  }
  return { added, removed, unknown };
}

/** Takes a user out of every list. Each group that readers saw it in gets a new version. */
export function endMemberships(work: Work, userRow: number): void {
  const { connection } = work;
  const lists = connection.all<{ group_row: number; generation: number }>(
    'SELECT group_row, generation FROM memberships WHERE member_row = ?',
    userRow,
  );
  const shown = new Set<number>();
  for (const list of lists) {
    const group = readRow(connection, list.group_row);
    if (group?.generation === list.generation) {
      shown.add(group.row);
      connection.run('UPDATE records SET member_count = member_count - 1 WHERE row = ?', group.row);
      raiseVersion(work, 'groups', group);
    }
  }
  for (const { group_row, generation } of lists) {
    const kept = shown.has(group_row) ? 1 : 0;
    connection.run(
      `UPDATE drafts SET member_count = member_count - 1, kept = kept - ?
       WHERE group_row = ? AND generation = ?`,
      kept,
      group_row,
      generation,
    );
    removeMember(work, group_row, generation, userRow);
  }
}

/** Leaves the member list and a draft of a group that is being deleted to sweep(). */
export function abandonLists(work: Work, group: RecordRow): void {
  const draft = findDraft(work, group.id);
  if (draft !== undefined) {
    abandonDraft(work, draft);
  }
  addGarbage(work, group.row, group.generation, OLD_LIST_MS);
}

/** Ends a draft, its lock included; its memberships are left to sweep(). */
export function abandonDraft(work: Work, draft: DraftRow): void {
  work.connection.run('DELETE FROM drafts WHERE group_row = ?', draft.group_row);
  addGarbage(work, draft.group_row, draft.generation, 0);
}

/** By the group's id: the group may not be made yet. There are as many drafts as requests. */
export function findDraft(work: Work, groupId: string): DraftRow | undefined {
  return work.connection.one<DraftRow>(
    `SELECT group_row, generation, token, lock_ms, expires_ms, member_count, kept
     FROM drafts WHERE group_row BETWEEN ? AND ? AND group_id = ?`,
    rowOf(work.account, 0),
    rowOf(work.account + 1, -1),
    groupId,
  );
}

/** The group's draft while its lock holds. */
export function liveDraft(work: Work, groupId: string): DraftRow | undefined {
  const draft = findDraft(work, groupId);
  return draft !== undefined && draft.expires_ms > work.nowMs ? draft : undefined;
}

/** Makes a draft the list that readers see. The old one is left to sweep(). */
export function publishDraft(work: Work, group: RecordRow, draft: DraftRow): MembershipChange {
  const added = draft.member_count - draft.kept;
  const removed = group.member_count - draft.kept;
  work.connection.run('DELETE FROM drafts WHERE group_row = ?', group.row);
  work.connection.run(
    'UPDATE records SET generation = ?, member_count = ?, next_member = ? WHERE row = ?',
    draft.generation,
    draft.member_count,
    Math.max(group.next_member, nextPlace(work, draft)),
    group.row,
  );
  addGarbage(work, group.row, group.generation, OLD_LIST_MS);
  if (added + removed > 0) {
    raiseVersion(work, 'groups', group);
  }
  return { added, removed, unknown: [] };
}

/** Adds ids to a draft and renews its lock; resolves to those that no user has. */
export function addToDraft(work: Work, draft: DraftRow, ids: readonly string[]): readonly string[] {
  const { connection } = work;
  const group = readRow(connection, draft.group_row);
  const unknown: string[] = [];
  let added = 0;
  let kept = 0;
  let nextMember = Math.max(group?.next_member ?? 1, nextPlace(work, draft));
  for (const id of new Set(ids)) {
    const user = findRecord(connection, work.account, 'users', id);
    if (user === undefined) {
      unknown.push(id);
      continue;
    }
    const shown = group && placeOf(work, group.row, group.generation, user.row);
    const place = shown ?? nextMember;
    if (insertMember(work, draft.group_row, draft.generation, place, user.row)) {
      added += 1;
      kept += shown === undefined ? 0 : 1;
      nextMember += shown === undefined ? 1 : 0;
    }
  }
  connection.run(
    `UPDATE drafts SET member_count = member_count + ?, kept = kept + ?, expires_ms = ?
     WHERE group_row = ?`,
    added,
    kept,
    work.nowMs + draft.lock_ms,
    draft.group_row,
  );
  return unknown;
}

/** Behind the last member that is in the draft. */
function nextPlace(work: Work, { group_row, generation }: DraftRow): number {
  const last = work.connection.one<{ sequence: number | null }>(
    'SELECT max(sequence) AS sequence FROM memberships WHERE group_row = ? AND generation = ?',
    group_row,
    generation,
  );
  return (last?.sequence ?? 0) + 1;
}

/** The user's place in one list of a group; undefined when it is not in it. */
function placeOf(
  work: Work,
  groupRow: number,
  generation: number,
  userRow: number,
): number | undefined {
  return work.connection.one<{ sequence: number }>(
    `SELECT sequence FROM memberships
     WHERE member_row = ? AND group_row = ? AND generation = ?`,
    userRow,
    groupRow,
    generation,
  )?.sequence;
}

function insertMember(
  work: Work,
  groupRow: number,
  generation: number,
  sequence: number,
  userRow: number,
): boolean {
  if (placeOf(work, groupRow, generation, userRow) !== undefined) {
    return false;
  }
  work.connection.run(
    'INSERT INTO memberships (group_row, generation, sequence, member_row) VALUES (?, ?, ?, ?)',
    groupRow,
    generation,
    sequence,
    userRow,
  );
  return true;
}

function removeMember(work: Work, groupRow: number, generation: number, userRow: number): boolean {
  const removed = work.connection.run(
    'DELETE FROM memberships WHERE member_row = ? AND group_row = ? AND generation = ?',
    userRow,
    groupRow,
    generation,
  );
  return removed > 0;
}

function addGarbage(work: Work, groupRow: number, generation: number, delayMs: number): void {
  work.connection.run(
    'INSERT OR IGNORE INTO garbage (group_row, generation, due_ms) VALUES (?, ?, ?)',
    groupRow,
    generation,
    work.nowMs + delayMs,
  );
}
