import {
  file,
  flag,
  hostName,
  hostsAndPorts,
  option,
  type Parser,
  path,
  port,
  text,
  url,
} from './option.ts';

const plainUrl = url('redis:', 'rediss:');

const redisUrl: Parser<string, 'string'> = {
  ...plainUrl,
  expected:
    'a URL such as redis://host:6379 or rediss://user:password@host:6379/0, with user and password percent-encoded',
  read(input) {
    const address = plainUrl.read(input);
    if (address === undefined) return undefined;
    const { username, password, pathname } = new URL(address);
    const isDatabase = /^\/?\d{0,5}$/.test(pathname);
    return isDatabase && isEncoded(username) && isEncoded(password) ? address : undefined;
  },
};

/** Whether each % begins an escape: one that was left as it is would be another password. */
function isEncoded(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

export const storeOptions = {
  dataDirectory: option({
    env: 'OP_DATA_DIR',
    parser: path,
    fallback: './.op-scim',
    help: 'Folder of the SQLite file that holds the directory when no Redis is named. `:memory:` keeps nothing.',
  }),
  redisUrl: option({
    env: 'OP_REDIS_URL',
    chart: 'redis.external.url',
    parser: redisUrl,
    fallback: undefined,
    secret: showServer,
    help: 'Redis that holds the directory and the certificate. Comes before OP_REDIS_HOST, OP_REDIS_PORT and OP_REDIS_ENABLE_SSL, which then do not count; user name and password may come from it or from their own variables.',
  }),
  redisHost: option({
    env: 'OP_REDIS_HOST',
    chart: 'redis.external.host',
    parser: hostName,
    fallback: undefined,
    help: 'Host of Redis, where a URL is not wanted.',
  }),
  redisPort: option({
    env: 'OP_REDIS_PORT',
    chart: 'redis.external.port',
    parser: port,
    fallback: 6379,
    help: 'Port of Redis at OP_REDIS_HOST.',
  }),
  redisUsername: option({
    env: 'OP_REDIS_USERNAME',
    chart: 'redis.external.username',
    parser: text,
    fallback: undefined,
    help: 'User name for Redis when its URL has none.',
  }),
  redisPassword: option({
    env: 'OP_REDIS_PASSWORD',
    chart: 'redis.password',
    parser: text,
    fallback: undefined,
    secret: true,
    help: 'Password for Redis when its URL has none.',
  }),
  usesRedisTls: option({
    env: 'OP_REDIS_ENABLE_SSL',
    aliases: ['OP_REDIS_SSL_ENABLED'],
    chart: 'redis.external.tls',
    parser: flag,
    fallback: false,
    help: 'Speaks TLS to OP_REDIS_HOST, or to the Sentinels and the Redis that they name. A URL says so by rediss://.',
  }),
  allowsAnyRedisCertificate: option({
    env: 'OP_REDIS_INSECURE_SSL',
    chart: 'redis.external.insecureTls',
    parser: flag,
    fallback: false,
    help: 'Does not check the certificate of Redis. Whoever is between can then read and change everything.',
  }),
  redisCaFile: option({
    env: 'OP_REDIS_CA_FILE',
    chart: 'redis.external.ca',
    parser: file,
    fallback: undefined,
    help: 'PEM file of the authorities that may have signed the certificate of Redis. Unset: those that Node knows.',
  }),
  isRedisCluster: option({
    env: 'OP_REDIS_CLUSTER',
    chart: 'redis.external.cluster',
    parser: flag,
    fallback: false,
    help: 'The Redis named above is a node of a Redis Cluster: the others are found through it.',
  }),
  redisSentinels: option({
    env: 'OP_REDIS_SENTINELS',
    chart: 'redis.external.sentinels',
    parser: hostsAndPorts(26_379),
    fallback: undefined,
    help: 'Sentinels that know which Redis is the primary one; instead of OP_REDIS_URL and OP_REDIS_HOST.',
  }),
  redisSentinelName: option({
    env: 'OP_REDIS_SENTINEL_NAME',
    chart: 'redis.external.sentinelName',
    parser: text,
    fallback: undefined,
    help: 'Name under which the Sentinels watch the primary Redis.',
  }),
  redisSentinelPassword: option({
    env: 'OP_REDIS_SENTINEL_PASSWORD',
    chart: 'redis.external.sentinelPassword',
    parser: text,
    fallback: undefined,
    secret: true,
    help: 'Password of the Sentinels themselves; that of Redis is OP_REDIS_PASSWORD.',
  }),
};

function showServer(address: string): string {
  const { protocol, host, username, password } = new URL(address);
  return `${protocol}//${username === '' && password === '' ? '' : '(hidden)@'}${host}`;
}
