import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { makeSession, startBridge, type TestBridge, type TestSession } from '../support/bridge.ts';
import { runCli } from '../support/cli-process.ts';
import { eventually } from '../support/eventually.ts';
import { type Answer, assertScimError, bodyOf, call, idOf } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

// A store that loses everything under a bridge that runs, as a Redis 7 that is restarted with
// `appendonly yes` beside its dump.rdb. An empty list would make the IdP create everyone anew.

const LOST = /The store has lost what it held\. Restore a backup.*restart the bridge/;
const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const creation = (userName: string) => JSON.stringify({ schemas: [USER], userName });

let redis: RedisServer;
let session: TestSession;
let bridge: TestBridge;
let logged: string[];
let id: string;

beforeEach(async () => {
  redis = await startRedis({ args: ['--appendfsync', 'no'] });
  session = makeSession('acme');
  logged = [];
  const log = new Writable({
    write(line, _encoding, done) {
      logged.push(String(line));
      done();
    },
  });
  bridge = await startBridge({ redisUrl: redis.url, session, log });
  id = idOf(await call(bridge, 'POST', '/Users', { body: creation('ada@example.com') }));
});
afterEach(async () => {
  await bridge.close();
  await redis.stop();
});

async function comeBackEmpty(): Promise<void> {
  await redis.kill9();
  rmSync(join(redis.directory, 'appendonlydir'), { recursive: true });
  await redis.restart();
}

async function command(send: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(redis.url);
  await send(client);
  client.disconnect(); // QUIT would wait for the end of a pause.
}

function assertLost(answer: Answer): void {
  assert.match(assertScimError(answer, 503), LOST);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
}

async function serverReport(): Promise<{ state: string; reason?: string }> {
  const { reports } = bodyOf(await call(bridge, 'GET', '/health'));
  assert.ok(Array.isArray(reports));
  return reports.find(({ source }) => source === 'SCIMServer');
}

const ERROR_LEVEL = pino.levels.values['error'] ?? Number.NaN;
const errors = () => logged.filter((line) => JSON.parse(line).level === ERROR_LEVEL);

const runOnStore = (name: string, stdin = '') =>
  runCli([name], { env: { OP_REDIS_URL: redis.url, OP_SESSION: session.base64 }, stdin });

describe('a Redis that comes back empty', () => {
  test('is not served: 503 until an import has restored what it held', async () => {
    const taken = await runOnStore('export');
    assert.equal(taken.code, 0, taken.stderr);
    await comeBackEmpty();
    await eventually(async () => assertLost(await call(bridge, 'GET', '/Users')));
    assertLost(await call(bridge, 'POST', '/Users', { body: creation('ben@example.com') }));
    const { state, reason } = await serverReport();
    assert.equal(state, 'unhealthy');
    assert.match(reason ?? '', LOST);
    assert.equal(errors().length, 1);
    assert.match(errors()[0] ?? '', LOST);
    assert.match((await call(bridge, 'GET', '/metrics')).text, /^op_scim_store_up 1$/m);

    const restored = await runOnStore('import', taken.stdout);
    assert.equal(restored.code, 0, restored.stderr);
    assert.equal((await call(bridge, 'GET', `/Users/${id}`)).status, 200);
    assert.equal((await serverReport()).state, 'healthy');
  });

  test('an import that breaks off opens nothing', async () => {
    const taken = await runOnStore('export');
    await comeBackEmpty();
    await eventually(async () => assertLost(await call(bridge, 'GET', '/Users')));
    const half = taken.stdout.split('\n').slice(0, -2).join('\n');
    assert.notEqual((await runOnStore('import', half)).code, 0);
    assertLost(await call(bridge, 'GET', '/Users'));
  });

  test('no request in between finds nobody', async () => {
    let isOver = false;
    const answers: Answer[] = [];
    const clients = Array.from({ length: 8 }, async () => {
      while (!isOver) answers.push(await call(bridge, 'GET', `/Users/${id}`));
    });
    await eventually(async () => assert.ok(answers.length > 0));
    await comeBackEmpty();
    await eventually(async () => assertLost(await call(bridge, 'GET', '/Users')));
    isOver = true;
    await Promise.all(clients);
    const seen = new Set(answers.map(({ status }) => status));
    assert.deepEqual([...seen].sort(), [200, 503]);
  });

  test('a request that was under way is put off, too', async () => {
    await command((client) => client.call('CLIENT', 'PAUSE', '60000', 'ALL'));
    const answer = call(bridge, 'GET', `/Users/${id}`);
    await eventually(async () => {
      assert.equal((await call({ url: bridge.url }, 'GET', '/ping')).status, 200);
    });
    await comeBackEmpty();
    assertScimError(await answer, 503);
  });

  test('a bridge that is started then begins anew, and the other one goes on with it', async () => {
    await comeBackEmpty();
    await eventually(async () => assertLost(await call(bridge, 'GET', '/Users')));
    const other = await startBridge({ redisUrl: redis.url, keep: true, session });
    try {
      assert.equal(bodyOf(await call(other, 'GET', '/Users'))['totalResults'], 0);
      assert.equal(bodyOf(await call(bridge, 'GET', '/Users'))['totalResults'], 0);
    } finally {
      await other.close();
    }
  });
});

test('a store that is emptied under its connection is noticed by a look at the health', async () => {
  await command((client) => client.flushall());
  const { state, reason } = await serverReport();
  assert.equal(state, 'unhealthy');
  assert.match(reason ?? '', LOST);
  assertLost(await call(bridge, 'GET', '/Users'));
});

test('a Redis that comes back with everything is served at once', async () => {
  await redis.kill9();
  await redis.restart();
  await eventually(async () => {
    assert.equal((await call(bridge, 'GET', `/Users/${id}`)).status, 200);
  });
  assert.equal((await serverReport()).state, 'healthy');
  assert.deepEqual(errors(), []);
});
