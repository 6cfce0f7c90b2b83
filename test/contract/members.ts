import assert from 'node:assert/strict';
import { suite } from 'node:test';
import { MAX_PAIR_CHANGES, MEMBER_SLICE, type Store } from '#store/store.ts';
import {
  type Check,
  changing,
  commit,
  commitDone,
  create,
  createUsers,
  creating,
  deleting,
  groupIdsOf,
  only,
  read,
  readMembers,
  sweepAll,
  updating,
} from './fixture.ts';

/** Memberships, seen from both sides. */
export function memberChecks(check: Check): void {
  suite('members', () => {
    changeChecks(check);
    sliceChecks(check);
    deleteChecks(check);
  });
}

function changeChecks(check: Check): void {
  check('adding and removing: both sides agree, in the order of adding', async (store) => {
    await createUsers(store, 4);
    await create(store, 'groups', 'g', { name: 'Team' });
    await commitDone(store, changing('g', { add: ['u2', 'u0', 'u1', 'u0'] }));
    assert.deepEqual(await readMembers(store, 'g'), ['u2', 'u0', 'u1']);
    const done = await commitDone(
      store,
      changing('g', { remove: ['u2', 'u3', 'u2'], add: ['u3'] }),
    );
    assert.deepEqual([done.addedMembers, done.removedMembers], [1, 1]);
    assert.deepEqual(await readMembers(store, 'g'), ['u0', 'u1', 'u3']);
    assert.deepEqual((await read(store, 'users', 'u0')).groups, [{ id: 'g', label: 'Team' }]);
    assert.deepEqual((await read(store, 'users', 'u2')).groups, []);
  });

  check(
    'what is there is not added, what is absent not removed, and without a change the version stays',
    async (store) => {
      await createUsers(store, 2);
      await create(store, 'groups', 'g');
      await commitDone(store, changing('g', { add: ['u0'] }));
      const before = await read(store, 'groups', 'g');
      const parts = changing('g', { add: ['u0'], remove: ['u1', 'x'] });
      const done = await commitDone(store, { ...parts, events: ['{}'] });
      assert.deepEqual([done.addedMembers, done.removedMembers], [0, 0]);
      assert.equal(only(done.versions).version, before.version);
      assert.deepEqual(await read(store, 'groups', 'g'), before);
      assert.deepEqual(await store.events(undefined, 1), []);
    },
  );

  check('a version that the group must have', async (store) => {
    await createUsers(store, 2);
    await create(store, 'groups', 'g');
    await commitDone(store, changing('g', { add: ['u0'], expectedVersion: 1 }));
    const refused = { outcome: 'version', id: 'g', version: 2 };
    assert.deepEqual(
      await commit(store, changing('g', { add: ['u1'], expectedVersion: 1 })),
      refused,
    );
    assert.deepEqual(await readMembers(store, 'g'), ['u0']);
  });

  check(
    'a change of members is a change of the group: version, time, place among the modified',
    async (store) => {
      await createUsers(store, 1);
      for (const id of ['g', 'h']) await create(store, 'groups', id);
      const written = only((await commitDone(store, changing('g', { add: ['u0'] }))).versions);
      const { version, modifiedMs, body } = await read(store, 'groups', 'g');
      assert.deepEqual([version, body], [2, JSON.stringify({ name: 'g' })]);
      assert.equal(written.modifiedMs, modifiedMs);
      const range = { by: 'modified', fromMs: modifiedMs } as const;
      const { records } = await store.query({ collection: 'groups', range, limit: 5 });
      assert.ok(records.some(({ id }) => id === 'g'));
      assert.equal((await read(store, 'users', 'u0')).version, 1);
    },
  );

  check(
    'a group and its members are made, and changed, by one commit as one version',
    async (store) => {
      await createUsers(store, 3);
      const parts = changing('g', { add: ['u0', 'new'] });
      const writes = [creating('users', 'new'), creating('groups', 'g')];
      const made = await commitDone(store, { ...parts, writes });
      assert.deepEqual(
        made.versions.map(({ id, version }) => [id, version]),
        [
          ['new', 1],
          ['g', 1],
        ],
      );
      assert.deepEqual(await readMembers(store, 'g'), ['u0', 'new']);
      const update = updating('groups', await read(store, 'groups', 'g'), { name: 'renamed' });
      await commitDone(store, {
        writes: [update],
        ...changing('g', { add: ['u1'], remove: ['u0'] }),
      });
      assert.equal((await read(store, 'groups', 'g')).version, 2);
      assert.deepEqual((await read(store, 'users', 'u1')).groups, [{ id: 'g', label: 'renamed' }]);
    },
  );

  check('someone deleted by the commit itself is unknown to its membership', async (store) => {
    await createUsers(store, 2);
    await create(store, 'groups', 'g');
    const writes = [deleting('users', await read(store, 'users', 'u0'))];
    const parts = changing('g', { add: ['u0', 'u1'], onUnknown: 'skip' });
    const done = await commitDone(store, { writes, ...parts });
    assert.deepEqual([done.addedMembers, done.unknownMembers], [1, ['u0']]);
    assert.deepEqual(await readMembers(store, 'g'), ['u1']);
  });

  check('the label follows the group', async (store) => {
    await createUsers(store, 1);
    await create(store, 'groups', 'g', { name: 'Old ✓' });
    await commitDone(store, changing('g', { add: ['u0'] }));
    const before = await read(store, 'groups', 'g');
    await commitDone(store, { writes: [updating('groups', before, { name: 'Neu ü' })] });
    assert.deepEqual((await read(store, 'users', 'u0')).groups, [{ id: 'g', label: 'Neu ü' }]);
    assert.equal((await read(store, 'users', 'u0')).version, 1);
  });

  check(
    `${MAX_PAIR_CHANGES} pair changes commit together, one more is a mistake`,
    async (store) => {
      const ids = await createUsers(store, MAX_PAIR_CHANGES + 1);
      await create(store, 'groups', 'g');
      await assert.rejects(commit(store, changing('g', { add: ids })), /at most/);
      const add = ids.slice(0, MAX_PAIR_CHANGES);
      assert.equal(
        (await commitDone(store, changing('g', { add }))).addedMembers,
        MAX_PAIR_CHANGES,
      );
      assert.deepEqual(await readMembers(store, 'g'), add);
      const removed = await commitDone(store, changing('g', { remove: add }));
      assert.equal(removed.removedMembers, MAX_PAIR_CHANGES);
      assert.deepEqual(await readMembers(store, 'g'), []);
    },
  );
}

function sliceChecks(check: Check): void {
  check(
    'members come in slices in the order of adding, undefined without the group',
    async (store) => {
      const ids = await fillGroup(store, 'g', 2 * MEMBER_SLICE + 3);
      const sizes: number[] = [];
      const members: string[] = [];
      let slice = await store.members('g');
      for (let round = 0; slice !== undefined && round < 9; round += 1) {
        sizes.push(slice.ids.length);
        members.push(...slice.ids);
        slice = slice.next && (await store.members('g', slice.next));
      }
      assert.deepEqual(members, ids);
      assert.deepEqual(sizes, [MEMBER_SLICE, MEMBER_SLICE, 3]);
      assert.equal(await store.members('absent'), undefined);
      await create(store, 'groups', 'empty');
      assert.deepEqual(await store.members('empty'), { ids: [], next: undefined });
    },
  );

  check('a slice that ends with the list has no next', async (store) => {
    await fillGroup(store, 'g', MEMBER_SLICE);
    assert.equal((await store.members('g'))?.next, undefined);
  });

  check('a member present throughout appears once while others come and go', async (store) => {
    const ids = await fillGroup(store, 'g', 2 * MEMBER_SLICE + 500);
    const seen: string[] = [];
    let slice = await store.members('g');
    for (let round = 0; slice !== undefined && round < 9; round += 1) {
      seen.push(...slice.ids);
      const gone = ids
        .slice(round * 40, round * 40 + 40)
        .concat(ids.slice(-1 - round, -round || undefined));
      await commitDone(store, changing('g', { remove: gone }));
      await commitDone(store, changing('g', { add: gone.slice(0, 10) }));
      slice = slice.next && (await store.members('g', slice.next));
    }
    const counts = new Map<string, number>();
    for (const id of seen) counts.set(id, (counts.get(id) ?? 0) + 1);
    for (const id of ids.slice(400, 2_400)) assert.equal(counts.get(id), 1, id);
  });

  check('include gives the first slice, and big pages say where to go on', async (store) => {
    const ids = await fillGroup(store, 'g0', MEMBER_SLICE + 5);
    for (const id of ['g1', 'g2', 'g3']) {
      await create(store, 'groups', id);
      await commitDone(store, changing(id, { add: ids.slice(0, 600) }));
    }
    const { members } = await read(store, 'groups', 'g0');
    assert.deepEqual(members?.ids, ids.slice(0, MEMBER_SLICE));
    const range = { by: 'sequence' } as const;
    const page = await store.query({
      collection: 'groups',
      range,
      limit: 9,
      include: { members: true },
    });
    const given = page.records.flatMap((record) => record.members?.ids ?? []);
    assert.ok(given.length <= 2 * MEMBER_SLICE, 'A page gives a bounded number of members.');
    for (const { id, members } of page.records) {
      assert.ok(members);
      const all = [...members.ids];
      let next = members.next;
      for (let round = 0; next !== undefined && round < 9; round += 1) {
        const slice = await store.members(id, next);
        all.push(...(slice?.ids ?? []));
        next = slice?.next;
      }
      assert.deepEqual(all, id === 'g0' ? ids : ids.slice(0, 600), id);
    }
  });
}

function deleteChecks(check: Check): void {
  check('deleting a user ends the memberships, and its groups get a new version', async (store) => {
    await createUsers(store, 2);
    for (const id of ['g', 'h', 'other']) await create(store, 'groups', id);
    for (const id of ['g', 'h']) await commitDone(store, changing(id, { add: ['u0', 'u1'] }));
    const before = await read(store, 'groups', 'g');
    await commitDone(store, { writes: [deleting('users', await read(store, 'users', 'u0'))] });
    for (const id of ['g', 'h']) {
      assert.deepEqual(await readMembers(store, id), ['u1']);
      assert.equal((await read(store, 'groups', id)).version, 3);
    }
    assert.ok((await read(store, 'groups', 'g')).modifiedMs >= before.modifiedMs);
    assert.equal((await read(store, 'groups', 'other')).version, 1);
    await create(store, 'users', 'u0');
    assert.deepEqual(await groupIdsOf(store, 'u0'), []);
  });

  check('deleting a group ends its list; one of the same id begins empty', async (store) => {
    const ids = await fillGroup(store, 'g', 30);
    await create(store, 'groups', 'h');
    await commitDone(store, changing('h', { add: ['u0'] }));
    await commitDone(store, { writes: [deleting('groups', await read(store, 'groups', 'g'))] });
    assert.equal(await store.members('g'), undefined);
    assert.deepEqual(await groupIdsOf(store, 'u0'), ['h']);
    await create(store, 'groups', 'g');
    assert.deepEqual(await readMembers(store, 'g'), []);
    assert.deepEqual(await groupIdsOf(store, 'u0'), ['h']);
    await commitDone(store, changing('g', { add: ids.slice(0, 2) }));
    await sweepAll(store);
    assert.deepEqual(await readMembers(store, 'g'), ids.slice(0, 2));
    assert.deepEqual(await groupIdsOf(store, 'u0'), ['h', 'g']);
  });

  check('a group and its member may go in one commit', async (store) => {
    await fillGroup(store, 'g', 3);
    const writes = [
      deleting('users', await read(store, 'users', 'u0')),
      deleting('groups', await read(store, 'groups', 'g')),
    ];
    await commitDone(store, { writes });
    await sweepAll(store);
    assert.deepEqual(await groupIdsOf(store, 'u1'), []);
  });
}

/** A new group of `count` new users. */
async function fillGroup(store: Store, groupId: string, count: number): Promise<readonly string[]> {
  const ids = await createUsers(store, count);
  await create(store, 'groups', groupId);
  for (let from = 0; from < count; from += MAX_PAIR_CHANGES) {
    await commitDone(store, changing(groupId, { add: ids.slice(from, from + MAX_PAIR_CHANGES) }));
  }
  return ids;
}
