import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeSession, startBridge, type TestBridge } from '../support/bridge.ts';
import { type BridgeProcess, startBridgeProcess } from '../support/bridge-process.ts';
import { freePort } from '../support/free-port.ts';
import { type Answer, assertScimError, bodyOf, call, idOf } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const creation = (userName: string) => JSON.stringify({ schemas: [USER], userName });

async function until(isTrue: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    assert.ok(performance.now() < deadlineMs, 'in time');
    await sleep(50);
  }
}

/** 503 with Retry-After, and a sentence about the store. */
function assertPutOff(answer: Answer): void {
  assert.match(assertScimError(answer, 503), /Redis .*\. .*(?:again|[Rr]etry)/);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
}

describe('a Redis that is down at the start', () => {
  let redis: RedisServer | undefined;
  let bridge: BridgeProcess;

  after(async () => {
    await bridge.stop();
    await redis?.stop();
  });

  test('leaves the bridge alive: /ping 200, SCIM 503, and all is well once Redis is there', async () => {
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    bridge = await startBridgeProcess({ store: { kind: 'redis', url } });
    assert.equal((await call({ url: bridge.url }, 'GET', '/ping')).status, 200);
    assertPutOff(await call(bridge, 'GET', '/Users'));
    assertPutOff(await call(bridge, 'POST', '/Users', { body: creation('early@example.com') }));
    const { reports } = bodyOf(await call(bridge, 'GET', '/health'));
    assert.ok(Array.isArray(reports));
    const store = reports.find(({ source }) => source === 'RedisCache');
    assert.equal(store.state, 'unhealthy');
    assert.match(store.reason, /can not be reached/);
    assert.match((await call(bridge, 'GET', '/metrics')).text, /^op_scim_store_up 0$/m);

    redis = await startRedis({ port });
    await until(async () => (await call(bridge, 'GET', '/Users')).status === 200);
    const made = await call(bridge, 'POST', '/Users', { body: creation('early@example.com') });
    assert.equal(made.status, 201);
    assert.match((await call(bridge, 'GET', '/metrics')).text, /^op_scim_store_up 1$/m);
  });

  test('one that goes away comes back with all that was acknowledged', async () => {
    assert.ok(redis !== undefined);
    const id = idOf(await call(bridge, 'POST', '/Users', { body: creation('kept@example.com') }));
    await redis.kill9();
    const startedMs = performance.now();
    assertPutOff(await call(bridge, 'GET', `/Users/${id}`));
    assertPutOff(await call(bridge, 'POST', '/Users', { body: creation('later@example.com') }));
    assert.ok(performance.now() - startedMs < 8_000, 'nobody waits for long');
    assert.equal((await call({ url: bridge.url }, 'GET', '/ping')).status, 200);
    await redis.restart();
    await until(async () => (await call(bridge, 'GET', `/Users/${id}`)).status === 200);
    const made = await call(bridge, 'POST', '/Users', { body: creation('later@example.com') });
    assert.equal(made.status, 201);
  });
});

describe('a Redis whose password is wrong', () => {
  test('is told apart from one that is down', async () => {
    const redis = await startRedis({ args: ['--requirepass', 'right'] });
    const bridge = await startBridgeProcess({
      store: { kind: 'redis', url: redis.url },
      env: { OP_REDIS_PASSWORD: 'wrong-canary' },
    });
    try {
      const answer = await call(bridge, 'GET', '/Users');
      assertPutOff(answer);
      assert.match(answer.text, /did not accept the user name or the password/);
    } finally {
      assert.equal(await bridge.stop(), 0);
      await redis.stop();
    }
    assert.doesNotMatch(bridge.log(), /canary/);
  });
});

describe('a store that belongs to another account', () => {
  let redis: RedisServer;
  let first: TestBridge;

  before(async () => {
    redis = await startRedis();
    first = await startBridge({ redisUrl: redis.url, accountId: 'first' });
    await call(first, 'POST', '/Users', { body: creation('first@example.com') });
  });
  after(async () => {
    await first.close();
    await redis.stop();
  });

  test('is not touched: 503 says what to do', async () => {
    const other = await startBridge({ redisUrl: redis.url, keep: true, accountId: 'second' });
    try {
      for (const [method, body] of [
        ['GET', undefined],
        ['POST', creation('second@example.com')],
      ] as const) {
        const answer = await call(other, method, '/Users', { body });
        assert.match(
          assertScimError(answer, 503),
          /belongs to another account.*Put the right file back/,
        );
        assert.ok(Number(answer.headers['retry-after']) >= 1);
      }
      const { reports } = bodyOf(await call(other, 'GET', '/health'));
      assert.ok(Array.isArray(reports));
      const server = reports.find(({ source }) => source === 'SCIMServer');
      assert.equal(server.state, 'unhealthy');
      assert.match(server.reason, /another account/);
      assert.equal(bodyOf(await call(first, 'GET', '/Users'))['totalResults'], 1);
    } finally {
      await other.close();
    }
  });

  test('a new session of the same account opens it', async () => {
    const session = makeSession('first');
    const bridge = await startBridge({ redisUrl: redis.url, keep: true, session });
    try {
      assert.equal(bodyOf(await call(bridge, 'GET', '/Users'))['totalResults'], 1);
    } finally {
      await bridge.close();
    }
  });
});
