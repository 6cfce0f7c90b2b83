import {
  type Commit,
  type CommitDone,
  type CommitOutcome,
  MAX_PAIR_CHANGES,
  type RecordWrite,
  type WrittenVersion,
} from '../store.ts';
import { holdsLease } from './leases.ts';
import {
  abandonLists,
  changeMembers,
  endMemberships,
  findDraft,
  liveDraft,
  type MembershipChange,
  publishDraft,
} from './memberships.ts';
import { findList } from './order.ts';
import {
  addEntries,
  deleteRecord,
  findRecord,
  insertRecord,
  type RecordRow,
  raiseVersion,
  readRow,
  removeEntries,
} from './records.ts';
import { COLLECTION_NUMBERS } from './schema.ts';
import { rowOf, sequenceOf, takeRow, type Work } from './work.ts';

/** How long the outcome of an operation id is remembered, in milliseconds. */
export const OPERATION_MS = 600_000;

const NO_CHANGE: MembershipChange = { added: 0, removed: 0, unknown: [] };

type Refusal = Exclude<CommitOutcome, CommitDone>;

/** `Store.commit`, within the caller's transaction. */
export function applyCommit(work: Work, commit: Commit): CommitOutcome {
  const pairs = (commit.membership?.add.length ?? 0) + (commit.membership?.remove.length ?? 0);
  if (pairs > MAX_PAIR_CHANGES) {
    throw new Error(
      `A commit changes at most ${MAX_PAIR_CHANGES} members; more go through a draft.`,
    );
  }
  const known = knownOutcome(work, commit.operationId);
  if (known !== undefined) {
    return known;
  }
  const outcome =
    refusalOf(work, commit) ??
    work.connection.attempt(
      () => perform(work, commit),
      (performed) => performed.outcome === 'done',
    );
  work.connection.run(
    'INSERT OR REPLACE INTO operations (account, id, time_ms, outcome) VALUES (?, ?, ?, ?)',
    work.account,
    commit.operationId,
    work.nowMs,
    JSON.stringify(outcome),
  );
  return outcome;
}

function knownOutcome(work: Work, operationId: string): CommitOutcome | undefined {
  const row = work.connection.one<{ outcome: string }>(
    'SELECT outcome FROM operations WHERE account = ? AND id = ? AND time_ms > ?',
    work.account,
    operationId,
    work.nowMs - OPERATION_MS,
  );
  if (row === undefined) {
    return undefined;
  }
  // Parsed boundary: applyCommit wrote it. JSON leaves out a `version` that is undefined.
  const outcome = JSON.parse(row.outcome) as CommitOutcome;
  return outcome.outcome === 'version' ? { ...outcome, version: outcome.version } : outcome;
}

/** What can be refused before anything is written. */
function refusalOf(work: Work, commit: Commit): Refusal | undefined {
  if (commit.fence !== undefined && !holdsLease(work, commit.fence)) {
    return { outcome: 'fenced' };
  }
  return (
    lockRefusal(work, commit) ??
    writeRefusal(work, commit) ??
    groupRefusal(work, commit, commit.membership?.groupId, commit.membership?.expectedVersion) ??
    groupRefusal(work, commit, commit.publish?.draft.groupId, commit.publish?.expectedVersion) ??
    claimRefusal(work, commit)
  );
}

/** Each group of the commit must be free of drafts, but for the commit's own, which must be alive. */
function lockRefusal(work: Work, { writes, membership, publish }: Commit): Refusal | undefined {
  const written = (writes ?? []).filter((write) => write.collection === 'groups');
  const groupIds = new Set(written.map((write) => write.id));
  if (membership !== undefined) {
    groupIds.add(membership.groupId);
  }
  if (publish !== undefined) {
    groupIds.add(publish.draft.groupId);
  }
  for (const groupId of groupIds) {
    const lock = liveDraft(work, groupId);
    const own = publish?.draft.groupId === groupId ? publish.draft : undefined;
    if (lock?.token !== own?.token || lock?.generation !== own?.generation) {
      return { outcome: 'locked' };
    }
  }
  return undefined;
}

function writeRefusal(work: Work, commit: Commit): Refusal | undefined {
  for (const { collection, id, expectedVersion } of commit.writes ?? []) {
    const found = findRecord(work.connection, work.account, collection, id);
    if (found?.version !== expectedVersion) {
      return { outcome: 'version', id, version: found?.version };
    }
  }
  return undefined;
}

function claimRefusal(work: Work, commit: Commit): Refusal | undefined {
  for (const [place, claim] of (commit.claims ?? []).entries()) {
    const collection = COLLECTION_NUMBERS[claim.collection];
    const list = findList(work.connection, work.account, collection, claim.index);
    const holder =
      list === undefined
        ? undefined
        : work.connection.one<{ id: string }>(
            `SELECT records.id FROM entries
             CROSS JOIN records ON records.row = ? + entries.sequence
             WHERE list = ? AND value = ? AND records.id IS NOT ? ORDER BY sequence LIMIT 1`,
            rowOf(work.account, 0),
            list,
            claim.value,
            claim.except ?? null,
          );
    if (holder !== undefined) {
      return { outcome: 'claimed', claim: place, holderId: holder.id };
    }
  }
  return undefined;
}

/** The group whose members change must be there, or be made by the same commit. */
function groupRefusal(
  work: Work,
  commit: Commit,
  groupId: string | undefined,
  expectedVersion: number | undefined,
): Refusal | undefined {
  if (groupId === undefined) {
    return undefined;
  }
  const group = findRecord(work.connection, work.account, 'groups', groupId);
  const isMade = commit.writes?.some(
    (write) => write.collection === 'groups' && write.id === groupId && write.body !== undefined,
  );
  if (group === undefined && !isMade) {
    return { outcome: 'absentGroup' };
  }
  return expectedVersion === undefined || expectedVersion === group?.version
    ? undefined
    : { outcome: 'version', id: groupId, version: group?.version };
}

/** Writes all of it; the caller undoes it when the outcome is a refusal. */
function perform(work: Work, commit: Commit): CommitOutcome {
  const writes = commit.writes ?? [];
  const draftOf = commit.publish?.draft.groupId;
  const written = writes.map((write) => applyWrite(work, write, draftOf));
  let change = NO_CHANGE;
  let groupId: string | undefined;
  if (commit.membership !== undefined) {
    const { membership } = commit;
    groupId = membership.groupId;
    const group = findRecord(work.connection, work.account, 'groups', groupId);
    if (group === undefined) {
      return { outcome: 'absentGroup' };
    }
    change = changeMembers(work, group, membership);
    if (change.unknown.length > 0 && membership.onUnknown === 'refuse') {
      return { outcome: 'unknownMembers', ids: change.unknown };
    }
    if (change.added > 0 && group.member_count + change.added - change.removed > membership.limit) {
      return { outcome: 'full' };
    }
  }
  if (commit.publish !== undefined) {
    groupId = commit.publish.draft.groupId;
    const group = findRecord(work.connection, work.account, 'groups', groupId);
    const draft = findDraft(work, groupId);
    if (group === undefined || draft === undefined) {
      return { outcome: 'absentGroup' };
    }
    change = publishDraft(work, group, draft);
  }
  const isOfEventsAlone = writes.length === 0 && groupId === undefined;
  if (writes.length > 0 || change.added + change.removed > 0 || isOfEventsAlone) {
    appendEvents(work, commit.events ?? []);
  }
  const isNamed = writes.some((write) => write.collection === 'groups' && write.id === groupId);
  const group =
    groupId === undefined || isNamed
      ? undefined
      : findRecord(work.connection, work.account, 'groups', groupId);
  const records = group === undefined ? written : [...written, group];
  return {
    outcome: 'done',
    versions: records.map((record) => versionOf(readRow(work.connection, record.row) ?? record)),
    addedMembers: change.added,
    removedMembers: change.removed,
    unknownMembers: change.unknown,
  };
}

/** The record after the write; a deleted one as it was. */
function applyWrite(work: Work, write: RecordWrite, draftOf: string | undefined): RecordRow {
  const { collection, id } = write;
  const found = findRecord(work.connection, work.account, collection, id);
  if (write.body === undefined) {
    if (found === undefined) {
      throw new Error(`A commit deletes ${collection} ${id}, which is not there.`);
    }
    return deleteWritten(work, write, found);
  }
  if (found === undefined) {
    const isDrafted = collection === 'groups' && id === draftOf;
    const row = isDrafted ? findDraft(work, id)?.group_row : undefined;
    return createWritten(work, write, write.body, row ?? takeRow(work));
  }
  raiseVersion(work, collection, found);
  work.connection.run(
    'UPDATE records SET label = coalesce(?, label), body = ? WHERE row = ?',
    write.label ?? null,
    write.body,
    found.row,
  );
  removeEntries(work, collection, found.row, write.removed);
  addEntries(work, collection, found.row, write.added);
  return found;
}

function createWritten(work: Work, write: RecordWrite, body: string, row: number): RecordRow {
  work.raised.add(row);
  insertRecord(work, {
    row,
    collection: write.collection,
    id: write.id,
    version: (write.previousVersion ?? 0) + 1,
    createdMs: work.stampMs,
    modifiedMs: work.stampMs,
    label: write.label,
    body,
    indexes: write.added,
  });
  const made = readRow(work.connection, row);
  if (made === undefined) {
    throw new Error(`The record ${write.id} is absent right after it was written.`);
  }
  return made;
}

function deleteWritten(work: Work, write: RecordWrite, found: RecordRow): RecordRow {
  if (write.collection === 'users') {
    endMemberships(work, found.row);
  } else if (write.collection === 'groups') {
    abandonLists(work, found);
  }
  deleteRecord(work, write.collection, found, write.removed);
  return found;
}

function versionOf(record: RecordRow): WrittenVersion {
  return {
    id: record.id,
    sequence: sequenceOf(record.row),
    version: record.version,
    createdMs: record.created_ms,
    modifiedMs: record.modified_ms,
  };
}

function appendEvents(work: Work, events: readonly string[]): void {
  for (const body of events) {
    work.connection.run(
      'INSERT INTO events (row, time_ms, body) VALUES (?, ?, ?)',
      rowOf(work.account, work.nextEvent),
      work.nowMs,
      body,
    );
    work.nextEvent += 1;
  }
}
