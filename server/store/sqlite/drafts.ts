import { randomUUID } from 'node:crypto';
import { MAX_PAIR_CHANGES, type MemberDraft } from '../store.ts';
import { abandonDraft, addToDraft, type DraftRow, findDraft, liveDraft } from './memberships.ts';
import { findRecord } from './records.ts';
import { takeGeneration, takeRow, type Work } from './work.ts';

/** `Store.openDraft`. */
export function openDraft(
  work: Work,
  groupId: string,
  lockMs: number,
  forNew: boolean,
): MemberDraft | undefined | 'absent' {
  const group = findRecord(work.connection, work.account, 'groups', groupId);
  if (group === undefined && !forNew) {
    return 'absent';
  }
  const before = findDraft(work, groupId);
  if (before !== undefined && before.expires_ms > work.nowMs) {
    return undefined;
  }
  if (before !== undefined) {
    abandonDraft(work, before);
  }
  const generation = takeGeneration(work);
  const token = randomUUID();
  work.connection.run(
    `INSERT INTO drafts (group_row, group_id, generation, token, lock_ms, expires_ms, member_count, kept)
     VALUES (?, ?, ?, ?, ?, ?, 0, 0)`,
    group?.row ?? takeRow(work),
    groupId,
    generation,
    token,
    lockMs,
    work.nowMs + lockMs,
  );
  return { groupId, generation, token };
}

/** `Store.extendDraft`. */
export function extendDraft(
  work: Work,
  draft: MemberDraft,
  memberIds: readonly string[],
): { readonly unknown: readonly string[] } | undefined {
  if (memberIds.length > MAX_PAIR_CHANGES) {
    throw new Error(`A draft takes at most ${MAX_PAIR_CHANGES} members at once.`);
  }
  const own = findOwn(work, draft);
  return own && { unknown: addToDraft(work, own, memberIds) };
}

/** `Store.dropDraft`. */
export function dropDraft(work: Work, draft: MemberDraft): void {
  const own = findOwn(work, draft);
  if (own !== undefined) {
    abandonDraft(work, own);
  }
}

function findOwn(work: Work, { groupId, generation, token }: MemberDraft): DraftRow | undefined {
  const row = liveDraft(work, groupId);
  return row?.token === token && row.generation === generation ? row : undefined;
}
