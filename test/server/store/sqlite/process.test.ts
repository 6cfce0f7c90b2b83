import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { collect, indexesOfTest, temporaryFile } from '../../../support/sqlite-store.ts';

const WRITER = fileURLToPath(new URL('../../../support/sqlite-writer.ts', import.meta.url));
type Writer = ChildProcessByStdio<null, Readable, Readable>;

const TIMEOUT_MS = 60_000;
/** The writer is killed when so many of its commits were acknowledged. */
const ACKNOWLEDGED = 500;

test('kill -9 among commits loses no acknowledged one and breaks nothing', {
  timeout: TIMEOUT_MS,
}, async (t) => {
  const { file, remove } = temporaryFile();
  t.after(remove);
  const writer = startWriter(file);
  const acknowledged = await killAfter(writer, linesOf(writer), ACKNOWLEDGED);

  const backend = await openSqliteBackend({ file });
  t.after(() => backend.close());
  const store = backend.account('account');
  const found = await store.get('users', acknowledged, { groups: true });
  for (const [place, id] of acknowledged.entries()) {
    assert.equal(found[place]?.id, id);
    assert.deepEqual(found[place]?.groups, [{ id: 'group', label: 'group' }]);
  }
  assert.deepEqual(await collect(store.problems(indexesOfTest)), []);
  const { users } = await store.counts();
  assert.ok(users >= acknowledged.length, `${users} users`);
});

test('a second process is refused with exit code 2 until the first one is dead', {
  timeout: TIMEOUT_MS,
}, async (t) => {
  const { file, remove } = temporaryFile();
  t.after(remove);
  const first = startWriter(file);
  t.after(() => first.kill('SIGKILL'));
  const firstLines = linesOf(first);
  assert.equal((await firstLines.next()).value, 'open');

  const second = startWriter(file);
  const message = text(second.stderr);
  const [exitCode] = await once(second, 'exit');
  assert.equal(exitCode, 2);
  assert.match(await message, /another process of the bridge has it open.*OP_DATA_DIR/);

  const acknowledged = await killAfter(first, firstLines, 10);
  const backend = await openSqliteBackend({ file });
  const found = await backend.account('account').get('users', acknowledged);
  assert.deepEqual(
    found.map((user) => user?.id),
    acknowledged,
  );
  await backend.close();
});

test('a second opening by the same process is refused and disturbs nothing', async (t) => {
  const { file, remove } = temporaryFile();
  t.after(remove);
  const backend = await openSqliteBackend({ file });
  t.after(() => backend.close());
  await assert.rejects(openSqliteBackend({ file }), { name: 'OperatorError', exitCode: 2 });
  const other = startWriter(file);
  const [exitCode] = await once(other, 'exit');
  assert.equal(exitCode, 2);
});

function startWriter(file: string): Writer {
  return spawn(process.execPath, [WRITER, file], { stdio: ['ignore', 'pipe', 'pipe'] });
}

function linesOf(writer: Writer): AsyncIterableIterator<string> {
  return createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
}

/** The ids whose commits were acknowledged before the process was killed: `count` or some more. */
async function killAfter(
  writer: Writer,
  lines: AsyncIterableIterator<string>,
  count: number,
): Promise<string[]> {
  const ids: string[] = [];
  for await (const line of lines) {
    if (line !== 'open') {
      ids.push(line);
    }
    if (ids.length === count) {
      writer.kill('SIGKILL');
    }
  }
  assert.ok(ids.length >= count, `${ids.length} commits before the writer ended`);
  return ids;
}
