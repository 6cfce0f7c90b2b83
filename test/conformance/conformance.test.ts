import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBridge } from '../support/bridge.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { loadConversations } from './conversation.ts';
import { rowsCovered } from './coverage.ts';
import { ROWS } from './rows.ts';
import { play } from './runner.ts';

const conversations = loadConversations();

describe('conversations', () => {
  test('each row is shown by a conversation or a live case', () => {
    const covered = rowsCovered();
    const missing = Object.keys(ROWS).filter((row) => !covered.has(row));
    assert.deepEqual(missing, []);
  });

  test('each conversation names rows, all of them known', () => {
    for (const { name, rows } of conversations) {
      assert.ok(rows.length > 0, `${name} names no row`);
      const unknown = rows.filter((row) => !Object.hasOwn(ROWS, row));
      assert.deepEqual(unknown, [], name);
    }
  });

  test('each conversation looks at more than status codes', () => {
    const blind = conversations.filter(({ conversation }) =>
      conversation.every(({ expect }) => expect.body === undefined && expect.absent.length === 0),
    );
    assert.deepEqual(
      blind.map(({ name }) => name),
      [],
    );
  });
});

for (const store of ['sqlite', 'redis'] as const) {
  describe(`conversations on ${store}`, () => {
    let redis: RedisServer | undefined;
    before(async () => {
      redis = store === 'redis' ? await startRedis() : undefined;
    });
    after(async () => {
      await redis?.stop();
    });

    for (const conversation of conversations) {
      test(`${conversation.name}: ${conversation.title}`, async () => {
        const { strict, env } = conversation.settings;
        const bridge = await startBridge({
          store,
          ...(redis === undefined ? { dataDir: ':memory:' } : { redisUrl: redis.url }),
          // No conversation is about speed but the runner has no pauses.
          env: { OP_RATE_LIMIT: '100000', ...(strict ? { OP_SCIM_STRICT: '1' } : {}), ...env },
        });
        try {
          await play(bridge, conversation);
        } finally {
          await bridge.close();
        }
      });
    }
  });
}
