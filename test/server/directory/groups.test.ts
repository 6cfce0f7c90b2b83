import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Directory } from '#directory/directory.ts';
import { createGroup, deleteGroup, patchGroup, replaceGroup } from '#directory/groups.ts';
import type { Precondition } from '#directory/precondition.ts';
import { entityTag } from '#scim/render.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import {
  addGroup,
  addPeople,
  addPerson,
  assertSound,
  attributesOf,
  CALLER,
  eventsOf,
  group,
  groupsOf,
  membersOf,
  type NewDirectory,
  onEachStore,
  operations,
  plain,
  readGroup,
  readUser,
  refusal,
} from '../../support/directory.ts';

onEachStore('groups', (newDirectory) => {
  creation(newDirectory);
  replacement(newDirectory);
  patching(newDirectory);
  noChanges(newDirectory);
  preconditions(newDirectory);
  races(newDirectory);
});

function creation(newDirectory: NewDirectory): void {
  test('a created group is at version 1, with its members in order', async () => {
    const directory = newDirectory();
    const [a = '', b = '', c = ''] = await addPeople(directory, 3);
    const document = group('Analysts', { externalId: 'g-1' });
    const { view } = await createGroup(directory, CALLER, document, [c, a, b]);
    assert.match(view.id, /^[a-z2-7]{26}$/);
    assert.equal(view.version, 1);
    const stored = await readGroup(directory, view.id);
    assert.deepEqual(attributesOf(stored), plain({ ...document, id: view.id }));
    assert.deepEqual(stored.members?.ids, [c, a, b]);
    assert.deepEqual(await groupsOf(directory, b), [view.id]);
    await assertSound(directory);
  });

  test('a displayName belongs to one group, in any letter case', async () => {
    const directory = newDirectory();
    const id = await addGroup(directory, 'Analysts');
    const { message } = await refusal('uniqueness', addGroup(directory, 'ANALYSTS'));
    assert.match(message, new RegExp(`${id}.*Rename`));
    assert.equal((await directory.store.counts()).groups, 1);
    await deleteGroup(directory, CALLER, id, undefined);
    await addGroup(directory, 'ANALYSTS');
    await assertSound(directory);
  });

  test('20 creates of one displayName at once: one is done', async () => {
    const directory = newDirectory();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => addGroup(directory, 'Analysts')),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    await assertSound(directory);
  });
}

function replacement(newDirectory: NewDirectory): void {
  test('PUT replaces attributes and members', async () => {
    const directory = newDirectory();
    const [a = '', b = '', c = ''] = await addPeople(directory, 3);
    const id = await addGroup(directory, 'Analysts', [a, b]);
    const put = group('Engineers', { externalId: 'g-1' });
    const { view } = await replaceGroup(directory, CALLER, id, put, [b, c], undefined);
    assert.equal(view.version, 2);
    const stored = await readGroup(directory, id);
    assert.deepEqual(attributesOf(stored), plain({ ...put, id }));
    assert.deepEqual(stored.members?.ids, [b, c]);
    const { groups } = await readUser(directory, b);
    assert.deepEqual(groups, [{ id, label: 'Engineers' }]);
    assert.deepEqual(await groupsOf(directory, a), []);
    await assertSound(directory);
  });

  test('PUT without members empties the group', async () => {
    const directory = newDirectory();
    const id = await addGroup(directory, 'Analysts', await addPeople(directory, 3));
    await replaceGroup(directory, CALLER, id, group('Analysts'), [], undefined);
    assert.deepEqual(await membersOf(directory, id), []);
    await assertSound(directory);
  });

  test('a displayName that another has is refused, members and all', async () => {
    const directory = newDirectory();
    const [a = '', b = ''] = await addPeople(directory, 2);
    await addGroup(directory, 'Engineers');
    const id = await addGroup(directory, 'Analysts', [a]);
    const put = replaceGroup(directory, CALLER, id, group('engineers'), [b], undefined);
    await refusal('uniqueness', put);
    assert.deepEqual(await membersOf(directory, id), [a]);
    assert.equal((await readGroup(directory, id)).version, 1);
    await assertSound(directory);
  });

  test('no group there: 404', async () => {
    const put = replaceGroup(newDirectory(), CALLER, 'none', group('A'), [], undefined);
    await refusal('notFound', put);
  });
}

function patching(newDirectory: NewDirectory): void {
  test('name and members change in one step', async () => {
    const directory = newDirectory();
    const [a = '', b = '', c = ''] = await addPeople(directory, 3);
    const id = await addGroup(directory, 'Analysts', [a, b]);
    await patch(
      directory,
      id,
      { op: 'replace', path: 'displayName', value: 'Engineers' },
      { op: 'add', path: 'members', value: [{ value: c }] },
      { op: 'remove', path: `members[value eq "${a}"]` },
    );
    const stored = await readGroup(directory, id);
    assert.deepEqual([stored.version, stored.members?.ids], [2, [b, c]]);
    assert.equal(attributesOf(stored)['displayName'], 'Engineers');
    assert.equal((await eventsOf(directory)).length, 2);
    await assertSound(directory);
  });

  test('a displayName that another has is refused, members and all', async () => {
    const directory = newDirectory();
    const [a = ''] = await addPeople(directory, 1);
    await addGroup(directory, 'Engineers');
    const id = await addGroup(directory, 'Analysts');
    const rename = { op: 'replace', path: 'displayName', value: 'ENGINEERS' };
    const add = { op: 'add', path: 'members', value: [{ value: a }] };
    await refusal('uniqueness', patch(directory, id, add, rename));
    assert.deepEqual(await membersOf(directory, id), []);
    await assertSound(directory);
  });

  for (const [title, operation] of [
    ['an attribute', { op: 'replace', path: 'displayName', value: 'A' }],
    ['members', { op: 'add', path: 'members', value: [{ value: 'p0' }] }],
    ['no members at all', { op: 'add', path: 'members', value: [] }],
    ['members by a search', { op: 'remove', path: 'members[value sw "p"]' }],
    ['all members', { op: 'remove', path: 'members' }],
    ['nothing that is known', { op: 'replace', value: { favouriteColour: 'green' } }],
  ] as const) {
    test(`no group there, PATCH of ${title}: 404, and no event`, async () => {
      const directory = newDirectory();
      await addPeople(directory, 1);
      await refusal('notFound', patch(directory, 'none', operation));
      assert.deepEqual(await eventsOf(directory), []);
    });
  }

  test('DELETE of a group leaves its members, without it', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, { userName: 'ada' });
    const groupId = await addGroup(directory, 'Analysts', [id]);
    await deleteGroup(directory, CALLER, groupId, undefined);
    assert.deepEqual(await groupsOf(directory, id), []);
    await refusal('notFound', deleteGroup(directory, CALLER, groupId, undefined));
    await assertSound(directory);
  });
}

function noChanges(newDirectory: NewDirectory): void {
  const rows: readonly (readonly [
    string,
    (directory: Directory, id: string) => Promise<unknown>,
  ])[] = [
    [
      'PUT of the same',
      (directory, id) =>
        replaceGroup(directory, CALLER, id, group('Analysts'), ['p0', 'p1'], undefined),
    ],
    [
      'PUT of the same with the members in another order',
      (directory, id) =>
        replaceGroup(directory, CALLER, id, group('Analysts'), ['p1', 'p0'], undefined),
    ],
    [
      'add of members that are there',
      (directory, id) =>
        patch(directory, id, { op: 'add', path: 'members', value: [{ value: 'p0' }] }),
    ],
    [
      'remove of a member that is not there',
      (directory, id) => patch(directory, id, { op: 'remove', path: 'members[value eq "p2"]' }),
    ],
    [
      'a search that matches nobody',
      (directory, id) => patch(directory, id, { op: 'remove', path: 'members[value sw "x"]' }),
    ],
    [
      'add and remove of the same',
      (directory, id) =>
        patch(
          directory,
          id,
          { op: 'add', path: 'members', value: [{ value: 'p2' }] },
          { op: 'remove', path: 'members[value eq "p2"]' },
        ),
    ],
    [
      'replace by the same',
      (directory, id) =>
        patch(directory, id, {
          op: 'replace',
          path: 'members',
          value: [{ value: 'p0' }, { value: 'p1' }],
        }),
    ],
    [
      'add of nobody',
      (directory, id) => patch(directory, id, { op: 'add', path: 'members', value: [] }),
    ],
    [
      'an attribute that is not known',
      (directory, id) =>
        patch(directory, id, { op: 'replace', value: { favouriteColour: 'green' } }),
    ],
    [
      'add of somebody who does not exist',
      (directory, id) =>
        patch(directory, id, { op: 'add', path: 'members', value: [{ value: 'x' }] }),
    ],
    [
      'the same name with members that are there',
      (directory, id) =>
        patch(
          directory,
          id,
          { op: 'replace', path: 'displayName', value: 'Analysts' },
          { op: 'add', path: 'members', value: [{ value: 'p1' }] },
        ),
    ],
  ];
  for (const [title, write] of rows) {
    test(`${title} moves nothing`, async () => {
      const directory = newDirectory();
      await addPeople(directory, 3);
      const id = await addGroup(directory, 'Analysts', ['p0', 'p1']);
      const before = await readGroup(directory, id);
      await new Promise((resolve) => setTimeout(resolve, 2));
      await write(directory, id);
      assert.deepEqual(await readGroup(directory, id), before);
      assert.equal((await eventsOf(directory)).length, 1);
      await assertSound(directory);
    });
  }
}

function preconditions(newDirectory: NewDirectory): void {
  const add = { op: 'add', path: 'members', value: [{ value: 'p0' }] };
  const writes: Readonly<
    Record<string, (directory: Directory, id: string, given: Precondition) => Promise<unknown>>
  > = {
    PUT: (directory, id, given) => replaceGroup(directory, CALLER, id, group('B'), [], given),
    'PATCH of members': (directory, id, given) =>
      patchGroup(directory, CALLER, id, operations(GROUP, add), given),
    DELETE: (directory, id, given) => deleteGroup(directory, CALLER, id, given),
  };
  for (const [title, write] of Object.entries(writes)) {
    test(`If-Match guards ${title}`, async () => {
      const directory = newDirectory();
      await addPeople(directory, 2);
      const id = await addGroup(directory, 'A', ['p1']);
      await refusal('preconditionFailed', write(directory, id, [entityTag(2)]));
      assert.equal((await readGroup(directory, id)).version, 1);
      await write(directory, id, [entityTag(1)]);
      const [record] = await directory.store.get('groups', [id]);
      assert.ok(record === undefined || record.version === 2);
      await assertSound(directory);
    });
  }

  test('members count: a list that changed moves the version that If-Match names', async () => {
    const directory = newDirectory();
    await addPeople(directory, 2);
    const id = await addGroup(directory, 'A');
    await patch(directory, id, add);
    const rename = operations(GROUP, { op: 'replace', path: 'displayName', value: 'B' });
    await refusal('preconditionFailed', patchGroup(directory, CALLER, id, rename, [entityTag(1)]));
  });
}

function races(newDirectory: NewDirectory): void {
  test('20 PATCHes of one group at once lose nothing', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 20);
    const id = await addGroup(directory, 'Analysts');
    await Promise.all(
      people.map((value, n) => {
        const add = { op: 'add', path: 'members', value: [{ value }] };
        // Every second one reads the group first, since it changes more than members.
        const rename = { op: 'replace', path: 'displayName', value: `Analysts ${n}` };
        return n % 2 === 0 ? patch(directory, id, add) : patch(directory, id, add, rename);
      }),
    );
    assert.deepEqual((await membersOf(directory, id)).toSorted(), people.toSorted());
    assert.equal((await readGroup(directory, id)).version, 21);
    assert.equal((await eventsOf(directory)).length, 21);
    await assertSound(directory);
  });

  test('additions, removals and deletions of people at once leave what they should', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, 30);
    const id = await addGroup(directory, 'Analysts', people.slice(0, 20));
    await Promise.all([
      ...people
        .slice(20)
        .map((value) => patch(directory, id, { op: 'add', path: 'members', value: [{ value }] })),
      ...people
        .slice(0, 5)
        .map((value) =>
          patch(directory, id, { op: 'remove', path: `members[value eq "${value}"]` }),
        ),
      patch(directory, id, { op: 'remove', path: 'members[value ew "7"]' }),
      patch(directory, id, { op: 'replace', path: 'displayName', value: 'Engineers' }),
    ]);
    const left = people.slice(5).filter((each) => !['p7', 'p17'].includes(each));
    const found = (await membersOf(directory, id)).filter((each) => each !== 'p27');
    assert.deepEqual(found.toSorted(), left.filter((each) => each !== 'p27').toSorted());
    await assertSound(directory);
  });
}

function patch(directory: Directory, id: string, ...list: readonly object[]) {
  return patchGroup(directory, CALLER, id, operations(GROUP, ...list), undefined);
}
