import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Directory } from '#directory/directory.ts';
import { createUser, deleteUser, patchUser, replaceUser } from '#directory/users.ts';
import { entityTag } from '#scim/render.ts';
import { USER } from '#scim/schema/resource-types.ts';
import {
  addGroup,
  addPerson,
  assertSound,
  attributesOf,
  CALLER,
  documentOf,
  eventsOf,
  membersOf,
  type NewDirectory,
  onEachStore,
  operations,
  person,
  plain,
  readGroup,
  readUser,
  refusal,
} from '../../support/directory.ts';

const ADA = {
  userName: 'Ada@example.com',
  name: { givenName: 'Ada', familyName: 'King' },
  emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
};

onEachStore('people', (newDirectory) => {
  creation(newDirectory);
  replacement(newDirectory);
  patching(newDirectory);
  deletion(newDirectory);
  noChanges(newDirectory);
  races(newDirectory);
  indexes(newDirectory);
});

function creation(newDirectory: NewDirectory): void {
  test('a created person is active, at version 1, and there to be read', async () => {
    const directory = newDirectory();
    const { view, changed } = await createUser(directory, CALLER, person(ADA));
    assert.ok(changed);
    assert.match(view.id, /^[A-Z2-7]{26}$/);
    assert.equal(view.version, 1);
    assert.equal(view.createdMs, view.modifiedMs);
    const stored = await readUser(directory, view.id);
    assert.deepEqual(attributesOf(stored), { ...attributesOf(view) });
    assert.deepEqual(attributesOf(stored), plain({ ...person(ADA), id: view.id, active: true }));
    await assertSound(directory);
  });

  test('active: false is kept', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, { ...ADA, active: false });
    assert.equal(attributesOf(await readUser(directory, id))['active'], false);
  });

  test('20 creates of one userName at once: one is done, the others are refused', async () => {
    const directory = newDirectory();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => createUser(directory, CALLER, person(ADA))),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        await refusal('uniqueness', Promise.reject(outcome.reason));
      }
    }
    assert.equal((await directory.store.counts()).users, 1);
    await assertSound(directory);
  });
}

function replacement(newDirectory: NewDirectory): void {
  test('PUT drops what it leaves out', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, { ...ADA, title: 'Countess' });
    const put = person({ userName: 'ada', nickName: 'A' });
    const result = await replaceUser(directory, CALLER, id, put, undefined);
    assert.equal(result.view.version, 2);
    assert.deepEqual(documentOf(result), plain({ ...put, id, active: true }));
    assert.deepEqual(attributesOf(await readUser(directory, id)), documentOf(result));
    await assertSound(directory);
  });

  for (const active of [true, false]) {
    test(`PUT without active keeps active: ${active}`, async () => {
      const directory = newDirectory();
      const id = await addPerson(directory, { ...ADA, active });
      const put = person({ ...ADA, title: 'Countess' });
      const result = await replaceUser(directory, CALLER, id, put, undefined);
      assert.equal(documentOf(result)['active'], active);
    });
  }

  test('PUT with active changes it', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const put = person({ ...ADA, active: false });
    const result = await replaceUser(directory, CALLER, id, put, undefined);
    assert.equal(documentOf(result)['active'], false);
  });

  test('PUT answers with the groups that the person is in', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const groupId = await addGroup(directory, 'Analysts', [id]);
    const put = person({ ...ADA, title: 'Countess' });
    const { view } = await replaceUser(directory, CALLER, id, put, undefined);
    assert.deepEqual(view.groups, [{ id: groupId, label: 'Analysts' }]);
  });

  test('a userName that another has is refused, and nothing has changed', async () => {
    const directory = newDirectory();
    const other = await addPerson(directory, { userName: 'grace' });
    const id = await addPerson(directory, ADA);
    const put = person({ ...ADA, userName: 'GRACE', title: 'Countess' });
    const { message } = await refusal(
      'uniqueness',
      replaceUser(directory, CALLER, id, put, undefined),
    );
    assert.ok(message.includes(other), message);
    assert.equal((await readUser(directory, id)).version, 1);
  });

  test('a userName may change in letter case alone', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const put = person({ ...ADA, userName: 'ADA@EXAMPLE.COM' });
    const result = await replaceUser(directory, CALLER, id, put, undefined);
    assert.equal(documentOf(result)['userName'], 'ADA@EXAMPLE.COM');
    await assertSound(directory);
  });

  test('nobody there: 404', async () => {
    const directory = newDirectory();
    const work = replaceUser(directory, CALLER, 'NOBODY', person(ADA), undefined);
    await refusal('notFound', work);
  });
}

function patching(newDirectory: NewDirectory): void {
  test('PATCH changes what it names', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const result = await patch(directory, id, { op: 'replace', path: 'active', value: false });
    assert.deepEqual([result.view.version, result.changed], [2, true]);
    assert.deepEqual(documentOf(result), plain({ ...person(ADA), id, active: false }));
  });

  test('a userName that another has is refused', async () => {
    const directory = newDirectory();
    await addPerson(directory, { userName: 'grace' });
    const id = await addPerson(directory, ADA);
    const rename = { op: 'replace', path: 'userName', value: 'Grace' };
    await refusal('uniqueness', patch(directory, id, rename));
    await assertSound(directory);
  });

  test('one operation that fails: none is applied', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const good = { op: 'replace', path: 'title', value: 'Countess' };
    const bad = {
      op: 'replace',
      path: 'emails[type eq "home" and value co "x"].value',
      value: 'a',
    };
    await refusal('noTarget', patch(directory, id, good, bad));
    assert.equal((await readUser(directory, id)).version, 1);
  });

  test('nobody there: 404', async () => {
    const title = { op: 'replace', path: 'title', value: 'Countess' };
    await refusal('notFound', patch(newDirectory(), 'NOBODY', title));
  });
}

function deletion(newDirectory: NewDirectory): void {
  test('DELETE ends memberships, and each group gets a new version', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const other = await addPerson(directory, { userName: 'grace' });
    const groupId = await addGroup(directory, 'Analysts', [id, other]);
    const untouched = await addGroup(directory, 'Others', [other]);
    await deleteUser(directory, CALLER, id, undefined);
    assert.deepEqual(await membersOf(directory, groupId), [other]);
    assert.equal((await readGroup(directory, groupId)).version, 2);
    assert.equal((await readGroup(directory, untouched)).version, 1);
    assert.deepEqual(await directory.store.get('users', [id]), [undefined]);
    await assertSound(directory);
  });

  test('a second DELETE is 404', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    await deleteUser(directory, CALLER, id, undefined);
    await refusal('notFound', deleteUser(directory, CALLER, id, undefined));
  });

  test('the tombstone holds no name in clear', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, { ...ADA, externalId: 'e-1' });
    await deleteUser(directory, CALLER, id, undefined);
    const [tombstone] = await directory.store.get('tombstones', [id]);
    assert.deepEqual(Object.keys(attributesOf(tombstone ?? { body: '{}' })), [
      'version',
      'userNameHash',
      'externalId',
    ]);
    assert.doesNotMatch(tombstone?.body ?? '', /ada/i);
  });
}

function noChanges(newDirectory: NewDirectory): void {
  const rows: readonly (readonly [
    string,
    (directory: Directory, id: string) => Promise<unknown>,
  ])[] = [
    ['PUT of the same', (directory, id) => put(directory, id, { ...ADA, active: true })],
    ['PUT of the same without active', (directory, id) => put(directory, id, ADA)],
    [
      'PUT of the same with its keys in another order',
      (directory, id) => put(directory, id, Object.fromEntries(Object.entries(ADA).reverse())),
    ],
    [
      'PATCH replace with the same value',
      (directory, id) => patch(directory, id, { op: 'replace', path: 'active', value: true }),
    ],
    [
      'PATCH remove of what is not there',
      (directory, id) => patch(directory, id, { op: 'remove', path: 'title' }),
    ],
    [
      'PATCH that changes there and back',
      (directory, id) =>
        patch(
          directory,
          id,
          { op: 'remove', path: 'name' },
          { op: 'add', path: 'name', value: { familyName: 'King', givenName: 'Ada' } },
        ),
    ],
    [
      'PATCH add of an element that is there',
      (directory, id) => patch(directory, id, { op: 'add', path: 'emails', value: ADA.emails }),
    ],
  ];
  for (const [title, write] of rows) {
    for (const active of [true, undefined]) {
      const created = active === undefined ? 'without active' : 'with active';
      test(`${title} moves nothing (created ${created})`, async () => {
        const directory = newDirectory();
        const id = await addPerson(directory, active === undefined ? ADA : { ...ADA, active });
        const before = await readUser(directory, id);
        await new Promise((resolve) => setTimeout(resolve, 2));
        await write(directory, id);
        assert.deepEqual(await readUser(directory, id), before);
        assert.equal((await eventsOf(directory)).length, 1);
      });
    }
  }
}

function races(newDirectory: NewDirectory): void {
  test('20 PATCHes of one person at once lose nothing', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const addresses = Array.from({ length: 20 }, (_, n) => `ada${n}@example.com`);
    await Promise.all(
      addresses.map((value) =>
        patch(directory, id, { op: 'add', path: 'emails', value: [{ value }] }),
      ),
    );
    const stored = await readUser(directory, id);
    const emails = attributesOf(stored)['emails'];
    assert.ok(Array.isArray(emails));
    const values = emails.map(({ value }) => value).toSorted();
    assert.deepEqual(values, ['ada@example.com', ...addresses].toSorted());
    assert.equal(stored.version, 21);
    assert.equal((await eventsOf(directory)).length, 21);
    await assertSound(directory);
  });

  const rows: readonly (readonly [string, readonly string[], boolean])[] = [
    ['the version that is there', [entityTag(1)], true],
    ['any', ['*'], true],
    ['one of several', [entityTag(7), entityTag(1)], true],
    ['another version', [entityTag(2)], false],
  ];
  for (const [title, precondition, isMet] of rows) {
    for (const kind of ['replace', 'patch', 'delete'] as const) {
      test(`If-Match names ${title}: ${kind} is ${isMet ? 'done' : 'refused'}`, async () => {
        const directory = newDirectory();
        const id = await addPerson(directory, ADA);
        const title = { op: 'replace', path: 'title', value: 'Countess' };
        const works = {
          replace: () =>
            replaceUser(directory, CALLER, id, person({ userName: 'a' }), precondition),
          patch: () => patchUser(directory, CALLER, id, operations(USER, title), precondition),
          delete: () => deleteUser(directory, CALLER, id, precondition),
        };
        if (isMet) {
          await works[kind]();
          const [record] = await directory.store.get('users', [id]);
          assert.notEqual(record?.version, 1);
        } else {
          await refusal('preconditionFailed', works[kind]());
          assert.equal((await readUser(directory, id)).version, 1);
        }
      });
    }
  }

  test('of 10 PATCHes with the same If-Match one is done', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => {
        const title = operations(USER, { op: 'replace', path: 'title', value: `t${n}` });
        return patchUser(directory, CALLER, id, title, [entityTag(1)]);
      }),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await readUser(directory, id)).version, 2);
  });
}

function indexes(newDirectory: NewDirectory): void {
  const steps: readonly (readonly [string, object])[] = [
    ['userName', { op: 'replace', path: 'userName', value: 'ada.king@example.com' }],
    ['displayName set', { op: 'add', path: 'displayName', value: 'Ada King' }],
    ['displayName removed', { op: 'remove', path: 'displayName' }],
    ['externalId set', { op: 'add', path: 'externalId', value: 'E-1' }],
    ['externalId changed', { op: 'replace', path: 'externalId', value: 'e-1' }],
    ['externalId removed', { op: 'remove', path: 'externalId' }],
    [
      'a second address',
      { op: 'add', path: 'emails', value: [{ value: 'A@x.org', type: 'home' }] },
    ],
    [
      'the same address again, of another type',
      { op: 'add', path: 'emails', value: [{ value: 'a@X.org', type: 'other' }] },
    ],
    ['one of the two removed', { op: 'remove', path: 'emails[type eq "other"]' }],
    [
      'an address changed',
      { op: 'replace', path: 'emails[type eq "home"].value', value: 'b@x.org' },
    ],
    ['all addresses removed', { op: 'remove', path: 'emails' }],
  ];

  test('index entries follow each change', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, ADA);
    for (const [n, [title, operation]] of steps.entries()) {
      const { changed } = await patch(directory, id, operation);
      assert.ok(changed, title);
      await assertSound(directory);
      assert.equal((await readUser(directory, id)).version, n + 2, title);
    }
    const found = await directory.store.query({
      collection: 'users',
      range: { by: 'index', index: 'userName', equals: 'ada.king@example.com' },
      limit: 5,
    });
    assert.deepEqual(
      found.records.map((record) => record.id),
      [id],
    );
    await deleteUser(directory, CALLER, id, undefined);
    await assertSound(directory);
  });
}

function put(directory: Directory, id: string, attributes: object) {
  return replaceUser(directory, CALLER, id, person(attributes), undefined);
}

function patch(directory: Directory, id: string, ...list: readonly object[]) {
  return patchUser(directory, CALLER, id, operations(USER, ...list), undefined);
}
