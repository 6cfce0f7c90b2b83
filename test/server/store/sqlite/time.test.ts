import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import type { Store } from '#store/store.ts';
import {
  collect,
  indexesOfTest,
  makeMemberships,
  makeUser,
  userCommit,
} from '../../../support/sqlite-store.ts';

const DAY_MS = 86_400_000;

interface Clock {
  nowMs: number;
}

/** A store in memory whose clock the test sets. */
async function openStore(t: TestContext): Promise<{ store: Store; clock: Clock }> {
  const clock = { nowMs: Date.UTC(2026, 10, 24) };
  const backend = await openSqliteBackend({ file: ':memory:', clock: () => clock.nowMs });
  t.after(() => backend.close());
  return { store: backend.account('account'), clock };
}

test('modifiedMs does not go back with the clock, for the whole account', async (t) => {
  const { store, clock } = await openStore(t);
  await store.commit(userCommit('ada'));
  const [ada] = await store.get('users', ['ada']);
  clock.nowMs -= DAY_MS;
  await store.commit(userCommit('bob'));
  const write = { ...makeUser('ada'), expectedVersion: 1, added: [] };
  await store.commit({ operationId: 'change ada', writes: [write] });
  const [changed, bob] = await store.get('users', ['ada', 'bob']);
  assert.equal(changed?.modifiedMs, ada?.modifiedMs);
  assert.equal(bob?.modifiedMs, ada?.modifiedMs);
  assert.deepEqual(await collect(store.problems(indexesOfTest)), []);
});

test('an operation id is remembered for ten minutes, then swept up', async (t) => {
  const { store, clock } = await openStore(t);
  await store.commit(userCommit('ada'));
  clock.nowMs += 10 * 60_000 - 1;
  assert.equal((await store.commit(userCommit('ada'))).outcome, 'done');
  clock.nowMs += 1;
  assert.equal(await store.sweep(), false);
  assert.equal((await store.commit(userCommit('ada'))).outcome, 'version');
});

test('events are kept for 30 days', async (t) => {
  const { store, clock } = await openStore(t);
  await store.commit({ operationId: 'old', events: ['"old"'] });
  clock.nowMs += 1;
  await store.commit({ operationId: 'new', events: ['"new"'] });
  clock.nowMs += 30 * DAY_MS - 1;
  await store.sweep();
  assert.deepEqual(
    (await store.events(undefined, 10)).map(({ id, body }) => [id, body]),
    [['2', '"new"']],
  );
});

test('the newest 100,000 events are kept, and old ones go in bounded slices', async (t) => {
  const { store } = await openStore(t);
  for (let batch = 0; batch < 21; batch += 1) {
    const events = Array.from({ length: 5_000 }, (_, place) => String(batch * 5_000 + place));
    await store.commit({ operationId: `batch ${batch}`, events });
  }
  let sweeps = 1;
  while ((await store.sweep()) && sweeps < 100) {
    sweeps += 1;
  }
  const [first] = await store.events(undefined, 1);
  assert.equal(first?.body, '5000');
  assert.equal(sweeps, 6);
});

test('a draft whose lock ran out is swept up, and another one may begin', async (t) => {
  const { store, clock } = await openStore(t);
  const ids = Array.from({ length: 300 }, (_, place) => `user-${place}`);
  await makeMemberships(store, 'group', ids);
  const draft = await store.openDraft('group', 1_000);
  assert.ok(typeof draft === 'object');
  clock.nowMs += 900;
  await store.extendDraft(draft, ids);
  clock.nowMs += 900;
  assert.equal(await store.openDraft('group', 1_000), undefined);
  clock.nowMs += 100;
  assert.equal(await store.extendDraft(draft, ids), undefined);
  const late = await store.commit({ operationId: 'late', publish: { draft } });
  assert.equal(late.outcome, 'locked');
  const next = await store.openDraft('group', 1_000);
  assert.ok(typeof next === 'object' && next.generation !== draft.generation);
  assert.equal(await store.sweep(), false);
  assert.deepEqual(await collect(store.problems(indexesOfTest)), []);
});

test('a lease that ran out keeps its fence until another takes it', async (t) => {
  const { store, clock } = await openStore(t);
  const lease = await store.takeLease('deliverer', 'a', 1_000);
  assert.equal(lease?.fence, 1);
  assert.equal(await store.takeLease('deliverer', 'b', 1_000), undefined);
  clock.nowMs += 1_000;
  const fence = lease ?? assert.fail('no lease');
  assert.equal((await store.commit({ operationId: '1', fence })).outcome, 'done');
  assert.equal((await store.takeLease('deliverer', 'b', 1_000))?.fence, 2);
  assert.equal((await store.commit({ operationId: '2', fence })).outcome, 'fenced');
  assert.equal(await store.takeLease('deliverer', 'a', 1_000), undefined);
});

test('restored records keep their times, and later ones come after them', async (t) => {
  const { store, clock } = await openStore(t);
  const future = clock.nowMs + DAY_MS;
  const record = {
    id: 'ada',
    sequence: 40,
    version: 9,
    createdMs: 5,
    modifiedMs: future,
    body: makeUser('ada').body ?? '',
  };
  await store.restore([
    { kind: 'record', collection: 'users', record, indexes: makeUser('ada').added },
  ]);
  await store.commit(userCommit('bob'));
  const [ada, bob] = await store.get('users', ['ada', 'bob']);
  assert.deepEqual({ ...ada }, record);
  assert.equal(bob?.sequence, 41);
  assert.equal(bob?.modifiedMs, future);
  assert.deepEqual(await collect(store.problems(indexesOfTest)), []);
});
