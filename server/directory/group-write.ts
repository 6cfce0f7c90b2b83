import type { Document } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import type { Claim, CommitDone, CommitOutcome, RecordWrite, StoredRecord } from '#store/store.ts';
import { type Directory, GROUP_MEMBERS_MAX, type WriteResult } from './directory.ts';
import { indexChanges, textOf } from './indexes.ts';
import { noSuchGroup } from './precondition.ts';

const NAMED_IDS_MAX = 10;

export async function readGroup(directory: Directory, id: string): Promise<StoredRecord> {
  const [record] = await directory.store.get('groups', [id]);
  if (record === undefined) throw noSuchGroup(id);
  return record;
}

/** What a stored group becomes, with its index entries and the name that its members show. */
export function groupWrite(
  id: string,
  current: { readonly version: number; readonly document: Document } | undefined,
  document: Document,
): { write: RecordWrite; body: string } {
  const body = JSON.stringify(document);
  return {
    body,
    write: {
      collection: 'groups',
      id,
      expectedVersion: current?.version,
      body,
      label: textOf(document, 'displayName') ?? '',
      ...indexChanges('groups', current?.document, document),
    },
  };
}

export function groupDeletion(id: string, version: number, document: Document): RecordWrite {
  return {
    collection: 'groups',
    id,
    expectedVersion: version,
    body: undefined,
    ...indexChanges('groups', document, undefined),
  };
}

/** A displayName belongs to one group alone: IdPs find groups by it. */
export function nameClaims(write: RecordWrite, id: string): Claim[] {
  return write.added
    .filter((entry) => entry.index === 'displayName')
    .map((entry) => ({ collection: 'groups', ...entry, except: id }));
}

/** `known` is the body before; undefined: the group is new. */
export function groupWritten(outcome: CommitDone, body: string, known?: string): WriteResult {
  const [version] = outcome.versions;
  if (version === undefined) throw new Error('the store answered a commit without a version');
  const changed = body !== known || outcome.addedMembers + outcome.removedMembers > 0;
  return { view: { ...version, body }, changed, unknownMembers: outcome.unknownMembers };
}

/** Throws what the client has to know; returns undefined for what a retry can mend. */
export function refuseGroupWrite(
  outcome: Exclude<CommitOutcome, CommitDone>,
  id: string,
  document: Document,
): undefined {
  switch (outcome.outcome) {
    case 'claimed':
      throw new ScimError(
        'uniqueness',
        `displayName "${textOf(document, 'displayName') ?? ''}" belongs to another group (id ${outcome.holderId}). ` +
          'Rename one of the two, or let the identity provider link to the group that is there.',
      );
    case 'absentGroup':
      throw noSuchGroup(id);
    case 'unknownMembers':
      throw unknownMembers(outcome.ids);
    case 'full':
      throw tooManyMembers();
    default:
      return undefined;
  }
}

export function unknownMembers(ids: readonly string[]): ScimError {
  const named = ids.slice(0, NAMED_IDS_MAX).join(', ');
  const more = ids.length > NAMED_IDS_MAX ? ` and ${ids.length - NAMED_IDS_MAX} more` : '';
  return new ScimError(
    'invalidValue',
    `No user has the id ${named}${more}. Provision these people first, or take them out of the group. Nothing was changed.`,
  );
}

export function tooManyMembers(): ScimError {
  return new ScimError(
    'tooLarge',
    `A group can have ${GROUP_MEMBERS_MAX} members at most. Split the group in the identity provider. Nothing was changed.`,
  );
}
