import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, suite } from 'node:test';
import type { Directory, WriteResult } from '#directory/directory.ts';
import type { Caller, ProvisioningEvent } from '#directory/event.ts';
import { createGroup } from '#directory/groups.ts';
import { indexEntriesOf, parseBody } from '#directory/indexes.ts';
import { createUser } from '#directory/users.ts';
import type { Document, Policy } from '#scim/document.ts';
import { type ProblemName, ScimError } from '#scim/errors.ts';
import { parseResource } from '#scim/parse-resource.ts';
import { type PatchOperation, parsePatch } from '#scim/patch/parse.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { openRedisBackend } from '#store/redis/backend.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { COLLECTIONS, type Store, type StoreBackend, type StoredRecord } from '#store/store.ts';
import { startRedis } from './redis-server.ts';

export const LENIENT: Policy = { strict: false };
export const CALLER: Caller = { requestId: 'r-1', kid: 'k-1', idp: 'okta', strict: false };

export type StoreKind = 'sqlite' | 'redis';
export const STORE_KINDS: readonly StoreKind[] = ['sqlite', 'redis'];

/** An empty directory of its own on a store that the tests of one file share. */
export type NewDirectory = (options?: Partial<Omit<Directory, 'store'>>) => Directory;

/** Registers the tests once for each store: both have to make the same of each request. */
export function onEachStore(
  title: string,
  register: (newDirectory: NewDirectory, kind: StoreKind) => void,
): void {
  for (const kind of STORE_KINDS) {
    suite(`${title} on ${kind}`, () => {
      let opened: OpenedStore | undefined;
      before(async () => {
        opened = await openStore(kind);
      });
      after(() => opened?.close());
      register((options) => {
        assert.ok(opened, 'The store did not open.');
        return directoryOn(opened.backend.account(`test-${randomUUID()}`), options);
      }, kind);
    });
  }
}

export interface OpenedStore {
  readonly backend: StoreBackend;
  close(): Promise<void>;
}

export async function openStore(kind: StoreKind): Promise<OpenedStore> {
  if (kind === 'sqlite') {
    const backend = await openSqliteBackend({ file: ':memory:' });
    return { backend, close: () => backend.close() };
  }
  const redis = await startRedis();
  const backend = await openRedisBackend({ url: redis.url });
  return {
    backend,
    async close() {
      await backend.close();
      await redis.stop();
    },
  };
}

export function directoryOn(
  store: Store,
  options: Partial<Omit<Directory, 'store'>> = {},
): Directory {
  return { store, onUnknownMembers: 'skip', scanLimitMs: 10_000, ...options };
}

/** What a POST or PUT of a person with these attributes comes to. */
export function person(attributes: object): Document {
  return parseResource(USER, attributes, LENIENT).document;
}

export function group(displayName: string, attributes: object = {}): Document {
  return parseResource(GROUP, { displayName, ...attributes }, LENIENT).document;
}

/** The operations of a PATCH. */
export function operations(
  type: ResourceType,
  ...list: readonly object[]
): readonly PatchOperation[] {
  return parsePatch(type, { schemas: [PATCH_OP], Operations: list }, LENIENT);
}

const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export async function addPerson(directory: Directory, attributes: object): Promise<string> {
  const { view } = await createUser(directory, CALLER, person(attributes));
  return view.id;
}

/** `count` people named `<prefix>0`, `<prefix>1`, …, as an import makes them: many in one call. */
export async function addPeople(
  { store }: Directory,
  count: number,
  prefix = 'p',
): Promise<readonly string[]> {
  const first = await nextSequence(store);
  const ids = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  for (let from = 0; from < count; from += 1_000) {
    const lines = ids.slice(from, from + 1_000).map((id, n) => {
      const body = JSON.stringify({ ...person({ userName: id }), id, active: true });
      const sequence = first + from + n;
      const record = { id, sequence, version: 1, createdMs: 1_000, modifiedMs: 1_000, body };
      const indexes = indexEntriesOf('users', body);
      return { kind: 'record', collection: 'users', record, indexes } as const;
    });
    await store.restore(lines);
  }
  return ids;
}

async function nextSequence(store: Store): Promise<number> {
  const lasts = await Promise.all(
    COLLECTIONS.map((collection) =>
      store.query({ collection, range: { by: 'sequence' }, descending: true, limit: 1 }),
    ),
  );
  return 1 + Math.max(0, ...lasts.flatMap(({ records }) => records.map((each) => each.sequence)));
}

export async function addGroup(
  directory: Directory,
  displayName: string,
  memberIds: readonly string[] = [],
): Promise<string> {
  const { view } = await createGroup(directory, CALLER, group(displayName), memberIds);
  return view.id;
}

export async function readUser({ store }: Directory, id: string): Promise<StoredRecord> {
  const [record] = await store.get('users', [id], { groups: true });
  assert.ok(record, `There is no user ${id}.`);
  return record;
}

export async function readGroup({ store }: Directory, id: string): Promise<StoredRecord> {
  const [record] = await store.get('groups', [id], { members: true });
  assert.ok(record, `There is no group ${id}.`);
  return record;
}

/** All members in order, slice by slice. */
export async function membersOf({ store }: Directory, groupId: string): Promise<string[]> {
  const ids: string[] = [];
  let slice = await store.members(groupId);
  for (let round = 0; slice !== undefined && round < 1_000; round += 1) {
    ids.push(...slice.ids);
    if (slice.next === undefined) return ids;
    slice = await store.members(groupId, slice.next);
  }
  assert.fail(`The members of ${groupId} do not end, or the group is gone.`);
}

export async function groupsOf(directory: Directory, userId: string): Promise<readonly string[]> {
  const { groups = [] } = await readUser(directory, userId);
  return groups.map(({ id }) => id);
}

/** The attributes that are stored, as a plain object. */
export function attributesOf({ body }: { readonly body: string }): Record<string, unknown> {
  return { ...parseBody(body) };
}

/** A document as it comes back from the store: its objects have prototypes again. */
export function plain(document: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(document)); // an object, as it went in
}

export function documentOf({ view }: WriteResult): Record<string, unknown> {
  return attributesOf(view);
}

export async function eventsOf({ store }: Directory): Promise<ProvisioningEvent[]> {
  const events: ProvisioningEvent[] = [];
  let after: string | undefined;
  for (;;) {
    const slice = await store.events(after, 1_000);
    for (const { id, body } of slice) {
      events.push(JSON.parse(body)); // as the directory wrote it
      after = id;
    }
    if (slice.length < 1_000) return events;
  }
}

export async function problemsOf({ store }: { readonly store: Store }): Promise<string[]> {
  const sentences: string[] = [];
  for await (const sentence of store.problems(indexEntriesOf)) sentences.push(sentence);
  return sentences;
}

export async function assertSound(directory: { readonly store: Store }): Promise<void> {
  assert.deepEqual(await problemsOf(directory), []);
}

/** What a client would be told: fails unless `work` rejects with this problem. */
export async function refusal(problem: ProblemName, work: Promise<unknown>): Promise<ScimError> {
  const thrown = await work.then(
    () => assert.fail(`It was not refused with ${problem}.`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof ScimError)) throw thrown;
  assert.equal(thrown.problem, problem, thrown.message);
  return thrown;
}

/** Removes what replaced lists and dead drafts left behind. */
export async function sweepAll({ store }: Directory): Promise<void> {
  for (let round = 0; round < 1_000; round += 1) {
    if (!(await store.sweep())) return;
  }
  assert.fail('The sweep does not end.');
}

/** The store with some of its calls replaced, to act at a certain moment. */
export function withCalls(store: Store, calls: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(calls, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** That no draft holds the group, and nothing is left of one. */
export async function assertUnlocked(directory: Directory, id: string): Promise<void> {
  const draft = await directory.store.openDraft(id, 1_000);
  assert.ok(draft !== undefined && draft !== 'absent', 'the group is still locked');
  await directory.store.dropDraft(draft);
  await sweepAll(directory);
  await assertSound(directory);
}
