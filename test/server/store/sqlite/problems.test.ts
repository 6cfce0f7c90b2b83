import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import {
  collect,
  indexesOfTest,
  makeMemberships,
  temporaryFile,
} from '../../../support/sqlite-store.ts';

const MEMBERS = Array.from({ length: 300 }, (_, place) => `user-${place}`);

const DAMAGES = [
  {
    name: 'an index entry is gone',
    sql: `DELETE FROM entries WHERE value = 'user-7'`,
    says: [/users user-7 has no entry in the index userName/, /a count on level 1 says/],
  },
  {
    name: 'an entry of nobody',
    sql: `INSERT INTO entries SELECT list, 'zoe', 9999999 FROM lists WHERE name = 'userName'`,
    says: [/userName of users has an entry of a record that is not there/],
  },
  {
    name: 'an entry that its record does not name',
    sql: `UPDATE entries SET value = 'user-7b' WHERE value = 'user-7'`,
    says: [/user-7 has no entry/, /has an entry that user-7 does not name/],
  },
  {
    name: 'a record is gone',
    sql: `DELETE FROM records WHERE id = 'user-7'`,
    says: [
      /of users has an entry of a record that is not there/,
      /names a person who is not there/,
    ],
  },
  {
    name: 'a count on the first level is off',
    sql: 'UPDATE nodes SET width = width + 1 WHERE level = 1 AND sequence > 0',
    says: [/a count on level 1 says/],
  },
  {
    name: 'a count on the last level is off',
    sql: 'UPDATE nodes SET width = width - 1 WHERE level = 3',
    says: [/a count on level 3 says/],
  },
  {
    name: 'a count is gone',
    sql: 'DELETE FROM nodes WHERE level = 1 AND sequence > 0',
    says: [/a count on level 1 is absent/],
  },
  {
    name: 'the first counts are gone',
    sql: 'DELETE FROM nodes WHERE sequence = 0',
    says: [/the first count on level 2 is absent/],
  },
  {
    name: 'a count where no entry is',
    sql: `INSERT INTO nodes SELECT list, 2, 'x', 5, 0 FROM lists WHERE name = 'userName'`,
    says: [/stands where no entry is/],
  },
  {
    name: 'a membership is gone',
    sql: 'DELETE FROM memberships WHERE sequence = 5',
    says: [/Group group says 300 members, its list has 299/],
  },
  {
    name: 'a list without a group',
    sql: 'UPDATE memberships SET generation = 99 WHERE sequence = 5',
    says: [/is in a list that belongs to no group/],
  },
  {
    name: 'the modified order does not know a record',
    sql: `UPDATE records SET modified_ms = modified_ms + 1 WHERE id = 'user-7'`,
    says: [/user-7 has no entry in the index :modified/],
  },
  {
    name: 'a body is no JSON',
    sql: `UPDATE records SET body = '{' WHERE id = 'user-7'`,
    says: [/The body of users user-7 can not be read/],
  },
];

for (const { name, sql, says } of DAMAGES) {
  test(`problems() tells: ${name}`, async (t) => {
    const file = await seed(t);
    damage(file, sql);
    const found = await problemsOf(t, file);
    for (const pattern of says) {
      assert.ok(
        found.some((sentence) => pattern.test(sentence)),
        `${pattern} is not in\n${found.join('\n')}`,
      );
    }
  });
}

test('problems() tells nothing of a sound store, also with a draft and with garbage', async (t) => {
  const file = await seed(t);
  const backend = await openSqliteBackend({ file });
  const store = backend.account('account');
  const first = await store.openDraft('group', 60_000);
  assert.ok(typeof first === 'object');
  await store.extendDraft(first, MEMBERS.slice(100));
  await store.commit({ operationId: 'publish', publish: { draft: first } });
  const second = await store.openDraft('group', 60_000);
  assert.ok(typeof second === 'object');
  await store.extendDraft(second, MEMBERS.slice(0, 200));
  await store.commit({
    operationId: 'delete',
    writes: [
      {
        collection: 'users',
        id: 'user-150',
        expectedVersion: 1,
        body: undefined,
        added: [],
        removed: indexesOfTest('users', '{"userName":"user-150"}'),
      },
    ],
  });
  await backend.close();
  assert.deepEqual(await problemsOf(t, file), []);
});

test('problems() tells of pages that are not what SQLite wrote', async (t) => {
  const file = await seed(t);
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xff, bytes.length / 2));
  const found = await problemsOf(t, file);
  assert.match(found.at(-1) ?? '', /The database file is damaged: stop the bridge/);
});

test('problems() leaves the event loop free between short slices', async (t) => {
  const file = await seed(t);
  const backend = await openSqliteBackend({ file });
  t.after(() => backend.close());
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await collect(backend.account('account').problems(indexesOfTest));
  clearInterval(timer);
  assert.ok(turns >= 3, `${turns} turns`);
});

/** A file with a group of 300 members and their records. */
async function seed(t: TestContext): Promise<string> {
  const { file, remove } = temporaryFile();
  t.after(remove);
  const backend = await openSqliteBackend({ file });
  await makeMemberships(backend.account('account'), 'group', MEMBERS);
  await backend.close();
  return file;
}

function damage(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  assert.notEqual(database.prepare(sql).run().changes, 0);
  database.close();
}

async function problemsOf(t: TestContext, file: string): Promise<string[]> {
  const backend = await openSqliteBackend({ file });
  t.after(() => backend.close());
  return collect(backend.account('account').problems(indexesOfTest));
}
