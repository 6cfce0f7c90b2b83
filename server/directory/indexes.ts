import type { Document } from '#scim/document.ts';
import { foldCase } from '#scim/fold.ts';
import type { Collection, IndexEntry } from '#store/store.ts';

/**
 * The value under which a user without display name is indexed: the last code point, so that absent
 * values sort last (RFC 7644 §3.4.2.3).
 */
export const ABSENT = '\u{10FFFF}';

/** The index entries that belong to a stored body. What is indexed costs the same at any size. */
export function indexEntriesOf(collection: Collection, body: string): readonly IndexEntry[] {
  return entriesOf(collection, parseBody(body));
}

/** What a write has to add and to remove so that the indexes follow the document. */
export function indexChanges(
  collection: Collection,
  before: Document | undefined,
  after: Document | undefined,
): { added: readonly IndexEntry[]; removed: readonly IndexEntry[] } {
  const old = before === undefined ? [] : entriesOf(collection, before);
  const wanted = after === undefined ? [] : entriesOf(collection, after);
  return { added: without(wanted, old), removed: without(old, wanted) };
}

export function entriesOf(collection: Collection, document: Document): readonly IndexEntry[] {
  switch (collection) {
    case 'users':
      return userEntries(document);
    case 'groups':
      return groupEntries(document);
    case 'tombstones':
      return tombstoneEntries(document);
    default:
      return [];
  }
}

/** A stored body as a document: the directory wrote it, so its shape is known. */
export function parseBody(body: string): Document {
  return JSON.parse(body) as Document; // Our own text, written from a Document.
}

export function textOf(document: Document, name: string): string | undefined {
  const value = document[name];
  return typeof value === 'string' ? value : undefined;
}

function userEntries(user: Document): IndexEntry[] {
  const displayName = textOf(user, 'displayName');
  const entries = [
    { index: 'userName', value: foldCase(textOf(user, 'userName') ?? '') },
    { index: 'displayName', value: displayName === undefined ? ABSENT : foldCase(displayName) },
  ];
  addExternalId(entries, user);
  const emails = user['emails'];
  const seen = new Set<string>();
  for (const email of Array.isArray(emails) ? emails : []) {
    const address =
      typeof email === 'object' && !Array.isArray(email) ? textOf(email, 'value') : undefined;
    const value = address === undefined ? undefined : foldCase(address);
    if (value !== undefined && !seen.has(value)) {
      seen.add(value);
      entries.push({ index: 'emails', value });
    }
  }
  return entries;
}

function groupEntries(group: Document): IndexEntry[] {
  const entries = [{ index: 'displayName', value: foldCase(textOf(group, 'displayName') ?? '') }];
  addExternalId(entries, group);
  return entries;
}

function tombstoneEntries(tombstone: Document): IndexEntry[] {
  const entries = [{ index: 'userNameHash', value: textOf(tombstone, 'userNameHash') ?? '' }];
  addExternalId(entries, tombstone);
  return entries;
}

function addExternalId(entries: IndexEntry[], document: Document): void {
  const externalId = textOf(document, 'externalId');
  if (externalId !== undefined) entries.push({ index: 'externalId', value: externalId });
}

function without(entries: readonly IndexEntry[], others: readonly IndexEntry[]): IndexEntry[] {
  return entries.filter(
    (entry) => !others.some((other) => other.index === entry.index && other.value === entry.value),
  );
}
