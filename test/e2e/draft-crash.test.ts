import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { Redis } from 'ioredis';
import type { Directory } from '#directory/directory.ts';
import { openRedisBackend } from '#store/redis/backend.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import type { StoreBackend } from '#store/store.ts';
import { type BridgeStore, createSession, startBridgeProcess } from '../support/bridge-process.ts';
import {
  addGroup,
  addPeople,
  assertSound,
  assertUnlocked,
  directoryOn,
  groupsOf,
  membersOf,
  readGroup,
  sweepAll,
} from '../support/directory.ts';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http-client.ts';
import { startRedis } from '../support/redis-server.ts';

// Question: when the bridge dies while it writes 10,000 members, who sees what, and what is left?
const ACCOUNT = 'draft';
const MEMBERS = 10_000;
/** Longer than the lock of a draft. */
const LATER_MS = 20_000;

suite('a bridge that dies', { concurrency: true }, () => {
  test('SQLite: the old list stays, and the rest is swept up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'op-scim-draft-'));
    const file = join(folder, 'directory.sqlite');
    try {
      await killWhileWriting({
        store: { kind: 'sqlite', dataDir: folder },
        folder,
        open: (later) =>
          openSqliteBackend({ file, clock: () => Date.now() + (later ? LATER_MS : 0) }),
        memberships: async () => {
          const database = new DatabaseSync(file, { readOnly: true });
          const row = database.prepare('SELECT count(*) AS count FROM memberships').get();
          database.close();
          return Number(row?.['count']);
        },
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('Redis: the old list stays, and the rest is swept up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'op-scim-draft-'));
    const redis = await startRedis();
    const client = new Redis(redis.url);
    try {
      await killWhileWriting({
        store: { kind: 'redis', url: redis.url },
        folder,
        // Redis has its own clock.
        open: () => openRedisBackend({ url: redis.url }),
        memberships: async () => {
          const lists = await client.keys(`{${ACCOUNT}}:m:*`);
          const counts = await Promise.all(lists.map((key) => client.zcard(key)));
          return counts.reduce((sum, count) => sum + count, 0);
        },
      });
    } finally {
      client.disconnect();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

interface Scene {
  readonly store: BridgeStore;
  readonly folder: string;
  /** The store after the bridge died; `later`, when the lock of its draft has ended. */
  open(later: boolean): Promise<StoreBackend>;
  /** Memberships in all lists, also those that nobody reads. */
  memberships(): Promise<number>;
}

async function killWhileWriting(scene: Scene): Promise<void> {
  const { id, old } = await withDirectory(scene, false, async (directory) => {
    const people = await addPeople(directory, MEMBERS);
    const old = people.slice(0, 500);
    return { id: await addGroup(directory, 'Everyone', old), old };
  });
  await dieWhileWriting(scene, id, old.length);
  await withDirectory(scene, false, async (directory) => {
    assert.deepEqual(await membersOf(directory, id), old);
    assert.match((await readGroup(directory, id)).body, /"displayName":"Everyone"/);
    assert.deepEqual(await groupsOf(directory, 'p0'), [id]);
    assert.deepEqual(await groupsOf(directory, 'p2000'), []);
    assert.equal(await directory.store.openDraft(id, 1_000), undefined);
    await assertSound(directory);
    const left = await scene.memberships();
    assert.ok(left > old.length && left < old.length + MEMBERS, `${left} memberships`);
  });
  await withDirectory(scene, true, async (directory) => {
    await eventually(async () => {
      await sweepAll(directory);
      assert.equal(await scene.memberships(), old.length);
    }, LATER_MS);
    assert.deepEqual(await membersOf(directory, id), old);
    await assertUnlocked(directory, id);
  });
}

/** Sends the new list, and kills the bridge when it has written a part of it. */
async function dieWhileWriting(
  { store, folder, memberships }: Scene,
  id: string,
  oldLength: number,
): Promise<void> {
  const session = await createSession(folder, ACCOUNT);
  const bridge = await startBridgeProcess({ store, session });
  try {
    const members = Array.from({ length: MEMBERS }, (_, n) => ({ value: `p${n}` }));
    const body = JSON.stringify({ displayName: 'All', members });
    const answered = call(bridge, 'PUT', `/Groups/${id}`, { body }).then(
      ({ text }) => text,
      () => undefined,
    );
    await eventually(async () => {
      const count = await memberships();
      assert.ok(count > oldLength + 2_000, `${count} memberships`);
    });
    await bridge.kill9();
    assert.equal(await answered, undefined);
  } finally {
    await bridge.kill9();
  }
}

async function withDirectory<T>(
  { open }: Scene,
  later: boolean,
  run: (directory: Directory) => Promise<T>,
): Promise<T> {
  const backend = await open(later);
  try {
    return await run(directoryOn(backend.account(ACCOUNT)));
  } finally {
    await backend.close();
  }
}
