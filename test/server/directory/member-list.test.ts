import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { GROUP_MEMBERS_MAX } from '#directory/directory.ts';
import { patchGroup, replaceGroup } from '#directory/groups.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import {
  addGroup,
  addPeople,
  assertSound,
  assertUnlocked,
  attributesOf,
  CALLER,
  eventsOf,
  group,
  groupsOf,
  membersOf,
  type NewDirectory,
  onEachStore,
  operations,
  readGroup,
  refusal,
  sweepAll,
} from '../../support/directory.ts';

// More changes than one commit takes: the list is written beside the one that readers see.
onEachStore('long changes of members', (newDirectory) => {
  changes(newDirectory);
  suite('refused', () => refused(newDirectory));
});

function changes(newDirectory: NewDirectory): void {
  test('a group is created with more members than a commit takes', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 2_500);
    const id = await addGroup(directory, 'Everyone', [...people, 'x']);
    assert.deepEqual(await membersOf(directory, id), people);
    assert.deepEqual(await groupsOf(directory, 'p2499'), [id]);
    assert.equal((await readGroup(directory, id)).version, 1);
    const [event, ...more] = await eventsOf(directory);
    assert.deepEqual(more, []);
    assert.deepEqual(
      [event?.operation, event?.id, event?.attributes, event?.members],
      ['create', id, ['schemas', 'displayName'], { add: 2_500, remove: 0 }],
    );
    await assertSound(directory);
    await sweepAll(directory);
    assert.deepEqual(await membersOf(directory, id), people);
    await assertSound(directory);
  });

  const rows: readonly (readonly [
    string,
    number,
    readonly object[],
    readonly [number, number],
    number,
    number,
  ])[] = [
    [
      'add of 1,500',
      500,
      [{ op: 'add', path: 'members', value: values(400, 2_000) }],
      [0, 2_000],
      1_500,
      0,
    ],
    [
      'remove of 1,500',
      2_000,
      [{ op: 'remove', path: 'members', value: values(500, 2_000) }],
      [0, 500],
      0,
      1_500,
    ],
    ['removal of all', 2_000, [{ op: 'remove', path: 'members' }], [0, 0], 0, 2_000],
    [
      'removal by a search',
      2_000,
      [{ op: 'remove', path: 'members[value ne "p0"]' }],
      [0, 1],
      0,
      1_999,
    ],
    [
      'replacement',
      1_200,
      [{ op: 'replace', path: 'members', value: values(600, 1_800) }],
      [600, 1_800],
      600,
      600,
    ],
    [
      'replacement with a new name',
      1_200,
      [
        { op: 'replace', path: 'displayName', value: 'Engineers' },
        { op: 'replace', path: 'members', value: values(600, 1_800) },
      ],
      [600, 1_800],
      600,
      600,
    ],
  ];
  for (const [title, count, list, [from, to], add, remove] of rows) {
    test(title, async () => {
      const directory = newDirectory();
      const people = await addPeople(directory, 2_000);
      const id = await addGroup(directory, 'Analysts', people.slice(0, count));
      const { version } = await readGroup(directory, id);
      const before = await eventsOf(directory);
      await patchGroup(directory, CALLER, id, operations(GROUP, ...list), undefined);
      assert.deepEqual(await membersOf(directory, id), people.slice(from, to));
      assert.deepEqual(await groupsOf(directory, 'p1999'), to === 2_000 ? [id] : []);
      assert.equal((await readGroup(directory, id)).version, version + 1);
      const [event, ...more] = (await eventsOf(directory)).slice(before.length);
      assert.deepEqual([event?.operation, event?.members, more], ['patch', { add, remove }, []]);
      await sweepAll(directory);
      await assertSound(directory);
    });
  }

  test('a PUT of the same long list moves nothing', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 1_500);
    const id = await addGroup(directory, 'Everyone', people);
    const before = await readGroup(directory, id);
    await replaceGroup(directory, CALLER, id, group('Everyone'), people, undefined);
    assert.deepEqual(await readGroup(directory, id), before);
    assert.equal((await eventsOf(directory)).length, 1);
  });

  test('a change of members that is there already moves nothing', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 1_500);
    const id = await addGroup(directory, 'Everyone', people);
    const { version } = await readGroup(directory, id);
    const add = operations(GROUP, { op: 'add', path: 'members', value: values(0, 1_500) });
    await patchGroup(directory, CALLER, id, add, undefined);
    assert.equal((await readGroup(directory, id)).version, version);
    assert.equal((await eventsOf(directory)).length, 1);
  });
}

function refused(newDirectory: NewDirectory): void {
  test('unknown members refuse a long change, and nothing has changed', async () => {
    const directory = newDirectory({ onUnknownMembers: 'refuse' });
    const people = await addPeople(directory, 2_500);
    const id = await addGroup(directory, 'Everyone', ['p0']);
    const put = replaceGroup(directory, CALLER, id, group('All'), [...people, 'x'], undefined);
    assert.match((await refusal('invalidValue', put)).message, /No user has the id x\./);
    assert.deepEqual(await membersOf(directory, id), ['p0']);
    assert.equal(attributesOf(await readGroup(directory, id))['displayName'], 'Everyone');
    await assertUnlocked(directory, id);
  });

  test('a long creation that is refused leaves no group', async () => {
    const directory = newDirectory({ onUnknownMembers: 'refuse' });
    const people = await addPeople(directory, 2_500);
    await refusal('invalidValue', addGroup(directory, 'Everyone', [...people, 'x']));
    assert.equal((await directory.store.counts()).groups, 0);
    assert.deepEqual(await eventsOf(directory), []);
    await addGroup(directory, 'Everyone', people);
    await sweepAll(directory);
    await assertSound(directory);
  });

  test('a long creation under a name that is taken is refused', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 1_500);
    await addGroup(directory, 'Everyone');
    await refusal('uniqueness', addGroup(directory, 'EVERYONE', people));
    assert.equal((await directory.store.counts()).groups, 1);
    await sweepAll(directory);
    await assertSound(directory);
  });

  test('a long PUT under a name that is taken is refused', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 1_500);
    await addGroup(directory, 'Everyone');
    const id = await addGroup(directory, 'Analysts', ['p7']);
    const put = replaceGroup(directory, CALLER, id, group('everyone'), people, undefined);
    await refusal('uniqueness', put);
    assert.deepEqual(await membersOf(directory, id), ['p7']);
    await assertUnlocked(directory, id);
  });

  test('more members than a group can have are refused', async () => {
    const directory = newDirectory();
    await addPeople(directory, 1);
    const id = await addGroup(directory, 'Everyone', ['p0']);
    const many = Array.from({ length: GROUP_MEMBERS_MAX + 1 }, (_, n) => `x${n}`);
    const put = replaceGroup(directory, CALLER, id, group('All'), many, undefined);
    assert.match((await refusal('tooLarge', put)).message, /100000 members at most/);
    await refusal('tooLarge', addGroup(directory, 'Others', many));
    assert.equal((await directory.store.counts()).groups, 1);
    await assertUnlocked(directory, id);
  });
}

function values(from: number, to: number): readonly object[] {
  return Array.from({ length: to - from }, (_, n) => ({ value: `p${from + n}` }));
}
