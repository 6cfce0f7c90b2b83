import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { removeOldBackups, writeBackup } from '#cli/backup-folder.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { makeSession } from '../../support/bridge.ts';
import { addPerson, directoryOn } from '../../support/directory.ts';
import { opScim } from './fake-io.ts';

const root = mkdtempSync(join(tmpdir(), 'op-scim-backup-'));
after(() => rmSync(root, { recursive: true }));
const session = makeSession('backup');

describe('exports in a folder', () => {
  let folder = '';
  let count = 0;
  const env = () => ({ OP_SESSION: session.base64, OP_DATA_DIR: join(folder, 'data') });
  const backups = () => readdirSync(folder).filter((name) => name.startsWith('op-scim-'));

  beforeEach(() => {
    count += 1;
    folder = join(root, String(count));
    mkdirSync(folder);
  });

  async function addPersonToStore(): Promise<void> {
    const backend = await openSqliteBackend({ file: join(folder, 'data', 'directory.sqlite') });
    await addPerson(directoryOn(backend.account('backup')), { userName: 'ada' });
    await backend.close();
  }

  const dated = (day: number) => new Date(Date.UTC(2026, 10, day, 3));
  async function* text(...parts: readonly string[]) {
    yield* parts;
  }

  test('a file is whole, dated, and for its owner alone', async () => {
    const path = await writeBackup(folder, dated(1), text('a\n', 'b\n'));
    assert.equal(path, join(folder, 'op-scim-2026-11-01T03-00-00Z.ndjson'));
    assert.equal(readFileSync(path, 'utf8'), 'a\nb\n');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder).length, 1);
  });

  test('nothing is left of an export that fails, and what a crash left is cleared away', async () => {
    const crashed = join(folder, 'op-scim-2026-10-31T03-00-00Z.ndjson.part');
    writeFileSync(crashed, 'half');
    utimesSync(crashed, 0, 0);
    async function* broken() {
      yield 'a\n';
      throw new Error('the store is gone');
    }
    await assert.rejects(writeBackup(folder, dated(1), broken()), /the store is gone/);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('the newest are kept, and nothing else is touched', async () => {
    writeFileSync(join(folder, 'mine.ndjson'), '');
    mkdirSync(join(folder, 'op-scim-2026-10-01T03-00-00Z.ndjson'));
    for (const day of [3, 1, 2]) await writeBackup(folder, dated(day), text(''));
    const made = await writeBackup(folder, dated(4), text(''));
    assert.equal(await removeOldBackups(folder, 2, made), 2);
    rmdirSync(join(folder, 'op-scim-2026-10-01T03-00-00Z.ndjson'));
    const left = ['op-scim-2026-11-03T03-00-00Z.ndjson', 'op-scim-2026-11-04T03-00-00Z.ndjson'];
    assert.deepEqual(readdirSync(folder).toSorted(), ['mine.ndjson', ...left]);
    assert.equal(await removeOldBackups(folder, 5, made), 0);
  });

  test('the file that was just made stays, also after the clock was set back', async () => {
    await writeBackup(folder, dated(2), text('old'));
    const made = await writeBackup(folder, dated(1), text('new'));
    assert.equal(await removeOldBackups(folder, 1, made), 1);
    assert.deepEqual(backups(), ['op-scim-2026-11-01T03-00-00Z.ndjson']);
  });

  test('two exports at once, begun in one second, are both whole', async () => {
    const second = Promise.withResolvers<void>();
    async function* slow() {
      yield 'first\n';
      await second.promise;
      yield 'end\n';
    }
    const first = writeBackup(folder, dated(1), slow());
    const path = await writeBackup(folder, dated(1), text('second\n', 'end\n'));
    assert.equal(readFileSync(path, 'utf8'), 'second\nend\n');
    second.resolve();
    assert.equal(readFileSync(await first, 'utf8'), 'first\nend\n');
    assert.equal(backups().length, 1);
  });

  test('op-scim export --folder --keep writes one and removes old ones', async () => {
    for (const day of [1, 2]) await writeBackup(folder, dated(day), text(''));
    await addPersonToStore();
    const args = ['export', '--folder', folder, '--keep', '2'];
    const { exitCode, stdout, stderr } = await opScim(args, { env: env() });
    assert.equal(exitCode, 0, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /wrote account backup to .*\.ndjson\.\nop-scim: removed 1 older export\./);
    assert.equal(backups().length, 2);
    assert.ok(!existsSync(join(folder, 'op-scim-2026-11-01T03-00-00Z.ndjson')));
  });

  test('an export of a store that lost everything removes no earlier one', async () => {
    for (const day of [1, 2]) await writeBackup(folder, dated(day), text(''));
    const args = ['export', '--folder', folder, '--keep', '1'];
    const { exitCode, stderr } = await opScim(args, { env: env() });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /holds nothing of this account.* Older exports stay\./);
    assert.equal(backups().length, 3);
  });

  test('op-scim import takes the name of the file', async () => {
    await opScim(['export', '--folder', folder], { env: env() });
    const [name = ''] = backups();
    const empty = { ...env(), OP_DATA_DIR: join(folder, 'empty') };
    const { exitCode, stderr } = await opScim(['import', join(folder, name)], { env: empty });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /took in 0 people, 0 groups and 0 memberships into account backup/);
  });

  const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      'a folder that is not there',
      ['export', '--folder', '/nowhere'],
      /no folder \/nowhere\. Make it first/,
    ],
    ['--keep without a folder', ['export', '--keep', '2'], /--keep COUNT goes with --folder/],
    ['keeping none', ['export', '--folder', '/tmp', '--keep', '0'], /whole number from 1 on/],
    ['a file that is not there', ['import', '/nowhere'], /\/nowhere can not be read\. Name a file/],
    ['a folder for a file', ['import', '/tmp'], /\/tmp can not be read/],
    ['two files', ['import', 'a', 'b'], /one FILE at a time/],
  ];
  for (const [name, args, complaint] of wrong) {
    test(`${name} is refused with exit code 2`, async () => {
      const { exitCode, stderr } = await opScim(args, { env: env() });
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, complaint);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }
});
