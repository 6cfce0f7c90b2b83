import { openRedisBackend } from '#store/redis/backend.ts';
import { storeContract } from '../../contract/store-contract.ts';
import { startRedis } from '../../support/redis-server.ts';

storeContract('redis', async () => {
  const redis = await startRedis();
  const backend = await openRedisBackend({ url: redis.url });
  return {
    backend,
    async close() {
      await backend.close();
      await redis.stop();
    },
  };
});
