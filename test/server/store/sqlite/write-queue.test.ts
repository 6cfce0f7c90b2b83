import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Connection } from '#store/sqlite/connection.ts';
import { openMemory, prepareFile } from '#store/sqlite/file.ts';
import { type Request, runRequests } from '#store/sqlite/requests.ts';
import { WriteQueue, WriterThread } from '#store/sqlite/write-queue.ts';
import { makeUser, temporaryFile, userCommit } from '../../../support/sqlite-store.ts';

/** Counts what costs an fsync. */
class CountingConnection extends Connection {
  transactions = 0;

  override transaction<T>(work: () => T): T {
    this.transactions += 1;
    return super.transaction(work);
  }
}

function openQueue(t: TestContext): { queue: WriteQueue; connection: CountingConnection } {
  const connection = new CountingConnection(openMemory().database);
  t.after(() => connection.close());
  const port = {
    run: async (requests: readonly Request[]) => {
      // What comes while a batch is on its way belongs to the next.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return runRequests(connection, requests);
    },
    close: async () => undefined,
  };
  return { queue: new WriteQueue(port, () => 1_000), connection };
}

test('commits that wait together share one transaction', async (t) => {
  const { queue, connection } = openQueue(t);
  const first = queue.request('commit', 'account', userCommit('first'));
  await new Promise((resolve) => setImmediate(resolve));
  const rest = Array.from({ length: 100 }, (_, place) =>
    queue.request('commit', 'account', userCommit(`user-${place}`)),
  );
  const outcomes = await Promise.all([first, ...rest]);
  assert.ok(outcomes.every(({ outcome }) => outcome === 'done'));
  assert.equal(connection.transactions, 2);
});

test('a refused commit and a bug undo only themselves', async (t) => {
  const { queue, connection } = openQueue(t);
  const twice = { ...userCommit('ada'), operationId: 'again' };
  const broken = {
    operationId: 'broken',
    writes: [makeUser('bob'), { ...makeUser('none'), body: undefined }],
  };
  const results = await Promise.allSettled([
    queue.request('commit', 'account', userCommit('ada')),
    queue.request('commit', 'account', twice),
    queue.request('commit', 'account', broken),
    queue.request('commit', 'account', userCommit('cora')),
  ]);
  const outcomes = results.map((result) =>
    result.status === 'fulfilled' ? result.value.outcome : result.reason.message,
  );
  assert.deepEqual(outcomes, [
    'done',
    'version',
    'A commit deletes users none, which is not there.',
    'done',
  ]);
  assert.equal(connection.transactions, 1);
  const ids = connection.all<{ id: string }>('SELECT id FROM records ORDER BY id');
  assert.deepEqual(
    ids.map(({ id }) => id),
    ['ada', 'cora'],
  );
});

test('a full disk refuses the batch as StoreUnavailable and leaves nothing behind', async (t) => {
  const { queue, connection } = openQueue(t);
  const pages = connection.one<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
  connection.database.exec(`PRAGMA max_page_count = ${pages}`);
  const ids = Array.from({ length: 50 }, (_, place) => `user-${place}`);
  const results = await Promise.allSettled(
    ids.map((id) => queue.request('commit', 'account', userCommit(id))),
  );
  for (const result of results) {
    assert.equal(result.status, 'rejected');
    assert.match(String(result.reason.reason), /disk of the database is full/);
  }
  assert.equal(connection.one<{ n: number }>('SELECT count(*) AS n FROM records')?.n, 0);
  connection.database.exec('PRAGMA max_page_count = 100000');
  const { outcome } = await queue.request('commit', 'account', userCommit('later'));
  assert.equal(outcome, 'done');
});

test('closing waits for what was asked before and refuses what comes after', async (t) => {
  const { queue, connection } = openQueue(t);
  const asked = queue.request('commit', 'account', userCommit('ada'));
  const closed = queue.close();
  await assert.rejects(queue.request('commit', 'account', userCommit('late')), {
    name: 'StoreUnavailable',
  });
  await closed;
  assert.equal((await asked).outcome, 'done');
  assert.equal(connection.transactions, 1);
});

test('a request that can not be sent fails alone with its batch, not the queue', async (t) => {
  const { file, remove } = temporaryFile();
  t.after(remove);
  mkdirSync(dirname(file));
  prepareFile(file);
  const queue = new WriteQueue(new WriterThread({ file }), () => 1_000);
  t.after(() => queue.close());
  const values = { ...userCommit('ada'), events: [JSON.parse] };
  // A function can't be sent to a thread; the types say so too, hence the cast.
  await assert.rejects(queue.request('commit', 'account', values as never), /could not be cloned/);
  assert.equal((await queue.request('commit', 'account', userCommit('ada'))).outcome, 'done');
});

test('a writer thread that can not start answers StoreUnavailable and is tried again', async (t) => {
  const { file, remove } = temporaryFile();
  t.after(remove);
  const queue = new WriteQueue(new WriterThread({ file }), () => 1_000);
  t.after(() => queue.close());
  await assert.rejects(queue.request('commit', 'account', userCommit('ada')), {
    name: 'StoreUnavailable',
    reason: /can not be opened/,
  });
  mkdirSync(dirname(file));
  prepareFile(file);
  assert.equal((await queue.request('commit', 'account', userCommit('ada'))).outcome, 'done');
  rmSync(file);
});
