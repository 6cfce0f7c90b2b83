import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { openRedisBackend } from '#store/redis/backend.ts';
import type { RedisOptions } from '#store/redis/options.ts';
import { type StoreBackend, StoreUnavailable } from '#store/store.ts';
import { commitDone, create, createUsers, creating, sleep } from '../../../contract/fixture.ts';
import { eventually } from '../../../support/eventually.ts';
import { freePort } from '../../../support/free-port.ts';
import {
  type RedisServer,
  type RedisServerOptions,
  startRedis,
} from '../../../support/redis-server.ts';

suite('a Redis that is down', () => {
  test('opening does not fail, calls do within about a second, and recover by themselves', async () => {
    const port = await freePort();
    await withBackend({ url: `redis://127.0.0.1:${port}` }, async (backend) => {
      const store = backend.account('acme');
      await assertUnavailable(() => store.get('users', ['u']), /connection was refused/);
      await assertUnavailable(() => backend.health(), /connection was refused/);
      const redis = await startRedis({ port });
      try {
        await eventually(() => create(store, 'users', 'u'));
      } finally {
        await redis.stop();
      }
    });
  });

  test('one that goes and comes back is used again', async () => {
    await withRedis({}, async (redis, backend) => {
      const store = backend.account('acme');
      await create(store, 'users', 'u');
      await redis.kill9();
      await assertUnavailable(() => store.get('users', ['u']), /can not be reached/);
      await sleep(1_100);
      const startedMs = performance.now();
      await assertUnavailable(() => store.get('users', ['u']), /can not be reached/);
      assert.ok(performance.now() - startedMs < 100, 'Long lost: calls fail at once.');
      await redis.restart();
      await eventually(() => store.get('users', ['u']));
      assert.equal((await store.get('users', ['u']))[0]?.version, 1);
    });
  });

  test('a restart of less than a second is not noticed', async () => {
    await withRedis({}, async (redis, backend) => {
      const store = backend.account('acme');
      await create(store, 'users', 'u');
      const restarted = redis.restart();
      for (let n = 0; n < 20; n += 1) {
        await create(store, 'users', `u${n}`);
        await sleep(10);
      }
      await restarted;
      assert.equal((await store.counts()).users, 21);
    });
  });

  test('a name that no host has', async () => {
    await withBackend({ host: 'redis.invalid' }, async (backend) => {
      await assertUnavailable(() => backend.health(), /host name|can not be reached/);
    });
  });

  test('one that does not answer', async () => {
    await withRedis({ commandTimeoutMs: 300 }, async (redis, backend) => {
      const client = new Redis(redis.port, '127.0.0.1');
      try {
        await client.client('PAUSE', 1_000, 'ALL');
        await assertUnavailable(() => backend.account('acme').counts(), /did not answer in time/);
      } finally {
        client.disconnect();
      }
    });
  });
});

suite('nothing acknowledged is lost', () => {
  test('kill and restart amid a stream of commits', async () => {
    await withRedis({}, async (redis, backend) => {
      const store = backend.account('acme');
      const acknowledged: string[] = [];
      let isOver = false;
      const write = async (lane: number) => {
        for (let n = 0; n < 2_000 && !isOver; n += 1) {
          const id = `u${lane}-${n}`;
          try {
            await commitDone(store, { writes: [creating('users', id)] });
            acknowledged.push(id);
          } catch (error) {
            assert.ok(error instanceof StoreUnavailable, inspect(error));
            await sleep(20);
          }
        }
      };
      const lanes = [write(0), write(1), write(2), write(3)];
      for (let round = 0; round < 3; round += 1) {
        await sleep(150);
        await redis.kill9();
        await sleep(100);
        await redis.restart();
      }
      await sleep(300);
      isOver = true;
      await Promise.all(lanes);
      assert.ok(acknowledged.length > 100, `${acknowledged.length} commits`);
      const records = await store.get('users', acknowledged);
      assert.ok(records.every((record) => record?.version === 1));
      const { total } = await store.query({
        collection: 'users',
        range: { by: 'sequence' },
        limit: 0,
      });
      assert.equal((await store.counts()).users, total);
    });
  });
});

suite('a Redis that refuses', () => {
  test('memory: writes are refused whole, reads and deletes go on, and the reason says so', async () => {
    await withRedis({}, async (redis, backend) => {
      const store = backend.account('acme');
      await createUsers(store, 10);
      await withClient(redis, async (client) => {
        await client.config('SET', 'maxmemory', '1mb');
        await assertUnavailable(() => create(store, 'users', 'new'), /out of memory/);
        await assertUnavailable(() => backend.health(), /out of memory/);
        assert.deepEqual(await store.get('users', ['new']), [undefined]);
        assert.equal((await store.get('users', ['u1']))[0]?.id, 'u1');
        const write = {
          collection: 'users',
          id: 'u1',
          expectedVersion: 1,
          body: undefined,
        } as const;
        const removed = [{ index: 'name', value: 'u1' }];
        await commitDone(store, { writes: [{ ...write, added: [], removed }] });
        await client.config('SET', 'maxmemory', '0');
        await create(store, 'users', 'new');
      });
    });
  });

  test('a replica', async () => {
    await withRedis({}, async (redis, backend) => {
      await withClient(redis, async (client) => {
        await client.replicaof('127.0.0.1', await freePort());
        const store = backend.account('acme');
        await assertUnavailable(() => create(store, 'users', 'u'), /read-only replica/);
        await client.config('SET', 'replica-serve-stale-data', 'no');
        await eventually(() =>
          assertUnavailable(() => store.get('users', ['u']), /lost its master/),
        );
        await client.call('replicaof', 'NO', 'ONE');
        await eventually(() => create(store, 'users', 'u'));
      });
    });
  });

  test('a password: taken from the URL or the pieces, wrong ones are said, none is told', async () => {
    const args = ['--requirepass', 'pass:w@rd/1'];
    const redis = await startRedis({ args });
    try {
      const encoded = encodeURIComponent('pass:w@rd/1');
      const good: readonly RedisOptions[] = [
        { url: `redis://:${encoded}@127.0.0.1:${redis.port}` },
        { url: `redis://default:${encoded}@127.0.0.1:${redis.port}/3` },
        { host: '127.0.0.1', port: redis.port, password: 'pass:w@rd/1' },
        // As the chart sets them: the URL in the ConfigMap, the password from a Secret.
        { url: redis.url, password: 'pass:w@rd/1' },
        { url: `redis://default@127.0.0.1:${redis.port}`, password: 'pass:w@rd/1' },
        { url: redis.url, username: 'default', password: 'pass:w@rd/1' },
        { url: `redis://:${encoded}@127.0.0.1:${redis.port}`, password: 'hunter2' },
      ];
      for (const options of good) {
        await withBackend(options, async (backend) => {
          await create(backend.account('acme'), 'users', `u${good.indexOf(options)}`);
        });
      }
      const bad: readonly RedisOptions[] = [
        { url: `redis://:hunter2@127.0.0.1:${redis.port}` },
        { host: '127.0.0.1', port: redis.port, username: 'ada', password: 'hunter2' },
        { url: redis.url },
        { url: redis.url, password: 'hunter2' },
      ];
      for (const options of bad) {
        await withBackend(options, async (backend) => {
          const error = await assertUnavailable(
            () => backend.health(),
            /user name or the password/,
          );
          assert.doesNotMatch(inspect(error, { depth: 9 }), /hunter2/);
        });
      }
    } finally {
      await redis.stop();
    }
  });

  test('a user who may not run scripts', async () => {
    await withRedis({}, async (redis) => {
      await withClient(redis, async (client) => {
        await client.call('acl', 'setuser', 'ada', 'on', '>secret', '~*', '+@all', '-@scripting');
        const options = {
          host: '127.0.0.1',
          port: redis.port,
          username: 'ada',
          password: 'secret',
        };
        await withBackend(options, async (backend) => {
          await assertUnavailable(() => backend.account('acme').counts(), /may not run a command/);
        });
      });
    });
  });

  test('a URL that is none is refused without showing it', async () => {
    const error: unknown = await openRedisBackend({ url: 'http://:hunter2@redis' }).catch(
      (e: unknown) => e,
    );
    assert.ok(error instanceof Error);
    assert.doesNotMatch(inspect(error), /hunter2/);
  });
});

async function withRedis(
  options: RedisOptions & { readonly server?: RedisServerOptions },
  run: (redis: RedisServer, backend: StoreBackend) => Promise<void>,
): Promise<void> {
  const redis = await startRedis(options.server);
  try {
    await withBackend({ ...options, url: redis.url }, (backend) => run(redis, backend));
  } finally {
    await redis.stop();
  }
}

async function withBackend(
  options: RedisOptions,
  run: (backend: StoreBackend) => Promise<void>,
): Promise<void> {
  const backend = await openRedisBackend(options);
  try {
    await run(backend);
  } finally {
    await backend.close();
  }
}

async function withClient(
  redis: RedisServer,
  run: (client: Redis) => Promise<void>,
): Promise<void> {
  const client = new Redis(redis.port, '127.0.0.1');
  try {
    await run(client);
  } finally {
    client.disconnect();
  }
}

/** Rejects with StoreUnavailable for this reason, within 1.5 s. */
async function assertUnavailable(run: () => Promise<unknown>, reason: RegExp): Promise<unknown> {
  const startedMs = performance.now();
  const error: unknown = await run().then(
    () => assert.fail('It did not reject.'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof StoreUnavailable, inspect(error));
  assert.match(error.reason, reason);
  assert.ok(performance.now() - startedMs < 1_500, 'It took too long.');
  return error;
}
