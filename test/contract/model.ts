import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Range, RecordWrite, Store, StoredRecord } from '#store/store.ts';
import {
  assertSound,
  type Check,
  changing,
  commit,
  creating,
  deleting,
  readMembers,
  type Thing,
  updating,
} from './fixture.ts';

/** Random commits, compared with a naive model after each of them. */
export function modelChecks(check: Check): void {
  check('random commits do to the store what they do to a naive model', async (_store, another) => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (steps) => {
        const model = new Model(another());
        for (const [n, step] of steps.entries()) {
          await model.run(step);
          await model.compareRange(n);
        }
        await model.compareAll();
      }),
      { numRuns: 30 },
    );
  });
}

const PEOPLE = ['p0', 'p1', 'p2', 'p3', 'p4'];
const GROUPS = ['g0', 'g1', 'g2'];

const name = fc.constantFrom('a', 'ab', 'abc', 'ä', 'b');
const thing = fc.record({ name, tags: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')) });
const person = fc.constantFrom(...PEOPLE);
const groupId = fc.constantFrom(...GROUPS);
const people = fc.uniqueArray(person, { maxLength: 4 });
const isStale = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);

const write = fc.record({
  kind: fc.constant('write' as const),
  target: fc.oneof(
    fc.record({ collection: fc.constant('users' as const), id: person }),
    fc.record({ collection: fc.constant('groups' as const), id: groupId }),
  ),
  thing: fc.option(thing, { freq: 4, nil: undefined }),
  hasClaim: fc.boolean(),
  isStale,
});
const members = fc.record({
  kind: fc.constant('members' as const),
  groupId,
  add: people,
  remove: people,
  limit: fc.constantFrom(2, 3, 100),
  onUnknown: fc.constantFrom('skip' as const, 'refuse' as const),
});
const draft = fc.record({
  kind: fc.constant('draft' as const),
  groupId,
  slices: fc.array(people, { maxLength: 3 }),
  end: fc.constantFrom('publish' as const, 'drop' as const),
  deleted: fc.option(person, { freq: 3, nil: undefined }),
});
const sweep = fc.record({ kind: fc.constant('sweep' as const) });
const command = fc.oneof(
  { weight: 6, arbitrary: write },
  { weight: 4, arbitrary: members },
  { weight: 1, arbitrary: draft },
  { weight: 1, arbitrary: sweep },
);

type Kind = 'users' | 'groups';
type Valued<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Step = Valued<typeof command>;
type Write = Valued<typeof write>;
type Membership = Valued<typeof members>;
type Draft = Valued<typeof draft>;

interface Known {
  readonly id: string;
  readonly sequence: number;
  readonly version: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly thing: Thing;
}

class Model {
  readonly #store: Store;
  readonly #records = { users: new Map<string, Known>(), groups: new Map<string, Known>() };
  readonly #members = new Map<string, readonly string[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  run(step: Step): Promise<void> {
    switch (step.kind) {
      case 'write':
        return this.#write(step);
      case 'members':
        return this.#changeMembers(step);
      case 'draft':
        return this.#replaceMembers(step);
      case 'sweep':
        return this.#store.sweep().then(() => undefined);
    }
  }

  async #write({ target: { collection, id }, thing, hasClaim, isStale }: Write): Promise<void> {
    const known = this.#records[collection].get(id);
    const write = this.#writeOf(collection, id, known, thing);
    const stale = { ...write, expectedVersion: (known?.version ?? 6) + 1 };
    const claims =
      hasClaim && thing !== undefined
        ? [{ collection, index: 'name', value: thing.name, except: id }]
        : [];
    const isClaimed = [...this.#records[collection].values()].some(
      (other) => other.id !== id && claims.some(({ value }) => value === other.thing.name),
    );
    const isOther = isStale || (known === undefined && thing === undefined);
    const allowed = [...(isOther ? ['version'] : []), ...(isClaimed ? ['claimed'] : [])];
    const outcome = await commit(this.#store, { claims, writes: [isStale ? stale : write] });
    if (allowed.length > 0) return assert.ok(allowed.includes(outcome.outcome), outcome.outcome);
    assert.ok(outcome.outcome === 'done', JSON.stringify(outcome));
    const [version] = outcome.versions;
    assert.ok(version);
    if (thing === undefined) {
      return collection === 'users' ? this.#forgetUser(id) : this.#forget(collection, id);
    }
    assert.equal(version.version, (known?.version ?? 0) + 1);
    assert.ok(version.modifiedMs >= (known?.modifiedMs ?? 0));
    this.#records[collection].set(id, { ...version, thing });
    if (collection === 'groups' && known === undefined) this.#members.set(id, []);
  }

  #writeOf(
    collection: Kind,
    id: string,
    known: Known | undefined,
    thing: Thing | undefined,
  ): RecordWrite {
    if (known === undefined) {
      const write = creating(collection, id, thing);
      return thing === undefined ? { ...write, expectedVersion: 1, body: undefined } : write;
    }
    const before = recordOf(known);
    return thing === undefined ? deleting(collection, before) : updating(collection, before, thing);
  }

  async #changeMembers({ groupId, add, remove, limit, onUnknown }: Membership): Promise<void> {
    const removing = remove.filter((id) => !add.includes(id));
    const change = { add, remove: removing, limit, onUnknown };
    const outcome = await commit(this.#store, changing(groupId, change));
    const before = this.#members.get(groupId);
    if (before === undefined) return assert.equal(outcome.outcome, 'absentGroup');
    const unknown = add.filter((id) => !this.#records.users.has(id));
    const adding = add.filter((id) => !unknown.includes(id) && !before.includes(id));
    const after = [...before.filter((id) => !removing.includes(id)), ...adding];
    const allowed: string[] = [];
    if (unknown.length > 0 && onUnknown === 'refuse') allowed.push('unknownMembers');
    if (adding.length > 0 && after.length > limit) allowed.push('full');
    if (allowed.length > 0) return assert.ok(allowed.includes(outcome.outcome), outcome.outcome);
    assert.ok(outcome.outcome === 'done', JSON.stringify(outcome));
    assert.deepEqual(outcome.unknownMembers, unknown);
    assert.equal(outcome.addedMembers, adding.length);
    assert.equal(outcome.removedMembers, before.length + adding.length - after.length);
    if (outcome.addedMembers + outcome.removedMembers > 0) await this.#touch(groupId);
    this.#members.set(groupId, after);
  }

  async #replaceMembers({ groupId, slices, end, deleted }: Draft): Promise<void> {
    const opened = await this.#store.openDraft(groupId, 60_000);
    if (!this.#members.has(groupId)) return assert.equal(opened, 'absent');
    assert.ok(opened !== undefined && opened !== 'absent');
    const listed = new Set<string>();
    for (const slice of slices) {
      const unknown = slice.filter((id) => !this.#records.users.has(id));
      assert.deepEqual(await this.#store.extendDraft(opened, slice), { unknown });
      for (const id of slice) if (!unknown.includes(id)) listed.add(id);
    }
    const leaver = deleted === undefined ? undefined : this.#records.users.get(deleted);
    if (leaver !== undefined) {
      const writes = [deleting('users', recordOf(leaver))];
      assert.equal((await commit(this.#store, { writes })).outcome, 'done');
      await this.#forgetUser(leaver.id);
      listed.delete(leaver.id);
    }
    if (end === 'drop') return this.#store.dropDraft(opened);
    const outcome = await commit(this.#store, { publish: { draft: opened } });
    assert.ok(outcome.outcome === 'done', JSON.stringify(outcome));
    const before = this.#members.get(groupId) ?? [];
    const kept = before.filter((id) => listed.has(id));
    const added = [...listed].filter((id) => !before.includes(id));
    assert.equal(outcome.addedMembers, added.length);
    assert.equal(outcome.removedMembers, before.length - kept.length);
    if (added.length + before.length > kept.length) await this.#touch(groupId);
    this.#members.set(groupId, [...kept, ...added]);
  }

  #forget(collection: Kind, id: string): void {
    this.#records[collection].delete(id);
    if (collection === 'groups') this.#members.delete(id);
  }

  async #forgetUser(id: string): Promise<void> {
    this.#forget('users', id);
    for (const [groupId, ids] of this.#members) {
      if (!ids.includes(id)) continue;
      this.#members.set(
        groupId,
        ids.filter((other) => other !== id),
      );
      await this.#touch(groupId);
    }
  }

  /** A group got a new version: that it grew by one is checked here, its new time taken over. */
  async #touch(groupId: string): Promise<void> {
    const known = this.#records.groups.get(groupId);
    const [stored] = await this.#store.get('groups', [groupId]);
    assert.ok(known !== undefined && stored !== undefined);
    assert.ok(stored.modifiedMs >= known.modifiedMs);
    const version = known.version + 1;
    this.#records.groups.set(groupId, { ...known, version, modifiedMs: stored.modifiedMs });
  }

  /** One range, the n-th: over a run each comes up. */
  async compareRange(n: number): Promise<void> {
    const [collection, range] = RANGES[n % RANGES.length] ?? ['users', { by: 'sequence' }];
    const descending = n % 2 === 1;
    const offset = n % 3;
    const query = { collection, range, descending, offset, limit: 3 };
    const expected = this.#expected(collection, range);
    if (descending) expected.reverse();
    const { total, records } = await this.#store.query(query);
    assert.equal(total, expected.length, JSON.stringify(query));
    const page = expected.slice(offset, offset + 3).map(recordOf);
    assert.deepEqual(records, page, JSON.stringify(query));
  }

  async compareAll(): Promise<void> {
    for (let n = 0; n < RANGES.length * 6; n += 1) await this.compareRange(n);
    for (const [groupId, ids] of this.#members) {
      assert.deepEqual(await readMembers(this.#store, groupId), ids);
    }
    const stored = await this.#store.get('users', PEOPLE, { groups: true });
    for (const [n, id] of PEOPLE.entries()) {
      const groups = this.#expected('groups', { by: 'member', memberId: id });
      const references = groups.map(({ id, thing }) => ({ id, label: thing.name }));
      const isKnown = this.#records.users.has(id);
      assert.deepEqual(stored[n]?.groups, isKnown ? references : undefined);
    }
    const { users, groups } = await this.#store.counts();
    assert.deepEqual([users, groups], [this.#records.users.size, this.#records.groups.size]);
    await assertSound(this.#store);
  }

  /** By a sort and a filter over all there is. */
  #expected(collection: Kind, range: Range): Known[] {
    const all = [...this.#records[collection].values()].toSorted((a, b) => a.sequence - b.sequence);
    switch (range.by) {
      case 'sequence':
        return all;
      case 'modified':
        return all.toSorted((a, b) => a.modifiedMs - b.modifiedMs);
      case 'member':
        return all.filter(({ id }) => this.#members.get(id)?.includes(range.memberId));
      case 'index': {
        const entries = all.flatMap((known) =>
          valuesOf(known, range.index).map((value) => ({ known, value })),
        );
        const { equals, startsWith } = { equals: undefined, startsWith: undefined, ...range };
        return entries
          .filter(({ value }) => equals === undefined || value === equals)
          .filter(({ value }) => startsWith === undefined || value.startsWith(startsWith))
          .toSorted((a, b) => Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)))
          .map(({ known }) => known);
      }
    }
  }
}

const RANGES: readonly (readonly [Kind, Range])[] = [
  ['users', { by: 'sequence' }],
  ['users', { by: 'index', index: 'name' }],
  ['groups', { by: 'member', memberId: 'p0' }],
  ['users', { by: 'index', index: 'name', equals: 'ab' }],
  ['users', { by: 'modified' }],
  ['users', { by: 'index', index: 'name', startsWith: 'a' }],
  ['groups', { by: 'member', memberId: 'p1' }],
  ['users', { by: 'index', index: 'tag' }],
  ['groups', { by: 'modified' }],
  ['users', { by: 'index', index: 'tag', equals: 'x' }],
  ['groups', { by: 'index', index: 'name' }],
];

function valuesOf({ thing }: Known, index: string): readonly string[] {
  return index === 'name' ? [thing.name] : (thing.tags ?? []);
}

function recordOf(known: Known): StoredRecord {
  const { thing, ...record } = known;
  return { ...record, body: JSON.stringify(thing) };
}
