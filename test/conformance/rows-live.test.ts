import { after, before, describe, test } from 'node:test';
import { startBridge } from '../support/bridge.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { LIVE_CASES } from './live-cases.ts';

for (const store of ['sqlite', 'redis'] as const) {
  describe(`live cases on ${store}`, () => {
    let redis: RedisServer | undefined;
    before(async () => {
      redis = store === 'redis' ? await startRedis() : undefined;
    });
    after(async () => {
      await redis?.stop();
    });

    for (const { name, title, env, run } of LIVE_CASES) {
      test(`${name}: ${title}`, { timeout: 120_000 }, async () => {
        const bridge = await startBridge({
          store,
          ...(redis === undefined ? { dataDir: ':memory:' } : { redisUrl: redis.url }),
          env: { OP_RATE_LIMIT: '100000', ...env },
        });
        try {
          await run(bridge);
        } finally {
          await bridge.close();
        }
      });
    }
  });
}
