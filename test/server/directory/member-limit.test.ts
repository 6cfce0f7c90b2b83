import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GROUP_MEMBERS_MAX } from '#directory/directory.ts';
import { patchGroup, replaceGroup } from '#directory/groups.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import {
  addGroup,
  addPeople,
  CALLER,
  directoryOn,
  eventsOf,
  group,
  membersOf,
  openStore,
  operations,
  readGroup,
  refusal,
} from '../../support/directory.ts';

// On one store alone: that a store counts members is in its contract; here it is the number.
test('a group takes 100,000 members and not one more', async () => {
  const { backend, close } = await openStore('sqlite');
  try {
    const directory = directoryOn(backend.account('limit'));
    const people = await addPeople(directory, GROUP_MEMBERS_MAX + 2);
    assert.equal(GROUP_MEMBERS_MAX, 100_000);
    const most = people.slice(0, GROUP_MEMBERS_MAX);
    const id = await addGroup(directory, 'Everyone', most);
    const patch = (op: string, ...ids: readonly string[]) => {
      const value = ids.map((each) => ({ value: each }));
      const list = operations(GROUP, { op, path: 'members', value });
      return patchGroup(directory, CALLER, id, list, undefined);
    };
    const [before] = await directory.store.get('groups', [id]);
    const { message } = await refusal('tooLarge', patch('add', 'p100000'));
    assert.match(message, /100000 members at most/);
    const put = replaceGroup(directory, CALLER, id, group('All'), people.slice(1), undefined);
    await refusal('tooLarge', put);
    assert.deepEqual(await directory.store.get('groups', [id]), [before]);
    assert.equal((await eventsOf(directory)).length, 1);
    // Who is there already, or takes the place of another, is not one more.
    await patch('add', 'p0');
    await patch('remove', 'p0');
    await patch('add', 'p100000');
    assert.equal((await readGroup(directory, id)).version, 3);
    assert.deepEqual(await membersOf(directory, id), [...most.slice(1), 'p100000']);
  } finally {
    await close();
  }
});
