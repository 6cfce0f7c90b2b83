import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Directory } from '#directory/directory.ts';
import type { EventFacts } from '#directory/event.ts';
import { createGroup, deleteGroup, patchGroup, replaceGroup } from '#directory/groups.ts';
import { createUser, deleteUser, patchUser, replaceUser } from '#directory/users.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import {
  addGroup,
  addPeople,
  addPerson,
  CALLER,
  eventsOf,
  group,
  onEachStore,
  operations,
  person,
  refusal,
} from '../../support/directory.ts';

const SECRETS = ['ada@secret.example', 'Countess of Secrets', 'secret-7', 'Secret Analysts'];
const ADA = { userName: SECRETS[0], title: SECRETS[1], externalId: SECRETS[2] };

/** A write, and what its event says besides who asked. */
interface Row {
  readonly title: string;
  run(directory: Directory): Promise<string>;
  readonly event: Omit<EventFacts, 'id'>;
}

const ROWS: readonly Row[] = [
  {
    title: 'POST of a person',
    run: async (directory) => (await createUser(directory, CALLER, person(ADA))).view.id,
    event: {
      operation: 'create',
      resourceType: 'User',
      attributes: ['schemas', 'externalId', 'userName', 'title'],
    },
  },
  {
    title: 'PUT of a person',
    run: async (directory) => {
      const id = await addPerson(directory, ADA);
      const put = person({ ...ADA, title: 'x', nickName: SECRETS[1] });
      await replaceUser(directory, CALLER, id, put, undefined);
      return id;
    },
    event: { operation: 'replace', resourceType: 'User', attributes: ['title', 'nickName'] },
  },
  {
    title: 'PATCH of a person',
    run: async (directory) => {
      const id = await addPerson(directory, ADA);
      const list = [
        { op: 'replace', path: 'active', value: false },
        { op: 'remove', path: 'title' },
        { op: 'add', path: 'userName', value: ADA.userName },
      ];
      await patchUser(directory, CALLER, id, operations(USER, ...list), undefined);
      return id;
    },
    event: { operation: 'patch', resourceType: 'User', attributes: ['title', 'active'] },
  },
  {
    title: 'DELETE of a person',
    run: async (directory) => {
      const id = await addPerson(directory, ADA);
      await deleteUser(directory, CALLER, id, undefined);
      return id;
    },
    event: { operation: 'delete', resourceType: 'User' },
  },
  {
    title: 'POST of a person who comes back',
    run: async (directory) => {
      const id = await addPerson(directory, ADA);
      await deleteUser(directory, CALLER, id, undefined);
      await createUser(directory, CALLER, person(ADA));
      return id;
    },
    event: {
      operation: 'restore',
      resourceType: 'User',
      attributes: ['schemas', 'externalId', 'userName', 'title'],
    },
  },
  {
    title: 'POST of a group',
    run: async (directory) => {
      const [a = '', b = ''] = await addPeople(directory, 2);
      const { view } = await createGroup(directory, CALLER, group('Secret Analysts'), [a, b]);
      return view.id;
    },
    event: {
      operation: 'create',
      resourceType: 'Group',
      attributes: ['schemas', 'displayName'],
      members: { add: 2, remove: 0 },
    },
  },
  {
    title: 'PUT of a group',
    run: async (directory) => {
      const [a = '', b = '', c = ''] = await addPeople(directory, 3);
      const id = await addGroup(directory, 'Secret Analysts', [a]);
      await replaceGroup(directory, CALLER, id, group('Others'), [b, c], undefined);
      return id;
    },
    event: {
      operation: 'replace',
      resourceType: 'Group',
      attributes: ['displayName'],
      members: { add: 2, remove: 1 },
    },
  },
  {
    title: 'PATCH of the members of a group',
    run: async (directory) => {
      const [a = '', b = '', c = ''] = await addPeople(directory, 3);
      const id = await addGroup(directory, 'Secret Analysts', [a]);
      const list = [
        { op: 'add', path: 'members', value: [{ value: b }, { value: c }] },
        { op: 'remove', path: `members[value eq "${a}"]` },
      ];
      await patchGroup(directory, CALLER, id, operations(GROUP, ...list), undefined);
      return id;
    },
    event: { operation: 'patch', resourceType: 'Group', members: { add: 2, remove: 1 } },
  },
  {
    title: 'PATCH of name and members of a group',
    run: async (directory) => {
      const [a = ''] = await addPeople(directory, 1);
      const id = await addGroup(directory, 'Secret Analysts', [a]);
      const list = [
        { op: 'replace', path: 'displayName', value: 'Others' },
        { op: 'remove', path: 'members' },
      ];
      await patchGroup(directory, CALLER, id, operations(GROUP, ...list), undefined);
      return id;
    },
    event: {
      operation: 'patch',
      resourceType: 'Group',
      attributes: ['displayName'],
      members: { add: 0, remove: 1 },
    },
  },
  {
    title: 'DELETE of a group',
    run: async (directory) => {
      const id = await addGroup(directory, 'Secret Analysts');
      await deleteGroup(directory, CALLER, id, undefined);
      return id;
    },
    event: { operation: 'delete', resourceType: 'Group' },
  },
];

onEachStore('events', (newDirectory) => {
  for (const { title, run, event } of ROWS) {
    test(title, async () => {
      const directory = newDirectory();
      const id = await run(directory);
      const events = await eventsOf(directory);
      const { requestId, kid, idp } = CALLER;
      assert.deepEqual(events.at(-1), { requestId, kid, idp, ...event, id, result: 'done' });
      const before = { create: 1, restore: 3, replace: 2, patch: 2, delete: 2 }[event.operation];
      assert.equal(events.length, before);
      const text = JSON.stringify(events);
      for (const secret of SECRETS) assert.ok(!text.includes(secret), secret);
    });
  }

  test('what is refused has no event of the directory', async () => {
    const directory = newDirectory();
    await addPerson(directory, ADA);
    await refusal('uniqueness', addPerson(directory, ADA));
    assert.equal((await eventsOf(directory)).length, 1);
  });

  test('they are in the order of the writes', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    for (const title of ['a', 'b', 'c']) {
      const list = operations(USER, { op: 'replace', path: 'title', value: title });
      await patchUser(directory, { ...CALLER, requestId: title }, id, list, undefined);
    }
    const ids = (await eventsOf(directory)).map(({ requestId }) => requestId);
    assert.deepEqual(ids, [CALLER.requestId, 'a', 'b', 'c']);
  });
});
