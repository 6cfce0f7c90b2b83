import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Directory, WriteResult } from '#directory/directory.ts';
import { createUser, deleteUser, patchUser } from '#directory/users.ts';
import { USER } from '#scim/schema/resource-types.ts';
import {
  addGroup,
  addPerson,
  assertSound,
  attributesOf,
  CALLER,
  documentOf,
  eventsOf,
  groupsOf,
  membersOf,
  onEachStore,
  operations,
  person,
  plain,
  readUser,
  refusal,
} from '../../support/directory.ts';

/** Who was there before the POST, and how they left. */
interface Known {
  readonly userName: string;
  readonly externalId?: string;
  readonly state: 'active' | 'inactive' | 'deleted';
}

interface Row {
  readonly title: string;
  readonly known: readonly Known[];
  readonly posted: { readonly userName: string; readonly externalId?: string };
  /** The place in `known` of who comes back, a new person, or a refusal. */
  readonly becomes: number | 'new' | 'refused';
}

const ADA = { userName: 'ada' };

// DELETE leaves a tombstone; whoever is `inactive` or `deleted` may come back (RFC 7644 §3.3).
const ROWS: readonly Row[] = [
  {
    title: 'inactive, neither has an externalId',
    known: [{ ...ADA, state: 'inactive' }],
    posted: ADA,
    becomes: 0,
  },
  {
    title: 'inactive, the same name in other letter case',
    known: [{ ...ADA, state: 'inactive' }],
    posted: { userName: 'ADA' },
    becomes: 0,
  },
  {
    title: 'inactive, equal externalIds',
    known: [{ ...ADA, externalId: 'e-1', state: 'inactive' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 0,
  },
  {
    title: 'inactive, externalId only known',
    known: [{ ...ADA, externalId: 'e-1', state: 'inactive' }],
    posted: ADA,
    becomes: 0,
  },
  {
    title: 'inactive, externalId only posted',
    known: [{ ...ADA, state: 'inactive' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 0,
  },
  {
    title: 'inactive, different externalIds',
    known: [{ ...ADA, externalId: 'e-1', state: 'inactive' }],
    posted: { ...ADA, externalId: 'e-2' },
    becomes: 'refused',
  },
  {
    title: 'inactive, externalIds that differ in letter case',
    known: [{ ...ADA, externalId: 'e-1', state: 'inactive' }],
    posted: { ...ADA, externalId: 'E-1' },
    becomes: 'refused',
  },
  {
    title: 'inactive, equal externalIds under another name',
    known: [{ userName: 'ada.byron', externalId: 'e-1', state: 'inactive' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 0,
  },
  {
    title: 'active, neither has an externalId',
    known: [{ ...ADA, state: 'active' }],
    posted: ADA,
    becomes: 'refused',
  },
  {
    title: 'active, equal externalIds',
    known: [{ ...ADA, externalId: 'e-1', state: 'active' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 'refused',
  },
  {
    title: 'active, equal externalIds under another name',
    known: [{ userName: 'ada.byron', externalId: 'e-1', state: 'active' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 'refused',
  },
  {
    title: 'deleted, neither has an externalId',
    known: [{ ...ADA, state: 'deleted' }],
    posted: ADA,
    becomes: 0,
  },
  {
    title: 'deleted, equal externalIds',
    known: [{ ...ADA, externalId: 'e-1', state: 'deleted' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 0,
  },
  {
    title: 'deleted, externalId only known',
    known: [{ ...ADA, externalId: 'e-1', state: 'deleted' }],
    posted: ADA,
    becomes: 0,
  },
  {
    title: 'deleted, externalId only posted',
    known: [{ ...ADA, state: 'deleted' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 0,
  },
  {
    title: 'deleted, different externalIds: somebody else',
    known: [{ ...ADA, externalId: 'e-1', state: 'deleted' }],
    posted: { ...ADA, externalId: 'e-2' },
    becomes: 'new',
  },
  {
    title: 'deleted, equal externalIds under another name',
    known: [{ userName: 'ada.byron', externalId: 'e-1', state: 'deleted' }],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 0,
  },
  {
    title: 'inactive by name, but another active person has the externalId',
    known: [
      { ...ADA, state: 'inactive' },
      { userName: 'grace', externalId: 'e-1', state: 'active' },
    ],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 'refused',
  },
  {
    title: 'deleted by name, but another active person has the externalId',
    known: [
      { ...ADA, state: 'deleted' },
      { userName: 'grace', externalId: 'e-1', state: 'active' },
    ],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 'refused',
  },
  {
    title: 'deleted by externalId, but another active person has the name',
    known: [
      { userName: 'ada.byron', externalId: 'e-1', state: 'deleted' },
      { ...ADA, state: 'active' },
    ],
    posted: { ...ADA, externalId: 'e-1' },
    becomes: 'refused',
  },
  {
    title: 'one deleted with another externalId, one inactive with the same name',
    known: [
      { ...ADA, externalId: 'e-1', state: 'deleted' },
      { ...ADA, externalId: 'e-2', state: 'inactive' },
    ],
    posted: { ...ADA, externalId: 'e-2' },
    becomes: 1,
  },
  {
    title: 'two deleted, one by name with another externalId, one by externalId',
    known: [
      { userName: 'ada.byron', externalId: 'e-2', state: 'deleted' },
      { ...ADA, externalId: 'e-1', state: 'deleted' },
    ],
    posted: { ...ADA, externalId: 'e-2' },
    becomes: 0,
  },
];

onEachStore('POST on an existing person', (newDirectory) => {
  suite('rows', () => {
    for (const row of ROWS) test(row.title, () => playRow(newDirectory(), row));
  });

  test('who comes back after DELETE has the old id, and the version goes on', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, { ...ADA, title: 'Countess' });
    await patch(directory, id, { op: 'replace', path: 'title', value: 'Analyst' });
    await deleteUser(directory, CALLER, id, undefined);
    const { view } = await createUser(directory, CALLER, person({ ...ADA, nickName: 'A' }));
    assert.deepEqual([view.id, view.version], [id, 3]);
    assert.deepEqual(
      attributesOf(view),
      plain({ ...person({ ...ADA, nickName: 'A' }), id, active: true }),
    );
    assert.deepEqual(await directory.store.get('tombstones', [id]), [undefined]);
    await deleteUser(directory, CALLER, id, undefined);
    assert.equal((await createUser(directory, CALLER, person(ADA))).view.version, 4);
    await assertSound(directory);
  });

  test('who comes back without externalId keeps the one that was known', async () => {
    for (const leave of [deactivate, remove]) {
      const directory = newDirectory();
      const id = await addPerson(directory, { ...ADA, externalId: 'e-1' });
      await leave(directory, id);
      const result = await createUser(directory, CALLER, person(ADA));
      assert.equal(documentOf(result)['externalId'], 'e-1');
      assert.equal(attributesOf(await readUser(directory, id))['externalId'], 'e-1');
      await assertSound(directory);
    }
  });

  test('who was inactive keeps its groups; who was deleted has none', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const groupId = await addGroup(directory, 'Analysts', [id]);
    await deactivate(directory, id);
    const { view } = await createUser(directory, CALLER, person(ADA));
    assert.deepEqual(view.groups, [{ id: groupId, label: 'Analysts' }]);
    assert.deepEqual(await groupsOf(directory, id), [groupId]);
    await remove(directory, id);
    const back = await createUser(directory, CALLER, person(ADA));
    assert.deepEqual(back.view.groups, []);
    assert.deepEqual(await membersOf(directory, groupId), []);
  });

  test('a POST with active: false brings back an inactive person', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    await deactivate(directory, id);
    const posted = person({ ...ADA, active: false, title: 'Countess' });
    const result = await createUser(directory, CALLER, posted);
    assert.deepEqual([result.view.id, documentOf(result)['active']], [id, false]);
    assert.equal(documentOf(result)['title'], 'Countess');
  });

  test('an old name is free after a rename', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    await patch(directory, id, { op: 'replace', path: 'userName', value: 'ada.king' });
    await deleteUser(directory, CALLER, id, undefined);
    const { view } = await createUser(directory, CALLER, person(ADA));
    assert.notEqual(view.id, id);
  });

  test('the refusal says who holds it and what to do', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, { ...ADA, externalId: 'e-1' });
    const active = await refusal('uniqueness', createUser(directory, CALLER, person(ADA)));
    assert.match(active.message, new RegExp(`${id}.*identity provider`));
    await deactivate(directory, id);
    const other = createUser(directory, CALLER, person({ ...ADA, externalId: 'e-2' }));
    assert.match((await refusal('uniqueness', other)).message, new RegExp(`${id}.*externalId`));
    assert.equal((await readUser(directory, id)).version, 2);
  });

  test('10 POSTs of a leaver at once: one brings the person back', async () => {
    for (const leave of [deactivate, remove]) {
      const directory = newDirectory();
      const id = await addPerson(directory, ADA);
      await leave(directory, id);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, () => createUser(directory, CALLER, person(ADA))),
      );
      const done = outcomes.filter((each) => each.status === 'fulfilled');
      assert.deepEqual(
        done.map(({ value }) => value.view.id),
        [id],
      );
      for (const each of outcomes) {
        if (each.status === 'rejected') await refusal('uniqueness', Promise.reject(each.reason));
      }
      assert.equal((await directory.store.counts()).users, 1);
      await assertSound(directory);
    }
  });

  test('the event of who comes back says restore', async () => {
    for (const leave of [deactivate, remove]) {
      const directory = newDirectory();
      const id = await addPerson(directory, ADA);
      await leave(directory, id);
      await createUser(directory, CALLER, person(ADA));
      const event = (await eventsOf(directory)).at(-1);
      assert.deepEqual([event?.operation, event?.id, event?.result], ['restore', id, 'done']);
    }
  });
});

async function playRow(directory: Directory, { known, posted, becomes }: Row): Promise<void> {
  const ids: string[] = [];
  for (const { userName, externalId, state } of known) {
    const id = await addPerson(directory, { userName, ...(externalId && { externalId }) });
    if (state === 'inactive') await deactivate(directory, id);
    if (state === 'deleted') await remove(directory, id);
    ids.push(id);
  }
  const before = await stateOf(directory, ids);
  const work = createUser(directory, CALLER, person(posted));
  if (becomes === 'refused') {
    await refusal('uniqueness', work);
    assert.deepEqual(await stateOf(directory, ids), before);
  } else {
    await checkResult(directory, await work, ids, posted, becomes);
  }
  await assertSound(directory);
}

async function checkResult(
  directory: Directory,
  result: WriteResult,
  ids: readonly string[],
  posted: Row['posted'],
  becomes: number | 'new',
): Promise<void> {
  const { id } = result.view;
  if (becomes === 'new') assert.ok(!ids.includes(id));
  else assert.equal(id, ids[becomes]);
  const document = documentOf(result);
  assert.deepEqual([document['userName'], document['active']], [posted.userName, true]);
  if (posted.externalId !== undefined) assert.equal(document['externalId'], posted.externalId);
  const stored = await readUser(directory, id);
  assert.deepEqual([attributesOf(stored), stored.version], [document, result.view.version]);
  assert.deepEqual(await directory.store.get('tombstones', [id]), [undefined]);
  // The name is taken now.
  await refusal('uniqueness', createUser(directory, CALLER, person(posted)));
}

async function stateOf({ store }: Directory, ids: readonly string[]): Promise<unknown> {
  return [await store.get('users', ids), await store.get('tombstones', ids)];
}

async function deactivate(directory: Directory, id: string): Promise<void> {
  await patch(directory, id, { op: 'replace', path: 'active', value: false });
}

async function remove(directory: Directory, id: string): Promise<void> {
  await deleteUser(directory, CALLER, id, undefined);
}

async function patch(directory: Directory, id: string, operation: object): Promise<void> {
  await patchUser(directory, CALLER, id, operations(USER, operation), undefined);
}
