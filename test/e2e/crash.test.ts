import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRedisBackend } from '#store/redis/backend.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import type { StoreBackend } from '#store/store.ts';
import {
  type BridgeProcess,
  type BridgeStore,
  createSession,
  type SessionFile,
  startBridgeProcess,
} from '../support/bridge-process.ts';
import { call, idOf, type Target } from '../support/http-client.ts';
import { startRedis } from '../support/redis-server.ts';
import { assertKept, Client } from '../support/workload.ts';

// Question: after a crash in the middle of 1,000 writes, is each answered one there, and none half?
const ACCOUNT = 'crash';
const WRITES = 1_000;
const CONNECTIONS = 8;

test('SQLite: the bridge is killed in the middle of 1,000 writes', async () => {
  await inFolder(async (folder, session) => {
    const store = { kind: 'sqlite', dataDir: folder } as const;
    await killBridge(store, session, () =>
      openSqliteBackend({ file: join(folder, 'directory.sqlite') }),
    );
  });
});

test('Redis: the bridge is killed in the middle of 1,000 writes', async () => {
  const redis = await startRedis();
  try {
    await inFolder(async (_folder, session) => {
      const store = { kind: 'redis', url: redis.url } as const;
      await killBridge(store, session, () => openRedisBackend({ url: redis.url }));
    });
  } finally {
    await redis.stop();
  }
});

test('Redis is killed in the middle of 1,000 writes: the bridge stays up and goes on', async () => {
  const redis = await startRedis();
  let bridge: BridgeProcess | undefined;
  try {
    await inFolder(async (_folder, session) => {
      const store = { kind: 'redis', url: redis.url } as const;
      bridge = await startBridgeProcess({ store, session });
      const groupId = await makeGroup(bridge);
      const clients = makeClients(groupId);
      const outage = { isOver: false };
      let outages = 0;
      await writeAll(bridge, clients, async (done) => {
        // Twice, so that the second time it comes with a file that the first outage left.
        if (done < ((outages + 1) * WRITES) / 3 || outages === 2) return;
        outages += 1;
        outage.isOver = false;
        await redis.kill9();
        // Longer than calls wait for a lost connection: clients are told to come again.
        await sleep(1_500);
        await redis.restart();
        outage.isOver = true;
      });
      assert.equal(outages, 2);
      assert.ok(outage.isOver);
      assert.ok(
        clients.some(({ putOff }) => putOff > 0),
        'no client was put off',
      );
      const ping = await call(bridge, 'GET', '/ping');
      assert.equal(ping.status, 200);
      await check(await openRedisBackend({ url: redis.url }), groupId, clients);
      assert.doesNotMatch(bridge.log(), /"level":(?:50|60)|ERROR/, 'the bridge logged an error');
    });
  } finally {
    await bridge?.kill9();
    await redis.stop();
  }
});

async function killBridge(
  store: BridgeStore,
  session: SessionFile,
  open: () => Promise<StoreBackend>,
): Promise<void> {
  const bridge = await startBridgeProcess({ store, session });
  const groupId = await makeGroup(bridge);
  const clients = makeClients(groupId);
  try {
    await writeAll(bridge, clients, async (done) => {
      if (done >= WRITES / 2) await bridge.kill9();
    });
  } finally {
    await bridge.kill9();
  }
  const written = clients.reduce((sum, { done }) => sum + done, 0);
  assert.ok(written >= WRITES / 2 && written < WRITES, `${written} writes were answered`);
  assert.ok(clients.some(({ people }) => people.some(({ pending }) => pending !== undefined)));
  await check(await open(), groupId, clients);
  // The next bridge serves what is there, and goes on.
  const next = await startBridgeProcess({ store, session });
  const more = makeClients(groupId, 'later');
  try {
    await writeAll(next, more, async () => {}, 100);
  } finally {
    await next.stop();
  }
  await check(await open(), groupId, [...clients, ...more]);
}

/** Writes with all clients at once until so many are done. `onDone` hears the number of each. */
async function writeAll(
  target: Target,
  clients: readonly Client[],
  onDone: (done: number) => Promise<void>,
  count = WRITES,
): Promise<void> {
  let done = 0;
  const acts: Promise<void>[] = [];
  const isOver = () => done >= count;
  const write = (client: Client) =>
    client.run(target, isOver, () => {
      done += 1;
      acts.push(onDone(done));
    });
  await Promise.all(clients.map(write));
  await Promise.all(acts);
  for (const client of clients) client.close();
}

async function check(
  backend: StoreBackend,
  groupId: string,
  clients: readonly Client[],
): Promise<void> {
  try {
    await assertKept(backend.account(ACCOUNT), groupId, clients);
  } finally {
    await backend.close();
  }
}

function makeClients(groupId: string, name = 'client'): readonly Client[] {
  return Array.from({ length: CONNECTIONS }, (_, n) => new Client(`${name}${n}`, groupId));
}

async function makeGroup(target: Target): Promise<string> {
  const body = JSON.stringify({ displayName: 'Everyone' });
  const answer = await call(target, 'POST', '/Groups', { body });
  assert.equal(answer.status, 201, answer.text);
  return idOf(answer);
}

async function inFolder(
  run: (folder: string, session: SessionFile) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'op-scim-crash-'));
  try {
    await run(folder, await createSession(folder, ACCOUNT));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
