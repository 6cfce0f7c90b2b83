import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisBackend } from '#store/redis/backend.ts';
import type { Store, StoreBackend } from '#store/store.ts';
import {
  changing,
  commitDone,
  create,
  createUsers,
  problemsOf,
} from '../../../contract/fixture.ts';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';

/** What is done to a sound store, by the raw commands of Redis, and what `problems` says of it. */
const DAMAGES: readonly (readonly [string, (run: Run) => Promise<unknown>, readonly RegExp[]])[] = [
  [
    'a record is lost',
    (run) => run('hdel', 'users', 'u0'),
    [/users u0: the index sequence has an entry, but there is no such record/, /u0: is in group g/],
  ],
  [
    'an entry that the record names is lost',
    (run) => run('zrem', 'users:index:name', entry('u0', 1, 'u0')),
    [/^users u0: its entry in the index name is missing\.$/],
  ],
  [
    'an entry is there that no record names',
    (run) => run('zadd', 'users:index:tag', '0', entry('other', 1, 'u0')),
    [/^users u0: the index index:tag has an entry that the record does not name\.$/],
  ],
  [
    'an entry has the place of another record',
    (run) => run('zadd', 'users:index:name', '0', entry('u0', 2, 'u0')),
    [/^users u0: the index index:name has an entry that the record does not name\.$/],
  ],
  [
    'an entry of a record that never was',
    (run) => run('zadd', 'groups:sequence', '0', entry('', 99, 'x')),
    [
      /groups x: the index sequence has an entry, but there is no such record/,
      /counter .* is behind/,
    ],
  ],
  [
    'the order of creation lacks a record',
    (run) => run('zrem', 'users:sequence', entry('', 1, 'u0')),
    [/^users u0: its entry in the index sequence is missing\.$/],
  ],
  [
    'the order of changes is lost',
    (run) => run('del', 'groups:modified'),
    [/^groups g: its entry in the index modified is missing\.$/],
  ],
  [
    'a record is garbled',
    (run) => run('hset', 'users', 'u0', 'what?'),
    [
      /users u0: the record can not be read/,
      /index modified has an entry that the record does not/,
    ],
  ],
  [
    'a membership is only in the list',
    (run) => run('del', 'in:u1'),
    [/^groups g: its member u1 is no user, or does not know of the group\.$/],
  ],
  [
    'a membership is only with the person',
    (run) => run('zrem', 'm:1:g', 'u1'),
    [/^users u1: is in group g, whose list or whose user is not there\.$/],
  ],
  [
    'a membership of a person who is not there',
    (run) => run('hset', 'in:ghost', '1 g', ''),
    [/^users ghost: is in group g, whose list or whose user is not there\.$/],
  ],
  [
    'a member list that nobody owns',
    (run) => run('zadd', 'm:77:g', '1', 'u0'),
    [/^groups g: there is a member list that no group or draft owns\.$/],
  ],
  [
    'the reference of a group is lost',
    (run) => run('hdel', 'groups:ref', 'g'),
    [/groups g: its entry in the index groups:ref is missing/, /member list that no group/],
  ],
  [
    'a reference without a group',
    (run) => run('hset', 'groups:ref', 'x', '1 9\nx'),
    [/^groups x: there is a reference, but no such group\.$/],
  ],
  [
    'the create sequence would be used again',
    (run) => run('set', 'sequence', '2'),
    [/^The counter of the create sequence is behind a record\.$/],
  ],
  [
    'the numbers of member lists would be used again',
    (run) => run('del', 'generation'),
    [/^The counter of the member lists is behind a group\.$/],
  ],
];

type Run = (command: string, key: string, ...args: string[]) => Promise<unknown>;

suite('problems of a damaged Redis', () => {
  let redis: RedisServer;
  let backend: StoreBackend;
  let client: Redis;
  before(async () => {
    redis = await startRedis();
    backend = await openRedisBackend({ url: redis.url });
    client = new Redis(redis.port, '127.0.0.1');
  });
  after(async () => {
    client.disconnect();
    await backend.close();
    await redis.stop();
  });

  for (const [n, [damage, inflict, expected]] of DAMAGES.entries()) {
    test(damage, async () => {
      const store = await soundStore(backend.account(`damaged-${n}`));
      await inflict((command, key, ...args) =>
        client.call(command, `{damaged-${n}}:${key}`, ...args),
      );
      const sentences = await problemsOf(store);
      for (const pattern of expected) {
        assert.ok(
          sentences.some((sentence) => pattern.test(sentence)),
          sentences.join('\n'),
        );
      }
      if (expected.length === 1) assert.equal(sentences.length, 1, sentences.join('\n'));
    });
  }

  test('an account whose id has the signs of a pattern looks at its own keys alone', async () => {
    const store = await soundStore(backend.account('a*?[b]'));
    await client.zadd('{axyb}:m:9:g', 1, 'u');
    assert.deepEqual(await problemsOf(store), []);
  });

  test('nothing is said of a store that is written meanwhile', async () => {
    const store = await soundStore(backend.account('busy'));
    let isWriting = true;
    const writing = (async () => {
      for (let n = 0; n < 300 && isWriting; n += 1) {
        await create(store, 'users', `new${n}`, { name: `n${n % 3}`, tags: ['x'] });
        await commitDone(store, changing('g', { add: [`new${n}`], remove: [`new${n - 2}`] }));
      }
    })();
    for (let round = 0; round < 5; round += 1) assert.deepEqual(await problemsOf(store), []);
    isWriting = false;
    await writing;
  });
});

async function soundStore(store: Store): Promise<Store> {
  await createUsers(store, 3);
  await create(store, 'groups', 'g');
  await commitDone(store, changing('g', { add: ['u0', 'u1', 'u2'] }));
  assert.deepEqual(await problemsOf(store), []);
  return store;
}

/** A member of an ordered index. u0 has the sequence 1. */
function entry(value: string, sequence: number, id: string): string {
  return `${value}\0${sequence.toString(16).padStart(12, '0')}${id}`;
}
