import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { openWriter, prepareFile } from '#store/sqlite/file.ts';
import { temporaryFile, userCommit } from '../../../support/sqlite-store.ts';

function makeFolder(t: TestContext): string {
  const { file, remove } = temporaryFile();
  t.after(remove);
  mkdirSync(dirname(file));
  return file;
}

test('folder, file and lock are for their owner alone', async (t) => {
  const { file, remove } = temporaryFile();
  t.after(remove);
  const backend = await openSqliteBackend({ file });
  await backend.account('account').commit(userCommit('ada'));
  assert.equal(statSync(dirname(file)).mode & 0o777, 0o700);
  for (const path of [file, `${file}-wal`, `${file}-shm`, `${file}.lock`]) {
    assert.equal(statSync(path).mode & 0o777, 0o600, path);
  }
  await backend.close();
});

test('a file that others could read is closed to them', async (t) => {
  const file = makeFolder(t);
  writeFileSync(file, '', { mode: 0o644 });
  await (await openSqliteBackend({ file })).close();
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('closing moves the log into the file, and what was written is there again', async (t) => {
  const { file, remove } = temporaryFile();
  t.after(remove);
  const first = await openSqliteBackend({ file });
  const written = first.account('account').commit(userCommit('ada'));
  await Promise.all([first.close(), first.close()]);
  assert.equal((await written).outcome, 'done');
  assert.equal(existsSync(`${file}-wal`), false);
  await assert.rejects(first.account('account').commit(userCommit('bob')), {
    name: 'StoreUnavailable',
  });

  const second = await openSqliteBackend({ file });
  t.after(() => second.close());
  assert.equal((await second.account('account').get('users', ['ada']))[0]?.version, 1);
});

test('the writer waits for the disk with each commit', async (t) => {
  const file = makeFolder(t);
  prepareFile(file);
  const writer = openWriter({ file });
  // 2 is FULL: in WAL mode nothing less survives a power cut (https://www.sqlite.org/pragma.html).
  const synchronous = writer.one<{ synchronous: number }>('PRAGMA synchronous');
  assert.equal(synchronous?.synchronous, 2);
  const journal = writer.one<{ journal_mode: string }>('PRAGMA journal_mode');
  assert.equal(journal?.journal_mode, 'wal');
  writer.close();
});

const REFUSED = [
  {
    name: 'no database',
    make: (file: string) => writeFileSync(file, randomBytes(10_000)),
    says: /damaged or no database.*import/,
  },
  {
    name: 'a damaged schema',
    make: async (file: string) => {
      await (await openSqliteBackend({ file })).close();
      const bytes = readFileSync(file);
      writeFileSync(file, bytes.fill(0xff, 100, 4_000));
    },
    says: /damaged or no database/,
  },
  {
    name: 'a database of another program',
    make: (file: string) => execute(file, 'CREATE TABLE other (id INTEGER)'),
    says: /another program.*OP_DATA_DIR/,
  },
  {
    name: 'a newer format',
    make: async (file: string) => {
      await (await openSqliteBackend({ file })).close();
      execute(file, 'PRAGMA user_version = 2');
    },
    says: /format 2, this version of the bridge reads 1/,
  },
  {
    name: 'a folder in its place',
    make: (file: string) => mkdirSync(file),
    says: /readable and writable/,
  },
];

for (const { name, make, says } of REFUSED) {
  test(`opening is refused with what to do: ${name}`, async (t) => {
    const file = makeFolder(t);
    await make(file);
    for (const attempt of ['first', 'second']) {
      await assert.rejects(openSqliteBackend({ file }), (thrown) => {
        assert.ok(thrown instanceof OperatorError, `${attempt}: ${thrown}`);
        assert.equal(thrown.exitCode, 2);
        assert.match(thrown.message, says);
        assert.ok(thrown.message.includes(file));
        return true;
      });
    }
  });
}

test('a folder that can not be made is told', async (t) => {
  const file = makeFolder(t);
  writeFileSync(file, '');
  await assert.rejects(openSqliteBackend({ file: `${file}/below.db` }), {
    name: 'OperatorError',
    exitCode: 2,
    message: /OP_DATA_DIR/,
  });
});

test('health says how durable the database is, and rejects when it is closed', async (t) => {
  const file = makeFolder(t);
  const onDisk = await openSqliteBackend({ file });
  assert.equal((await onDisk.health()).durability, 'durable');
  await onDisk.close();
  await assert.rejects(onDisk.health(), { name: 'StoreUnavailable' });

  const inMemory = await openSqliteBackend({ file: ':memory:' });
  const { durability, warning } = await inMemory.health();
  assert.equal(durability, 'memory-only');
  assert.match(warning ?? '', /OP_DATA_DIR/);
  await inMemory.close();
});

test('health writes, but makes no account', async (t) => {
  const file = makeFolder(t);
  const backend = await openSqliteBackend({ file });
  await backend.health();
  await backend.close();
  const database = new DatabaseSync(file);
  const counts = 'SELECT (SELECT count(*) FROM accounts) AS a, (SELECT count(*) FROM probe) AS p';
  assert.deepEqual({ ...database.prepare(counts).get() }, { a: 0, p: 1 });
  database.close();
});

function execute(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}
