import type { Document } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import type { StoredRecord } from '#store/store.ts';
import type { Directory, WriteResult } from './directory.ts';
import { type Caller, type EventFacts, eventText } from './event.ts';
import { indexChanges, parseBody, textOf } from './indexes.ts';
import { withRetries } from './retry.ts';
import { CREATE_CLAIMS, createClaims, userNameTaken, userWrite, written } from './user-write.ts';

/**
 * A POST found someone under its userName or externalId. Who is inactive or deleted comes back with
 * the same id, as IdPs expect of a returning leaver (better-auth/better-auth#11111,
 * rancher/rancher#55220), unless both sides have an externalId and they differ: then it is somebody
 * else. Undefined: the match is gone or means a new person, try the creation again.
 */
export async function adoptUser(
  directory: Directory,
  caller: Caller,
  posted: Document,
  claim: number,
  holderId: string,
): Promise<WriteResult | undefined> {
  const isBuried =
    claim === CREATE_CLAIMS.buriedUserName || claim === CREATE_CLAIMS.buriedExternalId;
  return isBuried
    ? bringBack(directory, caller, posted, holderId)
    : reactivate(directory, caller, posted, holderId);
}

async function reactivate(
  directory: Directory,
  caller: Caller,
  posted: Document,
  id: string,
): Promise<WriteResult | undefined> {
  return withRetries<WriteResult | undefined>(directory.store, async () => {
    const [record] = await directory.store.get('users', [id], { groups: true });
    if (record === undefined) return { unchanged: undefined };
    const current = parseBody(record.body);
    refuseOther(current, posted, id);
    const document = returned(posted, current, id);
    const { write, body } = userWrite(id, { version: record.version, document: current }, document);
    return {
      commit: {
        // A tombstone of the same name doesn't matter: the person who is there comes back.
        claims: createClaims(document)
          .filter(({ collection }) => collection === 'users')
          .map((entry) => ({ ...entry, except: id })),
        writes: [write],
        events: [restoreEvent(caller, id, posted)],
      },
      done: (outcome) => written(outcome.versions[0], body, record.groups),
      otherwise: (outcome) => {
        if (outcome.outcome === 'claimed') throw takenBy(posted, outcome.holderId);
        return undefined;
      },
    };
  });
}

async function bringBack(
  directory: Directory,
  caller: Caller,
  posted: Document,
  id: string,
): Promise<WriteResult | undefined> {
  return withRetries<WriteResult | undefined>(directory.store, async () => {
    const [tombstone] = await directory.store.get('tombstones', [id]);
    if (tombstone === undefined) return { unchanged: undefined };
    const buried = parseBody(tombstone.body);
    const burial = removeTombstone(tombstone, buried);
    if (isSomeoneElse(buried, posted)) {
      // A new person under an old name: forget the old one, then create.
      return { commit: { writes: [burial] }, done: () => undefined };
    }
    const document = returned(posted, buried, id);
    const { write, body } = userWrite(id, undefined, document);
    const previousVersion = typeof buried['version'] === 'number' ? buried['version'] : 0;
    return {
      commit: {
        claims: createClaims(document).filter(({ collection }) => collection === 'users'),
        writes: [{ ...write, previousVersion }, burial],
        events: [restoreEvent(caller, id, posted)],
      },
      done: (outcome) => written(outcome.versions[0], body, []),
      otherwise: (outcome) => {
        if (outcome.outcome === 'claimed') throw takenBy(posted, outcome.holderId);
        return undefined;
      },
    };
  });
}

function refuseOther(current: Document, posted: Document, id: string): void {
  const isActive = current['active'] !== false;
  if (!isActive && !isSomeoneElse(current, posted)) return;
  const userName = textOf(posted, 'userName') ?? '';
  if (isActive) throw takenBy(posted, id);
  throw new ScimError(
    'uniqueness',
    `userName "${userName}" belongs to a deactivated person with another externalId (id ${id}). ` +
      'If it is the same person, give both the same externalId; if not, rename or delete the deactivated one.',
  );
}

function takenBy(posted: Document, holderId: string): ScimError {
  const externalId = textOf(posted, 'externalId');
  const taken = userNameTaken(textOf(posted, 'userName') ?? '', holderId);
  if (externalId === undefined) return taken;
  return new ScimError(
    'uniqueness',
    `userName "${textOf(posted, 'userName') ?? ''}" or externalId "${externalId}" belongs to a person who is there already ` +
      `(id ${holderId}). Change that person instead of creating another, or change the value in the identity provider.`,
  );
}

function isSomeoneElse(known: Document, posted: Document): boolean {
  const before = textOf(known, 'externalId');
  const now = textOf(posted, 'externalId');
  return before !== undefined && now !== undefined && before !== now;
}

function returned(posted: Document, known: Document, id: string): Document {
  const externalId = textOf(posted, 'externalId') ?? textOf(known, 'externalId');
  return {
    ...posted,
    id,
    active: posted['active'] ?? true,
    ...(externalId === undefined ? {} : { externalId }),
  };
}

function removeTombstone(tombstone: StoredRecord, buried: Document) {
  return {
    collection: 'tombstones',
    id: tombstone.id,
    expectedVersion: tombstone.version,
    body: undefined,
    ...indexChanges('tombstones', buried, undefined),
  } as const;
}

function restoreEvent(caller: Caller, id: string, posted: Document): string {
  const attributes = Object.keys(posted);
  const facts: EventFacts = { operation: 'restore', resourceType: 'User', id, attributes };
  return eventText(caller, facts);
}
