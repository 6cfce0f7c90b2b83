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
import { applyEdits, countChanges, readMembers } from './member-change.ts';
import { checkVersion, noSuchGroup, type Precondition } from './precondition.ts';
import { lockDeadlineMs, waitForLock } from './retry.ts';

/** A draft whose writer died frees the group after this long. */
const LOCK_MS = 15_000;
/** Members that may be deleted between the last reading of the version and the commit. */
const PUBLISH_RACES_MAX = 50;

export type GroupChange = (current: Document) => {
  readonly document: Document;
  readonly edits: readonly MemberEdit[];
};

/** A change of a group that replaces its member list. */
export interface ListChange {
  readonly id: string;
  readonly operation: 'replace' | 'patch';
  readonly precondition: Precondition;
  readonly change: GroupChange;
}

/** A new group with more members than one commit takes. It is there when all of them are written. */
export async function createBigGroup(
  directory: Directory,
  caller: Caller,
  id: string,
  posted: Document,
  memberIds: readonly string[],
): Promise<WriteResult> {
  const document: Document = { ...posted, id };
  const { write, body } = groupWrite(id, undefined, document);
  const draft = await openDraft(directory, id, 'new');
  try {
    const wanted = await applyEdits(new Set(), [{ kind: 'add', ids: memberIds }]);
    const unknown = await fillDraft(directory, draft, wanted);
    const facts: EventFacts = {
      operation: 'create',
      resourceType: 'Group',
      id,
      attributes: Object.keys(posted),
      members: { add: wanted.size - unknown.length, remove: 0 },
    };
    const outcome = await directory.store.commit({
      operationId: randomUUID(),
      claims: nameClaims(write, id),
      writes: [write],
      publish: { draft },
      events: [eventText(caller, facts)],
    });
    if (outcome.outcome === 'done') {
      return { ...groupWritten(outcome, body), unknownMembers: unknown };
    }
    refuseGroupWrite(outcome, id, document);
    throw lostLock();
  } catch (thrown) {
    await directory.store.dropDraft(draft);
    throw thrown;
  }
}

/**
 * Changes more members than one commit takes: the new list is written beside the old one, slice by
 * slice under the group's write lock, then published in one step. Readers see the old list until
 * then; if the bridge dies on the way, nothing has happened.
 */
export async function rewriteMembers(
  directory: Directory,
  caller: Caller,
  list: ListChange,
): Promise<WriteResult> {
  const { id, precondition } = list;
  const draft = await openDraft(directory, id, 'existing');
  try {
    const record = await readGroup(directory, id);
    checkVersion(precondition, record.version);
    const before = parseBody(record.body);
    const { document, edits } = list.change(before);
    const current = await readMembers(directory.store, id);
    if (current === undefined) throw noSuchGroup(id);
    const wanted = await applyEdits(current, edits);
    const unknown = await fillDraft(directory, draft, wanted);
    const { add, remove } = await countChanges(current, wanted);
    const left = unknown.filter((memberId) => !current.has(memberId)).length;
    const facts: EventFacts = {
      operation: list.operation,
      resourceType: 'Group',
      id,
      attributes: changedNames(before, document),
      members: { add: add - left, remove },
    };
    const event = eventText(caller, facts);
    return await publish(directory, precondition, { draft, before, document, unknown, event });
  } catch (thrown) {
    await directory.store.dropDraft(draft);
    throw thrown;
  }
}

interface Filled {
  readonly draft: MemberDraft;
  readonly before: Document;
  readonly document: Document;
  readonly unknown: readonly string[];
  readonly event: string;
}

/**
 * Under the lock the group itself stays as it was read. Only the deletion of a member still moves
 * its version, which the draft knows of already: then the version is read again.
 */
async function publish(
  directory: Directory,
  precondition: Precondition,
  { draft, before, document, unknown, event }: Filled,
): Promise<WriteResult> {
  const { groupId: id } = draft;
  for (let races = 0; races < PUBLISH_RACES_MAX; races += 1) {
    const { version, body: known } = await readGroup(directory, id);
    checkVersion(precondition, version);
    const isUnchanged = isSame(before, document);
    const { write, body } = groupWrite(id, { version, document: before }, document);
    const outcome = await directory.store.commit({
      operationId: randomUUID(),
      ...(isUnchanged ? {} : { claims: nameClaims(write, id), writes: [write] }),
      publish: { draft, expectedVersion: version },
      events: [event],
    });
    if (outcome.outcome === 'done') {
      const result = groupWritten(outcome, isUnchanged ? known : body, known);
      return { ...result, unknownMembers: unknown };
    }
    refuseGroupWrite(outcome, id, document);
    if (outcome.outcome !== 'version') break;
  }
  throw lostLock();
}

async function openDraft(
  directory: Directory,
  id: string,
  group: 'new' | 'existing',
): Promise<MemberDraft> {
  const untilMs = lockDeadlineMs();
  for (;;) {
    const draft = await directory.store.openDraft(id, LOCK_MS, group === 'new');
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
