import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { storeKind } from '#config/combinations.ts';
import type { Config } from '#config/options.ts';
import type { RedisOptions } from './redis/options.ts';
import type { StoreBackend } from './store.ts';

/** Redis when one is named, else SQLite; each is loaded only when it is used. */
export async function openBackend(config: Config): Promise<StoreBackend> {
  if (storeKind(config) === 'sqlite') {
    const { openSqliteBackend } = await import('./sqlite/backend.ts');
    return openSqliteBackend({ file: sqliteFileOf(config) });
  }
  const { openRedisBackend } = await import('./redis/backend.ts');
  return openRedisBackend(redisOptionsOf(config));
}

/** The path of the database, or `:memory:`. */
export function sqliteFileOf({ dataDirectory }: Config): string {
  return dataDirectory === ':memory:' ? dataDirectory : join(dataDirectory, 'directory.sqlite');
}

/** Reads the file of the authorities, if there is one. */
export function redisOptionsOf(config: Config): RedisOptions {
  const { redisUrl, redisHost, redisSentinels } = config;
  return {
    ...(redisUrl === undefined ? {} : { url: redisUrl }),
    ...(redisHost === undefined ? {} : { host: redisHost }),
    port: config.redisPort,
    ...(config.redisUsername === undefined ? {} : { username: config.redisUsername }),
    ...(config.redisPassword === undefined ? {} : { password: config.redisPassword }),
    tls: config.usesRedisTls,
    insecure: config.allowsAnyRedisCertificate,
    ...(config.redisCaFile === undefined
      ? {}
      : { caPem: readFileSync(config.redisCaFile, 'utf8') }),
    cluster: config.isRedisCluster,
    ...(redisSentinels === undefined ? {} : { sentinels: redisSentinels }),
    ...(config.redisSentinelName === undefined ? {} : { sentinelName: config.redisSentinelName }),
    ...(config.redisSentinelPassword === undefined
      ? {}
      : { sentinelPassword: config.redisSentinelPassword }),
  };
}
