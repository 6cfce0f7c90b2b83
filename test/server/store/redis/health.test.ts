import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisBackend } from '#store/redis/backend.ts';
import { Barrier } from '#store/redis/barrier.ts';
import { healthOf, needsBarrier, type ServerFacts } from '#store/redis/health.ts';
import { type StoreHealth, StoreUnavailable } from '#store/store.ts';
import { startRedis } from '../../../support/redis-server.ts';

const GOOD: ServerFacts = {
  version: '7.0.15',
  appendOnly: true,
  appendFsync: 'always',
  snapshots: '',
  appendFailed: false,
  usedBytes: 25,
  maxBytes: 100,
  evictionPolicy: 'noeviction',
};

suite('health: what is said of the settings', () => {
  const rows: readonly (readonly [
    string,
    Partial<ServerFacts>,
    StoreHealth['durability'],
    RegExp | undefined,
  ])[] = [
    ['synced before each answer', {}, 'durable', undefined],
    ['synced once a second', { appendFsync: 'everysec' }, 'may-lose-seconds', /appendfsync always/],
    [
      'synced once a second, 7.2',
      { appendFsync: 'everysec', version: '7.2.0' },
      'durable',
      undefined,
    ],
    ['never synced, 7.2', { appendFsync: 'no', version: '7.4.1' }, 'may-lose-seconds', /everysec/],
    [
      'snapshots alone',
      { appendOnly: false, snapshots: '3600 1' },
      'may-lose-seconds',
      /snapshots/,
    ],
    [
      'nothing is saved',
      { appendOnly: false },
      'memory-only',
      /restart loses.*while Redis runs.*rewrite_in_progress:0.*config rewrite/,
    ],
    [
      'CONFIG refused',
      { appendFsync: undefined, snapshots: undefined, appendOnly: false },
      'may-lose-seconds',
      /CONFIG is refused/,
    ],
    ['CONFIG refused, 8.0', { appendFsync: undefined, version: '8.0.0' }, 'durable', undefined],
    ['evicts', { evictionPolicy: 'volatile-lru' }, 'durable', /volatile-lru.*noeviction/],
    ['can not write its file', { appendFailed: true }, 'durable', /append-only file/],
  ];
  for (const [name, facts, durability, warning] of rows) {
    test(name, () => {
      const server = { ...GOOD, ...facts };
      const health = healthOf(server, needsBarrier(server), false);
      assert.equal(health.durability, durability);
      if (warning === undefined) assert.equal(health.warning, undefined);
      else assert.match(health.warning ?? '', warning);
    });
  }

  test('a failover may lose what replicas do not have yet', () => {
    const { durability, warning } = healthOf(GOOD, false, true);
    assert.equal(durability, 'may-lose-seconds');
    assert.match(warning ?? '', /fails over/);
  });

  test('memory is told as a part of the limit', () => {
    assert.equal(healthOf(GOOD, false, false).memoryUse, 0.25);
    assert.equal(healthOf({ ...GOOD, maxBytes: 0 }, false, false).memoryUse, undefined);
  });
});

test('health of a real Redis follows its settings', async () => {
  const redis = await startRedis({ args: ['--maxmemory', '100mb'] });
  const backend = await openRedisBackend({ url: redis.url });
  const client = new Redis(redis.port, '127.0.0.1');
  try {
    const { durability, warning, memoryUse = 0 } = await backend.health();
    assert.deepEqual([durability, warning], ['durable', undefined]);
    assert.ok(memoryUse > 0 && memoryUse < 0.5);
    await client.config('SET', 'appendfsync', 'everysec');
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const weaker = await backend.health();
    assert.equal(weaker.durability, 'may-lose-seconds');
    assert.match(weaker.warning ?? '', /allkeys-lru/);
  } finally {
    client.disconnect();
    await backend.close();
    await redis.stop();
  }
});

// A Redis of 7.2 or newer is not at hand where the tests run: a fake answers WAITAOF.
suite('barrier', () => {
  test('writes its mark, then waits for the file', async () => {
    const fake = new FakeRedis();
    await new Barrier(fake).pass();
    assert.deepEqual(fake.sent, ['set op-scim:fsync 1', 'waitaof 1 0 4000']);
  });

  test('who comes while a round goes on waits for the next; all of them share it', async () => {
    const fake = new FakeRedis();
    const barrier = new Barrier(fake);
    fake.hold();
    const first = barrier.pass();
    await tick();
    assert.equal(fake.rounds, 1);
    let isPassed = false;
    const late = Promise.all([barrier.pass(), barrier.pass(), barrier.pass()]).then(() => {
      isPassed = true;
    });
    fake.release();
    await first;
    assert.equal(isPassed, false);
    await late;
    assert.equal(fake.rounds, 2);
  });

  test('a file that is not written in time is StoreUnavailable, and the next round begins anew', async () => {
    const fake = new FakeRedis();
    const barrier = new Barrier(fake);
    fake.answer = [0, 0];
    await assert.rejects(barrier.pass(), StoreUnavailable);
    fake.answer = [1, 0];
    await barrier.pass();
    assert.equal(fake.rounds, 2);
  });
});

class FakeRedis {
  readonly sent: string[] = [];
  answer: readonly number[] = [1, 0];
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => {};

  get rounds(): number {
    return this.sent.filter((line) => line.startsWith('waitaof')).length;
  }

  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#open();
    this.#gate = Promise.resolve();
  }

  async command(name: string, args: readonly string[]): Promise<unknown> {
    this.sent.push([name, ...args].join(' '));
    if (name !== 'waitaof') return 'OK';
    const { answer } = this;
    await this.#gate;
    return answer;
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
