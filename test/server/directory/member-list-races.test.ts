import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Directory } from '#directory/directory.ts';
import { deleteGroup, patchGroup, replaceGroup } from '#directory/groups.ts';
import { deleteUser } from '#directory/users.ts';
import { entityTag } from '#scim/render.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import type { Store } from '#store/store.ts';
import {
  addGroup,
  addPeople,
  assertSound,
  assertUnlocked,
  CALLER,
  group,
  groupsOf,
  membersOf,
  onEachStore,
  operations,
  readGroup,
  refusal,
  sweepAll,
  withCalls,
} from '../../support/directory.ts';

onEachStore('others while a long member list is written', (newDirectory) => {
  test('readers see the old list or the new one while 20,000 members are replaced', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 1_400);
    const id = await addGroup(directory, 'Everyone', people.slice(0, 700));
    const old = people.slice(0, 700).join();
    const many = await addPeople(directory, 20_000, 'q');
    let isDone = false;
    const work = replaceGroup(directory, CALLER, id, group('All'), many, undefined).finally(() => {
      isDone = true;
    });
    let polls = 0;
    while (!isDone && polls < 10_000) {
      const { body, members } = await readGroup(directory, id);
      const isOld = body.includes('Everyone');
      // The first slice of the new list has 1,000 members and a next.
      const expected = isOld ? old : many.slice(0, 1_000).join();
      assert.equal(members?.ids.join(), expected);
      // Another read, so perhaps of the moment after the list was published.
      const groups = await groupsOf(directory, 'q7');
      assert.ok(groups.length === 1 || (isOld && groups.length === 0), `${groups} of ${body}`);
      polls += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await work;
    assert.ok(polls > 10, `${polls} polls`);
    assert.deepEqual(await membersOf(directory, id), many);
    assert.deepEqual(await groupsOf(directory, 'p0'), []);
    await sweepAll(directory);
    await assertSound(directory);
  });

  test('a group that is created with many members is not there before they are', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 1_500);
    const seen: number[] = [];
    const watched = onSlice(directory, 2, async (store) => {
      seen.push((await store.counts()).groups);
      const range = { by: 'index', index: 'displayName', equals: 'everyone' } as const;
      seen.push((await store.query({ collection: 'groups', range, limit: 1 })).total);
      const [user] = await store.get('users', ['p0'], { groups: true });
      seen.push(user?.groups?.length ?? -1);
    });
    const id = await addGroup(watched, 'Everyone', people);
    assert.deepEqual(seen, [0, 0, 0]);
    assert.deepEqual(await membersOf(directory, id), people);
  });

  test('a second writer waits, and both are done', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 3_000);
    const id = await addGroup(directory, 'Everyone');
    let small: Promise<unknown> | undefined;
    let isSmallDone = false;
    const watched = onSlice(directory, 2, async (store) => {
      const add = operations(GROUP, { op: 'add', path: 'members', value: values(2_999, 3_000) });
      small = patchGroup({ ...directory, store }, CALLER, id, add, undefined).then(() => {
        isSmallDone = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(isSmallDone, false);
    });
    const most = people.slice(0, 2_500);
    await replaceGroup(watched, CALLER, id, group('Everyone'), most, undefined);
    await small;
    assert.deepEqual(await membersOf(directory, id), [...most, 'p2999']);
    await assertSound(directory);
  });

  test('two long changes at once: one after the other', async () => {
    const directory = newDirectory();
    await addPeople(directory, 4_000);
    const id = await addGroup(directory, 'Everyone');
    const add = (from: number, to: number) =>
      patchGroup(
        directory,
        CALLER,
        id,
        operations(GROUP, { op: 'add', path: 'members', value: values(from, to) }),
        undefined,
      );
    await Promise.all([add(0, 2_000), add(1_500, 4_000)]);
    assert.equal((await membersOf(directory, id)).length, 4_000);
    assert.equal((await readGroup(directory, id)).version, 3);
    await assertSound(directory);
  });

  const deletions: readonly (readonly [string, string])[] = [
    ['in both lists', 'p10'],
    ['in the old list alone', 'p0'],
    ['in the new list alone, written already', 'p1400'],
    ['in the new list alone, not written yet', 'p2900'],
  ];
  for (const [title, leaver] of deletions) {
    test(`a person who is ${title} is deleted meanwhile: no membership is left`, async () => {
      const directory = newDirectory();
      const people = await addPeople(directory, 3_000);
      const id = await addGroup(directory, 'Everyone', people.slice(0, 1_400));
      const watched = onSlice(directory, 2, async () => {
        await deleteUser(directory, CALLER, leaver, undefined);
      });
      const wanted = people.slice(10);
      const result = await replaceGroup(watched, CALLER, id, group('All'), wanted, undefined);
      assert.deepEqual(
        await membersOf(directory, id),
        wanted.filter((each) => each !== leaver),
      );
      assert.equal(result.view.version, (await readGroup(directory, id)).version);
      await assertSound(directory);
      await sweepAll(directory);
      await assertSound(directory);
    });
  }

  test('If-Match: a person in the old list is deleted meanwhile, so the version is another', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 3_000);
    const id = await addGroup(directory, 'Everyone', people.slice(0, 900));
    const watched = onSlice(directory, 2, async () => {
      await deleteUser(directory, CALLER, 'p0', undefined);
    });
    const put = replaceGroup(watched, CALLER, id, group('All'), people, [entityTag(1)]);
    await refusal('preconditionFailed', put);
    assert.deepEqual(await membersOf(directory, id), people.slice(1, 900));
    await assertUnlocked(directory, id);
  });

  test('the group is deleted meanwhile: the deletion waits', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 3_000);
    const id = await addGroup(directory, 'Everyone');
    let deletion: Promise<void> | undefined;
    const watched = onSlice(directory, 2, async () => {
      deletion = deleteGroup(directory, CALLER, id, undefined);
    });
    await replaceGroup(watched, CALLER, id, group('All'), people, undefined);
    await deletion;
    assert.deepEqual(await groupsOf(directory, 'p0'), []);
    await sweepAll(directory);
    await assertSound(directory);
  });

  test('a lock that was lost is 503, and the list is the old one', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 3_000);
    const id = await addGroup(directory, 'Everyone', ['p0']);
    const { store } = directory;
    const losing = withCalls(store, {
      openDraft: (groupId) => store.openDraft(groupId, 30),
      extendDraft: async (draft, ids) => {
        await new Promise((resolve) => setTimeout(resolve, 60));
        return await store.extendDraft(draft, ids);
      },
    });
    const put = replaceGroup(
      { ...directory, store: losing },
      CALLER,
      id,
      group('All'),
      people,
      undefined,
    );
    const { retryAfterSeconds } = await refusal('unavailable', put);
    assert.ok(retryAfterSeconds);
    assert.deepEqual(await membersOf(directory, id), ['p0']);
    await sweepAll(directory);
    await assertUnlocked(directory, id);
  });
});

/** A directory that calls `act` before its `n`-th slice of a new list is written. */
function onSlice(directory: Directory, n: number, act: (store: Store) => Promise<void>): Directory {
  const { store } = directory;
  let slices = 0;
  const extendDraft: Store['extendDraft'] = async (draft, ids) => {
    slices += 1;
    if (slices === n) await act(store);
    return await store.extendDraft(draft, ids);
  };
  return { ...directory, store: withCalls(store, { extendDraft }) };
}

function values(from: number, to: number): readonly object[] {
  return Array.from({ length: to - from }, (_, n) => ({ value: `p${from + n}` }));
}
