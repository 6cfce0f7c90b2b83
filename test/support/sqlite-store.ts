import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Commit, IndexEntry, RecordWrite, Store } from '#store/store.ts';

/** The path of a database that is not there yet, in a folder of its own that `remove` deletes. */
export function temporaryFile(): { readonly file: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-sqlite-'));
  return {
    file: join(folder, 'new', 'op-scim.db'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What `testUser` indexes. */
export function indexesOfTest(_collection: string, body: string): readonly IndexEntry[] {
  return [{ index: 'userName', value: JSON.parse(body).userName }];
}

/** A commit that makes a user `id`, named so too. */
export function userCommit(id: string): Commit {
  return { operationId: `make ${id}`, writes: [makeUser(id)], events: [JSON.stringify({ id })] };
}

export function makeUser(id: string): RecordWrite {
  return {
    collection: 'users',
    id,
    expectedVersion: undefined,
    body: JSON.stringify({ userName: id, padding: 'x'.repeat(200) }),
    added: [{ index: 'userName', value: id }],
    removed: [],
  };
}

export function makeGroup(id: string): RecordWrite {
  return { ...makeUser(id), collection: 'groups', label: id };
}

/** A group with members, made by two commits. The members are made too. */
export async function makeMemberships(
  store: Store,
  groupId: string,
  memberIds: readonly string[],
): Promise<void> {
  await store.commit({
    operationId: `make ${groupId}`,
    writes: [makeGroup(groupId), ...memberIds.map(makeUser)],
    membership: {
      groupId,
      add: memberIds,
      remove: [],
      onUnknown: 'refuse',
      limit: memberIds.length,
    },
  });
}

export async function collect(sentences: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const sentence of sentences) {
    collected.push(sentence);
  }
  return collected;
}
