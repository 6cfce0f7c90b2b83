import { randomUUID } from 'node:crypto';
import { type Document, isSame } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import type { MemberEdit } from '#scim/patch/operation.ts';
import { MAX_PAIR_CHANGES, type MemberDraft } from '#store/store.ts';
import { changedNames } from './changed-names.ts';
import { type Directory, GROUP_MEMBERS_MAX, type WriteResult } from './directory.ts';
import { type Caller, type EventFacts, eventText } from './event.ts';
import {
  groupWrite,
  groupWritten,
  nameClaims,
  readGroup,
  refuseGroupWrite,
  tooManyMembers,
  unknownMembers,
} from './group-write.ts';
import { parseBody } from './indexes.ts';
import { applyEdits, readMembers } from './member-change.ts';
import { checkVersion, noSuchGroup, type Precondition } from './precondition.ts';
import { lockDeadlineMs, waitForLock } from './retry.ts';

/** A draft whose writer died frees the group after this long. */
const LOCK_MS = 15_000;

export type GroupChange = (current: Document) => {
  readonly document: Document;
  readonly edits: readonly MemberEdit[];
};

/**
 * Changes more members than one commit takes: the new list is written beside the old one, slice by
 * slice under the group's write lock, then published in one step. Readers see the old list until
 * then; if the bridge dies on the way, nothing has happened.
 */
export async function rewriteMembers(
  directory: Directory,
  caller: Caller,
  id: string,
  operation: 'create' | 'replace' | 'patch',
  precondition: Precondition,
  change: GroupChange,
): Promise<WriteResult> {
  const draft = await openDraft(directory, id);
  try {
    const record = await readGroup(directory, id);
    checkVersion(precondition, record.version);
    const before = parseBody(record.body);
    const { document, edits } = change(before);
    const current = await readMembers(directory.store, id);
    if (current === undefined) throw noSuchGroup(id);
    const wanted = await applyEdits(current, edits);
    const unknown = await fillDraft(directory, draft, wanted);
    const { write, body } = groupWrite(id, { version: record.version, document: before }, document);
    const facts: EventFacts = {
      operation,
      resourceType: 'Group',
      id,
      attributes: changedNames(before, document),
      members: { add: wanted.size - unknown.length, remove: current.size },
      ...(unknown.length === 0 ? {} : { unknownMembers: unknown.slice(0, 100) }),
    };
    const outcome = await directory.store.commit({
      operationId: randomUUID(),
      ...(isSame(before, document) ? {} : { claims: nameClaims(write, id), writes: [write] }),
      publish: { draft, expectedVersion: record.version },
      events: [eventText(caller, facts)],
    });
    if (outcome.outcome === 'done')
      return { ...groupWritten(outcome, body), unknownMembers: unknown };
    refuseGroupWrite(outcome, id, document);
    throw lostLock();
  } catch (thrown) {
    await directory.store.dropDraft(draft);
    throw thrown;
  }
}

async function openDraft(directory: Directory, id: string): Promise<MemberDraft> {
  const untilMs = lockDeadlineMs();
  for (;;) {
    const draft = await directory.store.openDraft(id, LOCK_MS);
    if (draft === 'absent') throw noSuchGroup(id);
    if (draft !== undefined) return draft;
    await waitForLock(untilMs);
  }
}

async function fillDraft(
  directory: Directory,
  draft: MemberDraft,
  wanted: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (wanted.size > GROUP_MEMBERS_MAX) throw tooManyMembers();
  const unknown: string[] = [];
  let slice: string[] = [];
  const flush = async () => {
    const extended = await directory.store.extendDraft(draft, slice);
    if (extended === undefined) throw lostLock();
    unknown.push(...extended.unknown);
    slice = [];
    if (directory.onUnknownMembers === 'refuse' && unknown.length > 0)
      throw unknownMembers(unknown);
  };
  for (const id of wanted) {
    slice.push(id);
    if (slice.length === MAX_PAIR_CHANGES) await flush();
  }
  if (slice.length > 0) await flush();
  return unknown;
}

function lostLock(): ScimError {
  return new ScimError(
    'unavailable',
    'The new member list could not be finished in time. Nothing was changed; send the request again.',
    { retryAfterSeconds: 5 },
  );
}
