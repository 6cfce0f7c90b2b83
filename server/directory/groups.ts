import { type Document, isSame } from '#scim/document.ts';
import { applyPatch } from '#scim/patch/apply.ts';
import type { MemberEdit, PatchOperation } from '#scim/patch/operation.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import { type Commit, MAX_PAIR_CHANGES } from '#store/store.ts';
import { changedNames } from './changed-names.ts';
import type { Directory, WriteResult } from './directory.ts';
import { type Caller, type EventFacts, eventText } from './event.ts';
import {
  groupDeletion,
  groupWrite,
  groupWritten,
  nameClaims,
  readGroup,
  refuseGroupWrite,
} from './group-write.ts';
import { newGroupId } from './ids.ts';
import { parseBody } from './indexes.ts';
import {
  applyEdits,
  difference,
  isEmpty,
  membershipPart,
  type PairChanges,
  readMembers,
  smallChange,
} from './member-change.ts';
import { createBigGroup, type GroupChange, rewriteMembers } from './member-list.ts';
import { checkVersion, noSuchGroup, type Precondition } from './precondition.ts';
import { withRetries } from './retry.ts';

/** POST /Groups. Throws ScimError uniqueness when another group has the displayName. */
export async function createGroup(
  directory: Directory,
  caller: Caller,
  posted: Document,
  memberIds: readonly string[],
): Promise<WriteResult> {
  const id = newGroupId();
  if (memberIds.length > MAX_PAIR_CHANGES) {
    return createBigGroup(directory, caller, id, posted, memberIds);
  }
  const document: Document = { ...posted, id };
  const { write, body } = groupWrite(id, undefined, document);
  const facts: EventFacts = {
    operation: 'create',
    resourceType: 'Group',
    id,
    attributes: Object.keys(posted),
    members: { add: memberIds.length, remove: 0 },
  };
  return withRetries(directory.store, async () => ({
    commit: {
      claims: nameClaims(write, id),
      writes: [write],
      ...membershipPart(directory, id, { add: memberIds, remove: [] }, undefined),
      events: [eventText(caller, facts)],
    },
    done: (outcome) => groupWritten(outcome, body),
    otherwise: (outcome) => refuseGroupWrite(outcome, id, document),
  }));
}

/** PUT (RFC 7644 §3.5.1): the attributes and the whole member list, none when the body names none. */
export async function replaceGroup(
  directory: Directory,
  caller: Caller,
  id: string,
  put: Document,
  memberIds: readonly string[],
  precondition: Precondition,
): Promise<WriteResult> {
  const edits: MemberEdit[] = [{ kind: 'replace', ids: memberIds }];
  const change = () => ({ document: { ...put, id }, edits });
  return updateGroup(directory, caller, id, 'replace', precondition, change);
}

/** PATCH (RFC 7644 §3.5.2). One that names members alone costs by these members, not by the group. */
export async function patchGroup(
  directory: Directory,
  caller: Caller,
  id: string,
  operations: readonly PatchOperation[],
  precondition: Precondition,
): Promise<Omit<WriteResult, 'view'>> {
  const policy = { strict: caller.strict };
  const change = (current: Document) => {
    const { document, members } = applyPatch(GROUP, current, operations, policy);
    return { document, edits: members };
  };
  const membersAlone = precondition === undefined && operations.every(isOfMembers);
  const edits = membersAlone ? change({ id }).edits : [];
  const small = membersAlone ? smallChange(edits) : undefined;
  // A commit of nothing would not even see whether the group is there.
  if (small === undefined || isEmpty(small)) {
    return updateGroup(directory, caller, id, 'patch', precondition, change);
  }
  const members = { add: small.add.length, remove: small.remove.length };
  const facts: EventFacts = { operation: 'patch', resourceType: 'Group', id, members };
  return withRetries(directory.store, async () => ({
    commit: {
      ...membershipPart(directory, id, small, undefined),
      events: [eventText(caller, facts)],
    },
    done: ({ addedMembers, removedMembers, unknownMembers }) => ({
      changed: addedMembers + removedMembers > 0,
      unknownMembers,
    }),
    otherwise: (outcome) => refuseGroupWrite(outcome, id, {}),
  }));
}

/** DELETE. The group is gone from all its members at once, however many there are. */
export async function deleteGroup(
  directory: Directory,
  caller: Caller,
  id: string,
  precondition: Precondition,
): Promise<void> {
  await withRetries(directory.store, async () => {
    const record = await readGroup(directory, id);
    checkVersion(precondition, record.version);
    const facts: EventFacts = { operation: 'delete', resourceType: 'Group', id };
    return {
      commit: {
        writes: [groupDeletion(id, record.version, parseBody(record.body))],
        events: [eventText(caller, facts)],
      },
      done: () => undefined,
    };
  });
}

async function updateGroup(
  directory: Directory,
  caller: Caller,
  id: string,
  operation: 'replace' | 'patch',
  precondition: Precondition,
  change: GroupChange,
): Promise<WriteResult> {
  return withRetries<WriteResult>(directory.store, async () => {
    const record = await readGroup(directory, id);
    checkVersion(precondition, record.version);
    const current = parseBody(record.body);
    const { document, edits } = change(current);
    const small = await pairChanges(directory, id, edits);
    if (small === undefined) {
      const list = { id, operation, precondition, change };
      return { unchanged: await rewriteMembers(directory, caller, list) };
    }
    const known = { version: record.version, document: current };
    const { write, body } = groupWrite(id, known, document);
    const isUnchanged = isSame(current, document);
    if (isUnchanged && isEmpty(small)) {
      return { unchanged: { view: record, changed: false, unknownMembers: [] } };
    }
    const facts: EventFacts = {
      operation,
      resourceType: 'Group',
      id,
      attributes: changedNames(current, document),
      members: { add: small.add.length, remove: small.remove.length },
    };
    const commit: Omit<Commit, 'operationId'> = {
      ...(isUnchanged ? {} : { claims: nameClaims(write, id), writes: [write] }),
      ...membershipPart(directory, id, small, record.version),
      events: [eventText(caller, facts)],
    };
    return {
      commit,
      done: (outcome) => groupWritten(outcome, isUnchanged ? record.body : body, record.body),
      otherwise: (outcome) => refuseGroupWrite(outcome, id, document),
    };
  });
}

/** The pairs that the edits change in the list as it is; undefined when one commit can't take them. */
async function pairChanges(
  directory: Directory,
  id: string,
  edits: readonly MemberEdit[],
): Promise<PairChanges | undefined> {
  const named = smallChange(edits);
  if (named !== undefined) return named;
  const current = await readMembers(directory.store, id);
  if (current === undefined) throw noSuchGroup(id);
  return difference(current, await applyEdits(current, edits));
}

function isOfMembers(operation: PatchOperation): boolean {
  return operation.kind === 'members';
}
