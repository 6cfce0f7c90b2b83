import assert from 'node:assert/strict';
import { suite } from 'node:test';
import { MAX_PAIR_CHANGES, type MemberDraft, type Store } from '#store/store.ts';
import {
  assertSound,
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
  sleep,
  sweepAll,
  updating,
} from './fixture.ts';

const LOCK_MS = 10_000;
/** Short enough to wait for, long enough for the few calls in between. */
const SHORT_LOCK_MS = 150;

/** Member lists that are written beside the one that readers see. */
export function draftChecks(check: Check): void {
  suite('drafts', () => {
    lifeChecks(check);
    newGroupChecks(check);
    readingChecks(check);
    lockChecks(check);
    cleaningChecks(check);
  });
}

function lifeChecks(check: Check): void {
  check('a draft replaces the list in one step, and is not seen before', async (store) => {
    const ids = await createUsers(store, 2_500);
    await create(store, 'groups', 'g');
    await commitDone(store, changing('g', { add: ['u0', 'u1'] }));
    const draft = await openDraft(store, 'g');
    for (let from = 1; from < ids.length; from += MAX_PAIR_CHANGES) {
      const slice = ids.slice(from, from + MAX_PAIR_CHANGES);
      assert.deepEqual(await store.extendDraft(draft, slice), { unknown: [] });
    }
    assert.deepEqual(await readMembers(store, 'g'), ['u0', 'u1']);
    assert.deepEqual(await groupIdsOf(store, 'u7'), []);
    const done = await commitDone(store, { publish: { draft }, events: ['{}'] });
    assert.deepEqual([only(done.versions).id, only(done.versions).version], ['g', 3]);
    assert.deepEqual([done.addedMembers, done.removedMembers], [2_498, 1]);
    assert.deepEqual(await readMembers(store, 'g'), ids.slice(1));
    assert.deepEqual([await groupIdsOf(store, 'u0'), await groupIdsOf(store, 'u7')], [[], ['g']]);
    assert.equal((await store.events(undefined, 5)).length, 1);
    await sweepAll(store);
    assert.deepEqual(await readMembers(store, 'g'), ids.slice(1));
  });

  check('a slice leaves out unknown ids and reports them; ids may come twice', async (store) => {
    await createUsers(store, 3);
    await create(store, 'groups', 'g');
    const draft = await openDraft(store, 'g');
    assert.deepEqual(await store.extendDraft(draft, ['u0', 'x', 'u1', 'u0', 'y']), {
      unknown: ['x', 'y'],
    });
    assert.deepEqual(await store.extendDraft(draft, ['u1', 'u2']), { unknown: [] });
    await commitDone(store, { publish: { draft } });
    assert.deepEqual(await readMembers(store, 'g'), ['u0', 'u1', 'u2']);
    const next = await openDraft(store, 'g');
    const many = Array.from({ length: MAX_PAIR_CHANGES + 1 }, () => 'u0');
    await assert.rejects(store.extendDraft(next, many), /at most/);
  });

  check('a draft with the members of before changes nothing', async (store) => {
    await createUsers(store, 3);
    await create(store, 'groups', 'g');
    await commitDone(store, changing('g', { add: ['u0', 'u1'] }));
    const draft = await openDraft(store, 'g');
    await store.extendDraft(draft, ['u1', 'u0']);
    const done = await commitDone(store, { publish: { draft }, events: ['{}'] });
    assert.deepEqual(
      [done.addedMembers, done.removedMembers, only(done.versions).version],
      [0, 0, 2],
    );
    assert.deepEqual(await store.events(undefined, 5), []);
  });

  check('an empty draft empties the group', async (store) => {
    await createUsers(store, 2);
    await create(store, 'groups', 'g');
    await commitDone(store, changing('g', { add: ['u0', 'u1'] }));
    const done = await commitDone(store, { publish: { draft: await openDraft(store, 'g') } });
    assert.equal(done.removedMembers, 2);
    assert.deepEqual(await readMembers(store, 'g'), []);
    assert.deepEqual(await groupIdsOf(store, 'u0'), []);
  });

  check('publishing goes with a write of the group, as one version', async (store) => {
    await createUsers(store, 2);
    await create(store, 'groups', 'g');
    const draft = await openDraft(store, 'g');
    await store.extendDraft(draft, ['u1']);
    const writes = [updating('groups', await read(store, 'groups', 'g'), { name: 'renamed' })];
    const done = await commitDone(store, { writes, publish: { draft, expectedVersion: 1 } });
    assert.equal(only(done.versions).version, 2);
    assert.equal((await read(store, 'groups', 'g')).version, 2);
    assert.deepEqual((await read(store, 'users', 'u1')).groups, [{ id: 'g', label: 'renamed' }]);
  });

  check('publishing under another version is refused, and the draft stays', async (store) => {
    await createUsers(store, 1);
    await create(store, 'groups', 'g');
    const draft = await openDraft(store, 'g');
    await store.extendDraft(draft, ['u0']);
    const publish = { draft, expectedVersion: 9 };
    assert.deepEqual(await commit(store, { publish }), { outcome: 'version', id: 'g', version: 1 });
    await commitDone(store, { publish: { draft } });
    assert.deepEqual(await readMembers(store, 'g'), ['u0']);
  });

  check('a reader amid the list sees each member once that is in both lists', async (store) => {
    const ids = await createUsers(store, 3_000);
    await create(store, 'groups', 'g');
    const publish = async (members: readonly string[]) => {
      const draft = await openDraft(store, 'g');
      for (let from = 0; from < members.length; from += MAX_PAIR_CHANGES) {
        await store.extendDraft(draft, members.slice(from, from + MAX_PAIR_CHANGES));
      }
      await commitDone(store, { publish: { draft } });
    };
    await publish(ids.slice(0, 2_500));
    const first = await store.members('g');
    assert.ok(first?.next);
    await publish(ids.slice(200).toReversed());
    const second = await store.members('g', first.next);
    assert.ok(second?.next);
    await sweepAll(store);
    await publish(ids.slice(300));
    const third = await store.members('g', second.next);
    const seen = [...first.ids, ...second.ids, ...(third?.ids ?? [])];
    assert.equal(third?.next, undefined);
    assert.equal(new Set(seen).size, seen.length);
    const shown = new Set(seen);
    for (const id of ids.slice(300, 2_500)) assert.ok(shown.has(id), id);
  });
}

function newGroupChecks(check: Check): void {
  check('a draft for a new group is published by the commit that makes it', async (store) => {
    const ids = await createUsers(store, 1_500);
    const draft = await openDraft(store, 'g', LOCK_MS, true);
    assert.equal(await store.openDraft('g', LOCK_MS, true), undefined);
    await store.extendDraft(draft, ids.slice(0, 1_000));
    await commitDone(store, { writes: [deleting('users', await read(store, 'users', 'u7'))] });
    assert.deepEqual(await store.extendDraft(draft, [...ids.slice(1_000), 'u7']), {
      unknown: ['u7'],
    });
    assert.deepEqual(
      [await store.get('groups', ['g']), await store.members('g')],
      [[undefined], undefined],
    );
    assert.deepEqual(await groupIdsOf(store, 'u0'), []);
    await assertSound(store);
    const writes = [creating('groups', 'g')];
    const done = await commitDone(store, { writes, publish: { draft }, events: ['{}'] });
    assert.deepEqual(
      [only(done.versions).version, done.addedMembers, done.removedMembers],
      [1, 1_499, 0],
    );
    const members = ids.filter((id) => id !== 'u7');
    assert.deepEqual(await readMembers(store, 'g'), members);
    assert.deepEqual(await groupIdsOf(store, 'u0'), ['g']);
    assert.equal((await store.events(undefined, 5)).length, 1);
    await create(store, 'users', 'late');
    await commitDone(store, changing('g', { add: ['late'], remove: ['u0'] }));
    await sweepAll(store);
    assert.deepEqual(await readMembers(store, 'g'), [...members.slice(1), 'late']);
  });

  check('a draft for a new group that is dropped, or dies, leaves nothing', async (store) => {
    await createUsers(store, 3);
    const dropped = await openDraft(store, 'g', LOCK_MS, true);
    await store.extendDraft(dropped, ['u0', 'u1']);
    await store.dropDraft(dropped);
    const dead = await openDraft(store, 'g', SHORT_LOCK_MS, true);
    await store.extendDraft(dead, ['u0', 'u2']);
    await sleep(SHORT_LOCK_MS + 50);
    const writes = [creating('groups', 'g')];
    for (const draft of [dropped, dead]) {
      assert.deepEqual(await commit(store, { writes, publish: { draft } }), { outcome: 'locked' });
    }
    await sweepAll(store);
    await commitDone(store, { writes });
    assert.deepEqual(await readMembers(store, 'g'), []);
    assert.deepEqual(await groupIdsOf(store, 'u0'), []);
  });

  check('a draft for a new group is not published without it', async (store) => {
    await createUsers(store, 1);
    const draft = await openDraft(store, 'g', LOCK_MS, true);
    await store.extendDraft(draft, ['u0']);
    assert.deepEqual(await commit(store, { publish: { draft } }), { outcome: 'absentGroup' });
    await store.dropDraft(draft);
  });

  check('a draft for a group that is there is the same, called new or not', async (store) => {
    await createUsers(store, 2);
    await create(store, 'groups', 'g');
    await commitDone(store, changing('g', { add: ['u0'] }));
    const draft = await openDraft(store, 'g', LOCK_MS, true);
    await store.extendDraft(draft, ['u1', 'u0']);
    await commitDone(store, { publish: { draft } });
    assert.deepEqual(await readMembers(store, 'g'), ['u0', 'u1']);
  });
}

function readingChecks(check: Check): void {
  check('a list that is replaced is read to its end', async (store) => {
    const ids = await createUsers(store, 4_000);
    await create(store, 'groups', 'g');
    for (const from of [0, 1_000]) {
      await commitDone(store, changing('g', { add: ids.slice(from, from + 1_000) }));
    }
    const first = await store.members('g');
    const draft = await openDraft(store, 'g');
    for (const from of [1_500, 2_500]) {
      await store.extendDraft(draft, ids.slice(from, from + 1_000));
    }
    await commitDone(store, { publish: { draft } });
    await sweepAll(store);
    const second = first?.next && (await store.members('g', first.next));
    assert.deepEqual([...(first?.ids ?? []), ...(second?.ids ?? [])], ids.slice(0, 2_000));
    assert.equal(second?.next, undefined);
    assert.deepEqual(await readMembers(store, 'g'), ids.slice(1_500, 3_500));
  });

  check('the list of a group that is deleted is read to its end', async (store) => {
    const ids = await createUsers(store, 1_500);
    await create(store, 'groups', 'other');
    await commitDone(store, changing('other', { add: ids.slice(0, 5) }));
    await create(store, 'groups', 'g');
    for (const from of [0, 1_000]) {
      await commitDone(store, changing('g', { add: ids.slice(from, from + 1_000) }));
    }
    const first = await store.members('g');
    await commitDone(store, { writes: [deleting('groups', await read(store, 'groups', 'g'))] });
    await create(store, 'groups', 'g');
    await commitDone(store, changing('g', { add: ['u7'] }));
    await sweepAll(store);
    const second = first?.next && (await store.members('g', first.next));
    assert.deepEqual(second, { ids: ids.slice(1_000), next: undefined });
    assert.deepEqual(await readMembers(store, 'g'), ['u7']);
  });
}

function lockChecks(check: Check): void {
  check('one draft at a time, none without the group', async (store) => {
    await create(store, 'groups', 'g');
    assert.equal(await store.openDraft('absent', LOCK_MS), 'absent');
    const drafts = await Promise.all(
      Array.from({ length: 5 }, () => store.openDraft('g', LOCK_MS)),
    );
    assert.equal(drafts.filter((draft) => draft !== undefined).length, 1);
  });

  check('other commits on the group answer locked until the draft ends', async (store) => {
    await createUsers(store, 2);
    for (const id of ['g', 'h']) await create(store, 'groups', id);
    const draft = await openDraft(store, 'g');
    const group = await read(store, 'groups', 'g');
    const other = { ...draft, token: 'other' };
    const locked = [
      changing('g', { add: ['u0'] }),
      { writes: [updating('groups', group, { name: 'x' })] },
      { writes: [deleting('groups', group)] },
      { publish: { draft: other } },
    ];
    for (const parts of locked) assert.deepEqual(await commit(store, parts), { outcome: 'locked' });
    await commitDone(store, changing('h', { add: ['u0'] }));
    await commitDone(store, { publish: { draft } });
    await commitDone(store, changing('g', { add: ['u0'] }));
    await store.dropDraft(await openDraft(store, 'g'));
    await commitDone(store, changing('g', { add: ['u1'] }));
    assert.deepEqual(await readMembers(store, 'g'), ['u0', 'u1']);
  });

  check(
    'the lock ends by itself, each slice renews it, and who lost it can not go on',
    async (store) => {
      await createUsers(store, 3);
      await create(store, 'groups', 'g');
      const draft = await openDraft(store, 'g', SHORT_LOCK_MS);
      for (let round = 0; round < 4; round += 1) {
        await sleep(SHORT_LOCK_MS / 2);
        assert.deepEqual(await store.extendDraft(draft, [`u${round % 3}`]), { unknown: [] });
      }
      await sleep(SHORT_LOCK_MS + 50);
      assert.equal(await store.extendDraft(draft, ['u0']), undefined);
      assert.deepEqual(await commit(store, { publish: { draft } }), { outcome: 'locked' });
      await commitDone(store, changing('g', { add: ['u2'] }));
      const next = await openDraft(store, 'g');
      assert.equal(await store.extendDraft(draft, ['u0']), undefined);
      await store.dropDraft(draft);
      assert.deepEqual(await store.extendDraft(next, ['u1']), { unknown: [] });
      assert.deepEqual(await commit(store, { publish: { draft } }), { outcome: 'locked' });
      await commitDone(store, { publish: { draft: next } });
      assert.deepEqual(await readMembers(store, 'g'), ['u1']);
    },
  );

  check('a dropped draft can not be published', async (store) => {
    await create(store, 'groups', 'g');
    const draft = await openDraft(store, 'g');
    await store.dropDraft(draft);
    assert.deepEqual(await commit(store, { publish: { draft } }), { outcome: 'locked' });
    assert.equal(await store.extendDraft(draft, []), undefined);
  });
}

function cleaningChecks(check: Check): void {
  check('someone deleted while a draft is written is in neither list', async (store) => {
    await createUsers(store, 3);
    await create(store, 'groups', 'g');
    await commitDone(store, changing('g', { add: ['u0', 'u1'] }));
    const draft = await openDraft(store, 'g');
    await store.extendDraft(draft, ['u0', 'u2']);
    await commitDone(store, { writes: [deleting('users', await read(store, 'users', 'u0'))] });
    assert.deepEqual(await readMembers(store, 'g'), ['u1']);
    const done = await commitDone(store, { publish: { draft } });
    assert.deepEqual([done.addedMembers, done.removedMembers], [1, 1]);
    assert.deepEqual(await readMembers(store, 'g'), ['u2']);
    await create(store, 'users', 'u0');
    assert.deepEqual(await groupIdsOf(store, 'u0'), []);
  });

  check(
    'dead and dropped drafts, replaced lists and deleted groups are swept up in bounded slices',
    async (store) => {
      const ids = await createUsers(store, 2_000);
      for (const id of ['g', 'h', 'i']) await create(store, 'groups', id);
      const dead = await openDraft(store, 'g', SHORT_LOCK_MS);
      await store.extendDraft(dead, ids.slice(0, 900));
      const dropped = await openDraft(store, 'h');
      for (const from of [0, 1_000])
        await store.extendDraft(dropped, ids.slice(from, from + 1_000));
      await store.dropDraft(dropped);
      await commitDone(store, changing('i', { add: ids.slice(0, 1_000) }));
      await commitDone(store, { writes: [deleting('groups', await read(store, 'groups', 'i'))] });
      await sleep(SHORT_LOCK_MS + 50);
      assert.equal(await store.sweep(), true);
      await sweepAll(store);
      assert.equal(await store.sweep(), false);
      for (const id of ['g', 'h']) assert.deepEqual(await readMembers(store, id), []);
      assert.deepEqual(await groupIdsOf(store, 'u0'), []);
    },
  );

  check('a sweep leaves a draft alone while its lock holds', async (store) => {
    await createUsers(store, 2);
    await create(store, 'groups', 'g');
    const draft = await openDraft(store, 'g');
    await store.extendDraft(draft, ['u0', 'u1']);
    await sweepAll(store);
    await commitDone(store, { publish: { draft } });
    await sweepAll(store);
    assert.deepEqual(await readMembers(store, 'g'), ['u0', 'u1']);
  });
}

async function openDraft(
  store: Store,
  groupId: string,
  lockMs = LOCK_MS,
  forNew = false,
): Promise<MemberDraft> {
  const draft = await store.openDraft(groupId, lockMs, forNew);
  if (draft === undefined || draft === 'absent') assert.fail(`No draft of ${groupId}: ${draft}.`);
  return draft;
}
