import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type {
  Collection,
  Commit,
  CommitDone,
  CommitOutcome,
  IndexEntry,
  MembershipWrite,
  RecordWrite,
  Store,
  StoreBackend,
  StoredRecord,
  WrittenVersion,
} from '#store/store.ts';

/** What the records of these tests are: two indexes, of which `tag` may have many entries. */
export interface Thing {
  readonly name: string;
  readonly tags?: readonly string[];
}

/** Registers a test on an account of its own, which must be sound when it ends. */
export type Check = (
  title: string,
  run: (store: Store, another: () => Store) => Promise<void>,
) => void;

export function checks(backend: () => StoreBackend): Check {
  return (title, run) => {
    test(title, async () => {
      const another = () => backend().account(`contract-${randomUUID()}`);
      const store = another();
      await run(store, another);
      await assertSound(store);
    });
  };
}

export async function assertSound(store: Store): Promise<void> {
  assert.deepEqual(await problemsOf(store), []);
}

export async function problemsOf(store: Store): Promise<readonly string[]> {
  const sentences: string[] = [];
  for await (const sentence of store.problems(indexesOf)) sentences.push(sentence);
  return sentences;
}

export function indexesOf(_collection: Collection, body: string): readonly IndexEntry[] {
  return entriesOf(JSON.parse(body) as Thing); // the bodies of these tests
}

export function entriesOf({ name, tags = [] }: Thing): readonly IndexEntry[] {
  const named = { index: 'name', value: name };
  return [named, ...tags.map((value) => ({ index: 'tag', value }))];
}

/** A commit under an operation id of its own. */
export function commit(store: Store, parts: Omit<Commit, 'operationId'>): Promise<CommitOutcome> {
  return store.commit({ operationId: randomUUID(), ...parts });
}

export async function commitDone(
  store: Store,
  parts: Omit<Commit, 'operationId'>,
): Promise<CommitDone> {
  const outcome = await commit(store, parts);
  if (outcome.outcome !== 'done') assert.fail(`The outcome was ${JSON.stringify(outcome)}.`);
  return outcome;
}

export function creating(
  collection: Collection,
  id: string,
  thing: Thing = { name: id },
): RecordWrite {
  return {
    collection,
    id,
    expectedVersion: undefined,
    body: JSON.stringify(thing),
    added: entriesOf(thing),
    removed: [],
    label: thing.name,
  };
}

/** Replaces the body of `before`, keeping the indexes in step. */
export function updating(collection: Collection, before: StoredRecord, thing: Thing): RecordWrite {
  return {
    collection,
    id: before.id,
    expectedVersion: before.version,
    body: JSON.stringify(thing),
    added: entriesOf(thing),
    removed: indexesOf(collection, before.body),
    label: thing.name,
  };
}

export function deleting(collection: Collection, before: StoredRecord): RecordWrite {
  return {
    collection,
    id: before.id,
    expectedVersion: before.version,
    body: undefined,
    added: [],
    removed: indexesOf(collection, before.body),
  };
}

export function changing(
  groupId: string,
  change: Partial<MembershipWrite> = {},
): { readonly membership: MembershipWrite } {
  const membership = { add: [], remove: [], onUnknown: 'refuse', limit: 100_000 } as const;
  return { membership: { ...membership, ...change, groupId } };
}

export async function create(
  store: Store,
  collection: Collection,
  id: string,
  thing?: Thing,
): Promise<WrittenVersion> {
  const { versions } = await commitDone(store, { writes: [creating(collection, id, thing)] });
  return only(versions);
}

/** `count` users named `u0`, `u1`, … in as few commits as may be. */
export async function createUsers(store: Store, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, n) => `u${n}`);
  for (let from = 0; from < count; from += 500) {
    const writes = ids.slice(from, from + 500).map((id) => creating('users', id));
    await commitDone(store, { writes });
  }
  return ids;
}

export async function read(
  store: Store,
  collection: Collection,
  id: string,
): Promise<StoredRecord> {
  const [record] = await store.get(collection, [id], { groups: true, members: true });
  assert.ok(record, `There is no ${id} in ${collection}.`);
  return record;
}

/** All members, slice by slice. */
export async function readMembers(store: Store, groupId: string): Promise<readonly string[]> {
  const ids: string[] = [];
  let slice = await store.members(groupId);
  for (let round = 0; slice !== undefined && round < 1_000; round += 1) {
    ids.push(...slice.ids);
    if (slice.next === undefined) return ids;
    slice = await store.members(groupId, slice.next);
  }
  assert.fail(`The list of ${groupId} does not end, or the group is gone.`);
}

export async function groupIdsOf(store: Store, userId: string): Promise<readonly string[]> {
  const { groups = [] } = await read(store, 'users', userId);
  return groups.map(({ id }) => id);
}

/** Sweeps until nothing is due. */
export async function sweepAll(store: Store): Promise<void> {
  for (let round = 0; round < 1_000; round += 1) {
    if (!(await store.sweep())) return;
  }
  assert.fail('The sweep does not end.');
}

export function only<T>(items: readonly T[]): T {
  const [item] = items;
  assert.equal(items.length, 1);
  return item as T; // there is one, as checked
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
