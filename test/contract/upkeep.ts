import assert from 'node:assert/strict';
import { suite } from 'node:test';
import type { Lease, RestoreLine, Store } from '#store/store.ts';
import {
  assertSound,
  type Check,
  changing,
  commit,
  commitDone,
  create,
  createUsers,
  deleting,
  groupIdsOf,
  indexesOf,
  read,
  readMembers,
  sleep,
} from './fixture.ts';

/** Leases, events, first values, restore. */
export function upkeepChecks(check: Check): void {
  suite('leases', () => leaseChecks(check));
  suite('events', () => eventChecks(check));
  suite('keepFirst', () => keepChecks(check));
  suite('restore', () => restoreChecks(check));
}

function leaseChecks(check: Check): void {
  check('one holder at a time; the fence grows with each change of holder', async (store) => {
    const first = await take(store, 'a');
    assert.equal(await store.takeLease('lease', 'b', 10_000), undefined);
    assert.equal((await take(store, 'a')).fence, first.fence);
    await store.releaseLease(first);
    const second = await take(store, 'b');
    assert.ok(second.fence > first.fence);
    await store.releaseLease(first);
    assert.equal(await store.takeLease('lease', 'a', 10_000), undefined);
    assert.deepEqual(second, { name: 'lease', holder: 'b', fence: second.fence });
    assert.ok(await store.takeLease('another', 'a', 10_000));
  });

  check('a lease ends after its time', async (store) => {
    const first = await store.takeLease('lease', 'a', 60);
    assert.equal(await store.takeLease('lease', 'b', 10_000), undefined);
    await sleep(100);
    assert.ok((await take(store, 'b')).fence > (first?.fence ?? Number.NaN));
  });

  check('of 10 that want a lease, one gets it', async (store) => {
    const wanting = Array.from({ length: 10 }, (_, n) => store.takeLease('lease', `h${n}`, 10_000));
    const leases = (await Promise.all(wanting)).filter((lease) => lease !== undefined);
    assert.equal(leases.length, 1);
  });

  check('a commit is fenced once another holds the lease', async (store) => {
    const first = await take(store, 'a');
    await commitDone(store, { fence: first, events: ['{"n":1}'] });
    await store.releaseLease(first);
    const second = await take(store, 'b');
    assert.deepEqual(await commit(store, { fence: first, events: ['{"n":2}'] }), {
      outcome: 'fenced',
    });
    await commitDone(store, { fence: second, events: ['{"n":3}'] });
    const bodies = (await store.events(undefined, 9)).map(({ body }) => body);
    assert.deepEqual(bodies, ['{"n":1}', '{"n":3}']);
  });
}

function eventChecks(check: Check): void {
  check(
    'events come in the order they were appended, after a position, up to a limit',
    async (store) => {
      assert.deepEqual(await store.events(undefined, 10), []);
      for (let n = 0; n < 5; n += 1) {
        await commitDone(store, { events: [`{"n":${2 * n},"é":"✓"}`, `{"n":${2 * n + 1}}`] });
      }
      const all = await store.events(undefined, 100);
      const numbers = all.map(({ body }) => (JSON.parse(body) as { n: number }).n);
      assert.deepEqual(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.equal(all[0]?.body, '{"n":0,"é":"✓"}');
      assert.equal(new Set(all.map(({ id }) => id)).size, 10);
      for (const [n, { timeMs }] of all.entries()) {
        assert.ok(timeMs >= (all[n - 1]?.timeMs ?? 0));
        assert.ok(Math.abs(timeMs - Date.now()) < 60_000);
      }
      assert.deepEqual(await store.events(undefined, 3), all.slice(0, 3));
      assert.deepEqual(await store.events(all[3]?.id, 4), all.slice(4, 8));
      assert.deepEqual(await store.events(all[9]?.id, 4), []);
    },
  );

  check(
    'a commit of events alone writes them, one that changes nothing does not',
    async (store) => {
      await create(store, 'groups', 'g');
      await commitDone(store, { events: ['{"n":1}'] });
      await commitDone(store, { ...changing('g', { remove: ['x'] }), events: ['{"n":2}'] });
      assert.equal((await store.events(undefined, 9)).length, 1);
    },
  );

  check('a sweep keeps young events', async (store) => {
    await commitDone(store, { events: ['{}', '{}'] });
    await store.sweep();
    assert.equal((await store.events(undefined, 9)).length, 2);
  });
}

function keepChecks(check: Check): void {
  check('the first value stays, also in a race', async (store, another) => {
    const other = another();
    assert.equal(await store.kept('key'), undefined);
    assert.equal(await store.keepFirst('key', 'one ✓'), 'one ✓');
    assert.equal(await store.kept('key'), 'one ✓');
    assert.equal(await other.kept('key'), undefined);
    assert.equal(await store.keepFirst('key', 'two'), 'one ✓');
    assert.equal(await store.keepFirst('key2', 'two'), 'two');
    assert.equal(await other.keepFirst('key', 'other'), 'other');
    const racing = Array.from({ length: 10 }, (_, n) => store.keepFirst('race', `v${n}`));
    assert.equal(new Set(await Promise.all(racing)).size, 1);
  });
}

function restoreChecks(check: Check): void {
  check('an export comes back as it was, and goes on from there', async (store, another) => {
    const other = another();
    const ids = await createUsers(store, 1_200);
    for (const id of ['h', 'g']) await create(store, 'groups', id, { name: `label ${id}` });
    await commitDone(store, changing('g', { add: ids.slice(200, 1_200) }));
    await commitDone(store, changing('g', { add: ['u0', 'u1', 'u2'] }));
    await commitDone(store, changing('h', { add: ['u1', 'u0'] }));
    await commitDone(store, { writes: [deleting('users', await read(store, 'users', 'u3'))] });
    await create(store, 'tombstones', 'u3', { name: 'gone', tags: ['t'] });

    const lines = await exported(store);
    for (let from = 0; from < lines.length; from += 1_000) {
      await other.restore(lines.slice(from, from + 1_000));
    }
    await assertSound(other);
    assert.deepEqual(await exported(other), lines);
    assert.deepEqual(await other.counts(), await store.counts());
    for (const id of ['g', 'h']) {
      assert.deepEqual(await readMembers(other, id), await readMembers(store, id));
    }
    assert.deepEqual((await read(other, 'users', 'u0')).groups, [
      { id: 'h', label: 'label h' },
      { id: 'g', label: 'label g' },
    ]);

    const highest = Math.max(
      ...lines.map((line) => (line.kind === 'record' ? line.record.sequence : 0)),
    );
    assert.ok((await create(other, 'users', 'new')).sequence > highest);
    await commitDone(other, changing('g', { add: ['new'] }));
    assert.deepEqual(await groupIdsOf(other, 'new'), ['g']);
    await assertSound(other);
  });

  check('a record of a time to come keeps modifiedMs from going back', async (store) => {
    const modifiedMs = Date.now() + 3_600_000;
    const body = JSON.stringify({ name: 'u' });
    const record = { id: 'u', sequence: 5, version: 3, createdMs: 1_000, modifiedMs, body };
    const indexes = indexesOf('users', body);
    await store.restore([{ kind: 'record', collection: 'users', record, indexes }]);
    assert.deepEqual(await store.get('users', ['u']), [record]);
    const write = {
      collection: 'users',
      id: 'u',
      expectedVersion: 3,
      body,
      added: [],
      removed: [],
    } as const;
    await commitDone(store, { writes: [write] });
    const after = await read(store, 'users', 'u');
    assert.ok(after.modifiedMs >= modifiedMs);
    assert.deepEqual([after.version, after.createdMs, after.sequence], [4, 1_000, 5]);
  });
}

async function take(store: Store, holder: string): Promise<Lease> {
  const lease = await store.takeLease('lease', holder, 10_000);
  assert.ok(lease, `${holder} did not get the lease.`);
  return lease;
}

/** What an export would write of users, groups, tombstones and members. */
async function exported(store: Store): Promise<readonly RestoreLine[]> {
  const lines: RestoreLine[] = [];
  for (const collection of ['users', 'groups', 'tombstones'] as const) {
    const { records } = await store.query({ collection, range: { by: 'sequence' }, limit: 10_000 });
    for (const record of records) {
      const line = {
        kind: 'record',
        collection,
        record,
        indexes: indexesOf(collection, record.body),
      } as const;
      const { name } = JSON.parse(record.body) as { name: string };
      lines.push(collection === 'groups' ? { ...line, label: name } : line);
    }
  }
  for (const groupId of ['g', 'h']) {
    lines.push({ kind: 'members', groupId, memberIds: await readMembers(store, groupId) });
  }
  return lines;
}
