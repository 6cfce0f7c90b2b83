import type { Store, StoreBackend, StoreHealth } from '../store.ts';
import { connect } from './connect.ts';
import { accountPrefix } from './keys.ts';
import type { RedisOptions } from './options.ts';
import { RedisStore } from './redis-store.ts';

/**
 * Opens the store in Redis. Resolves also when Redis is down: calls reject with StoreUnavailable
 * until it is there, and nothing has to be started again.
 */
export async function openRedisBackend(options: RedisOptions): Promise<StoreBackend> {
  const connection = connect(options);
  await connection.settled();
  return {
    kind: 'redis',
    account(accountId: string): Store {
      return new RedisStore(connection, accountPrefix(accountId), async () => {});
    },
    async health(): Promise<StoreHealth> {
      return { durability: 'durable', warning: undefined, memoryUse: undefined };
    },
    async close(): Promise<void> {
      connection.close();
    },
  };
}
