import type { Document } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import { foldCase } from '#scim/fold.ts';
import type { Claim, RecordWrite } from '#store/store.ts';
import type { ResourceView, WriteResult } from './directory.ts';
import { userNameHash } from './ids.ts';
import { indexChanges, textOf } from './indexes.ts';

/** What a stored user becomes, with its index entries. */
export function userWrite(
  id: string,
  current: { readonly version: number; readonly document: Document } | undefined,
  document: Document,
): { write: RecordWrite; body: string } {
  const body = JSON.stringify(document);
  return {
    body,
    write: {
      collection: 'users',
      id,
      expectedVersion: current?.version,
      body,
      ...indexChanges('users', current?.document, document),
    },
  };
}

/** What must be free for a new person: the places of these claims are known to `adoptUser`. */
export const CREATE_CLAIMS = {
  userName: 0,
  buriedUserName: 1,
  externalId: 2,
  buriedExternalId: 3,
} as const;

export function createClaims(document: Document): Claim[] {
  const folded = foldCase(textOf(document, 'userName') ?? '');
  const hash = userNameHash(folded);
  const externalId = textOf(document, 'externalId');
  const claims: Claim[] = [
    { collection: 'users', index: 'userName', value: folded },
    { collection: 'tombstones', index: 'userNameHash', value: hash },
  ];
  if (externalId !== undefined) {
    claims.push(
      { collection: 'users', index: 'externalId', value: externalId },
      { collection: 'tombstones', index: 'externalId', value: externalId },
    );
  }
  return claims;
}

export function written(
  version: Omit<ResourceView, 'body' | 'groups' | 'members'> | undefined,
  body: string,
  groups: ResourceView['groups'],
): WriteResult {
  if (version === undefined) throw new Error('the store answered a commit without a version');
  const view = { ...version, body, ...(groups === undefined ? {} : { groups }) };
  return { view, changed: true, unknownMembers: [] };
}

export function userNameTaken(userName: string, holderId: string): ScimError {
  return new ScimError(
    'uniqueness',
    `userName "${userName}" belongs to another person (id ${holderId}). ` +
      'Give one of the two another userName in the identity provider, or remove the other person.',
  );
}
