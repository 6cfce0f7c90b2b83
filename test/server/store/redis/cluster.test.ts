import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisBackend } from '#store/redis/backend.ts';
import type { StoreBackend } from '#store/store.ts';
import {
  assertSound,
  changing,
  commitDone,
  create,
  createUsers,
  readMembers,
} from '../../../contract/fixture.ts';
import { eventually } from '../../../support/eventually.ts';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';

const MASTERS = 3;

suite('a Cluster of three masters with a replica each', () => {
  let nodes: RedisServer[] = [];
  let backend: StoreBackend;

  before(async () => {
    nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, startNode));
    redisCli('--cluster', 'create', ...nodes.map(addressOf), '--cluster-replicas', '1');
    await eventually(async () => {
      for (const node of nodes) assert.match(await ask(node, 'cluster', 'info'), /state:ok/);
    });
    const [first] = nodes;
    assert.ok(first !== undefined);
    backend = await openRedisBackend({ url: first.url, cluster: true });
  });
  after(async () => {
    await backend.close();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  test('accounts are spread over the masters, and each is whole', async () => {
    const accounts = ['acme', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'];
    for (const name of accounts) {
      const store = backend.account(name);
      await createUsers(store, 3);
      await create(store, 'groups', 'g');
      await commitDone(store, { ...changing('g', { add: ['u0', 'u2'] }), events: ['{}'] });
      assert.deepEqual(await readMembers(store, 'g'), ['u0', 'u2']);
      await assertSound(store);
    }
    const owners = new Set(await Promise.all(accounts.map(ownerOf)));
    assert.ok(owners.size > 1, 'all accounts are on one master');
  });

  test('a slot that moves to another master takes its account along', async () => {
    const store = backend.account('moving');
    await createUsers(store, 3);
    const from = await ownerOf('moving');
    const to = nodes.slice(0, MASTERS).find((node) => node !== from);
    assert.ok(to !== undefined);
    await moveSlot(Number(await ask(from, 'cluster', 'keyslot', '{moving}')), from, to);
    assert.equal(await ownerOf('moving'), to);
    await create(store, 'users', 'late');
    assert.equal((await store.counts()).users, 4);
    await assertSound(store);
  });

  test('when a master dies its replica goes on', async () => {
    const store = backend.account('acme');
    const owner = await ownerOf('acme');
    await eventually(async () => {
      assert.match(await ask(owner, 'info', 'replication'), /state=online,.*lag=[01]\r/);
    });
    const before = await store.counts();
    await owner.kill9();
    await eventually(async () => {
      // An attempt whose answer was lost may have been made.
      const [made] = await store.get('users', ['after']);
      if (made === undefined) await create(store, 'users', 'after');
    });
    // Until each node has heard who is master now, some calls may still be refused.
    await eventually(async () => {
      assert.equal((await store.counts()).users, before.users + 1);
      await assertSound(store);
    });
  });

  /** The master that has the keys of this account. */
  async function ownerOf(account: string): Promise<RedisServer> {
    for (const node of nodes) {
      const isMaster = (await ask(node, 'info', 'replication')).includes('role:master');
      const slot = await ask(node, 'cluster', 'keyslot', `{${account}}`);
      if (isMaster && Number(await ask(node, 'cluster', 'countkeysinslot', slot)) > 0) return node;
    }
    throw new Error(`no master has the account ${account}`);
  }
});

function startNode(): Promise<RedisServer> {
  const timeout = ['--cluster-node-timeout', '2000'];
  return startRedis({ isClusterNode: true, args: [...timeout, '--appendfsync', 'no'] });
}

async function moveSlot(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
  const [fromId, toId] = await Promise.all([
    ask(from, 'cluster', 'myid'),
    ask(to, 'cluster', 'myid'),
  ]);
  await ask(to, 'cluster', 'setslot', String(slot), 'importing', fromId);
  await ask(from, 'cluster', 'setslot', String(slot), 'migrating', toId);
  const count = await ask(from, 'cluster', 'countkeysinslot', String(slot));
  const keys = await send(from, 'cluster', 'getkeysinslot', String(slot), count);
  assert.ok(Array.isArray(keys) && keys.length > 0);
  const target = ['127.0.0.1', String(to.port), '', '0', '5000', 'KEYS'];
  await send(from, 'migrate', ...target, ...keys.map(String));
  for (const node of [to, from]) await ask(node, 'cluster', 'setslot', String(slot), 'node', toId);
}

async function ask(node: RedisServer, command: string, ...args: string[]): Promise<string> {
  return String(await send(node, command, ...args));
}

async function send(node: RedisServer, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(node.port, '127.0.0.1');
  try {
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

function redisCli(...args: readonly string[]): void {
  execFileSync('redis-cli', args, { input: 'yes\n', stdio: 'pipe', timeout: 30_000 });
}

function addressOf({ port }: RedisServer): string {
  return `127.0.0.1:${port}`;
}
