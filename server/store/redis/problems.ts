import type { IndexesOf } from '../store.ts';
import type { RedisConnection } from './connect.ts';

export async function* problemsOf(
  _connection: RedisConnection,
  _prefix: string,
  _indexesOf: IndexesOf,
): AsyncIterable<string> {}
