import { type Document, isSame } from '#scim/document.ts';
import { foldCase } from '#scim/fold.ts';
import { applyPatch } from '#scim/patch/apply.ts';
import type { PatchOperation } from '#scim/patch/operation.ts';
import { USER } from '#scim/schema/resource-types.ts';
import type { Claim, CommitOutcome, RecordWrite, StoredRecord } from '#store/store.ts';
import { adoptUser } from './adopt.ts';
import { changedNames } from './changed-names.ts';
import type { Directory, WriteResult } from './directory.ts';
import { type Caller, type EventFacts, eventText } from './event.ts';
import { newUserId, userNameHash } from './ids.ts';
import { indexChanges, parseBody, textOf } from './indexes.ts';
import { checkVersion, noSuchUser, type Precondition } from './precondition.ts';
import { withRetries } from './retry.ts';
import { createClaims, userNameTaken, userWrite, written } from './user-write.ts';

/**
 * POST /Users (RFC 7644 §3.3). Someone who left and comes back gets the same resource again.
 * Throws ScimError uniqueness when an active person holds the userName or externalId.
 */
export async function createUser(
  directory: Directory,
  caller: Caller,
  posted: Document,
): Promise<WriteResult> {
  const id = newUserId();
  const document: Document = { ...posted, id, active: posted['active'] ?? true };
  const { write, body } = userWrite(id, undefined, document);
  const facts: EventFacts = {
    operation: 'create',
    resourceType: 'User',
    id,
    attributes: Object.keys(posted),
  };
  return withRetries(directory.store, async () => ({
    commit: {
      claims: createClaims(document),
      writes: [write],
      events: [eventText(caller, facts)],
    },
    done: (outcome) => written(outcome.versions[0], body, []),
    otherwise: async (outcome) =>
      outcome.outcome === 'claimed'
        ? adoptUser(directory, caller, posted, outcome.claim, outcome.holderId)
        : undefined,
  }));
}

/**
 * PUT (RFC 7644 §3.5.1): what the body leaves out is gone, except `active`, so that an IdP that
 * never sends it can't let a leaver in again.
 */
export async function replaceUser(
  directory: Directory,
  caller: Caller,
  id: string,
  put: Document,
  precondition: Precondition,
): Promise<WriteResult> {
  return updateUser(directory, caller, id, 'replace', precondition, (current) => ({
    ...put,
    id,
    active: put['active'] ?? current['active'] ?? true,
  }));
}

/** PATCH (RFC 7644 §3.5.2): all operations or none. Removing `active` leaves it as it is, as PUT does. */
export async function patchUser(
  directory: Directory,
  caller: Caller,
  id: string,
  operations: readonly PatchOperation[],
  precondition: Precondition,
): Promise<WriteResult> {
  const policy = { strict: caller.strict };
  return updateUser(directory, caller, id, 'patch', precondition, (current) => {
    const { document } = applyPatch(USER, current, operations, policy);
    document['active'] ??= current['active'] ?? true;
    return document;
  });
}

/** DELETE (RFC 7644 §3.6). Memberships end with it; a tombstone remembers who it was for `TOMBSTONE_DAYS`. */
export async function deleteUser(
  directory: Directory,
  caller: Caller,
  id: string,
  precondition: Precondition,
): Promise<void> {
  await withRetries(directory.store, async () => {
    const record = await readUser(directory, id);
    checkVersion(precondition, record.version);
    const document = parseBody(record.body);
    const facts: EventFacts = { operation: 'delete', resourceType: 'User', id };
    return {
      commit: {
        writes: [
          {
            collection: 'users',
            id,
            expectedVersion: record.version,
            body: undefined,
            ...indexChanges('users', document, undefined),
          },
          tombstoneWrite(id, record.version, document),
        ],
        events: [eventText(caller, facts)],
      },
      done: () => undefined,
    };
  });
}

async function updateUser(
  directory: Directory,
  caller: Caller,
  id: string,
  operation: 'replace' | 'patch',
  precondition: Precondition,
  change: (current: Document) => Document,
): Promise<WriteResult> {
  return withRetries(directory.store, async () => {
    const record = await readUser(directory, id);
    checkVersion(precondition, record.version);
    const current = parseBody(record.body);
    const document = change(current);
    const { write, body } = userWrite(id, { version: record.version, document: current }, document);
    if (isSame(current, document)) {
      return { unchanged: { view: record, changed: false, unknownMembers: [] } };
    }
    const attributes = changedNames(current, document);
    const facts: EventFacts = { operation, resourceType: 'User', id, attributes };
    return {
      commit: {
        claims: renameClaims(write, id),
        writes: [write],
        events: [eventText(caller, facts)],
      },
      done: (outcome) => written(outcome.versions[0], body, record.groups),
      otherwise: (outcome) => refuseTakenName(outcome, document),
    };
  });
}

function renameClaims(write: RecordWrite, id: string): Claim[] {
  return write.added
    .filter((entry) => entry.index === 'userName')
    .map((entry) => ({ collection: 'users', ...entry, except: id }));
}

function refuseTakenName(
  outcome: Exclude<CommitOutcome, { outcome: 'done' }>,
  document: Document,
): undefined {
  if (outcome.outcome === 'claimed') {
    throw userNameTaken(textOf(document, 'userName') ?? '', outcome.holderId);
  }
  return undefined;
}

async function readUser(directory: Directory, id: string): Promise<StoredRecord> {
  const [record] = await directory.store.get('users', [id], { groups: true });
  if (record === undefined) throw noSuchUser(id);
  return record;
}

function tombstoneWrite(id: string, version: number, document: Document): RecordWrite {
  const externalId = textOf(document, 'externalId');
  const tombstone: Document = {
    version,
    userNameHash: userNameHash(foldCase(textOf(document, 'userName') ?? '')),
    ...(externalId === undefined ? {} : { externalId }),
  };
  return {
    collection: 'tombstones',
    id,
    expectedVersion: undefined,
    body: JSON.stringify(tombstone),
    ...indexChanges('tombstones', undefined, tombstone),
  };
}
