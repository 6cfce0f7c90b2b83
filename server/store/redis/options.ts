import type { RedisOptions as ClientOptions, ClusterOptions } from 'ioredis';

/** Where Redis is. With `url`, host, port and tls are not read. */
export interface RedisOptions {
  /** `redis://` or `rediss://`; its user name and password come before those beside it. */
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: boolean;
  /** Certificates to trust besides none other, as PEM text. Undefined: those of Node. */
  readonly caPem?: string;
  /** Takes any certificate. */
  readonly insecure?: boolean;
  /** Asked for the master `sentinelName`; host and port are not read then. */
  readonly sentinels?: readonly Address[];
  readonly sentinelName?: string;
  readonly sentinelPassword?: string;
  /** The address is a node of a Redis Cluster. */
  readonly cluster?: boolean;
  /** After which a command counts as lost. Default 5 s. */
  readonly commandTimeoutMs?: number;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Calls wait for a lost connection so long, then fail at once until it is back. */
export const PATIENCE_MS = 1_000;

export function clientOptions(options: RedisOptions) {
  const place = placeOf(options);
  const { sentinels } = options;
  return {
    ...(sentinels === undefined || sentinels.length === 0
      ? { host: place.host, port: place.port }
      : sentinelOptions(options, sentinels, place)),
    ...credentials(place),
    ...tlsOptions(options, place),
    db: place.database,
    commandTimeout: options.commandTimeoutMs ?? 5_000,
    connectTimeout: 2_000,
    enableOfflineQueue: false,
    // A command in flight when the connection broke is sent again after a reconnect, and given up
    // at the fourth failed attempt: about a second.
    maxRetriesPerRequest: 3,
    maxLoadingRetryTime: 500,
    retryStrategy: backOffMs,
    // After a failover the old master is a replica: look the master up again.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
    connectionName: 'op-scim',
    disableClientInfo: true,
  } satisfies ClientOptions;
}

export function clusterOptions(options: RedisOptions) {
  const place = placeOf(options);
  const nodes = [{ host: place.host, port: place.port }];
  const client = {
    clusterRetryStrategy: backOffMs,
    clusterNodeRetryStrategy: backOffMs,
    enableOfflineQueue: false,
    // About as long as `maxRetriesPerRequest` gives a single Redis.
    maxRedirections: 10,
    slotsRefreshTimeout: 2_000,
    redisOptions: {
      ...credentials(place),
      ...tlsOptions(options, place),
      commandTimeout: options.commandTimeoutMs ?? 5_000,
      connectTimeout: 2_000,
      connectionName: 'op-scim',
      disableClientInfo: true,
    },
    // With TLS the name must reach the handshake, or no certificate would match.
    ...(place.tls ? { dnsLookup: keepName } : {}),
  } satisfies ClusterOptions;
  return { nodes, client };
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean;
}

function placeOf(options: RedisOptions): Place {
  if (options.url === undefined) {
    return {
      host: options.host ?? 'localhost',
      port: options.port ?? 6379,
      username: options.username,
      password: options.password,
      database: 0,
      tls: options.tls ?? false,
    };
  }
  const url = URL.parse(options.url);
  if (url === null || !/^rediss?:$/.test(url.protocol)) {
    throw new Error('The URL of Redis must begin with redis:// or rediss://.');
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(url.port) || 6379,
    username: decodeURIComponent(url.username) || options.username,
    password: decodeURIComponent(url.password) || options.password,
    database: Number(url.pathname.slice(1)) || 0,
    tls: url.protocol === 'rediss:',
  };
}

function credentials(place: Place) {
  return {
    ...(place.username === undefined ? {} : { username: place.username }),
    ...(place.password === undefined ? {} : { password: place.password }),
  };
}

function tlsOptions(options: RedisOptions, place: Place): Pick<ClientOptions, 'tls'> {
  if (!place.tls) return {};
  return {
    tls: {
      rejectUnauthorized: options.insecure !== true,
      ...(options.caPem === undefined ? {} : { ca: options.caPem }),
    },
  };
}

function sentinelOptions(options: RedisOptions, sentinels: readonly Address[], place: Place) {
  const { tls } = tlsOptions(options, place);
  return {
    // Without these two ioredis speaks in clear, also to the master, whatever `tls` says.
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    name: options.sentinelName ?? 'mymaster',
    sentinelRetryStrategy: backOffMs,
    // Leaves the old master as soon as the Sentinels say so, not when it answers READONLY.
    failoverDetector: true,
    ...(options.sentinelPassword === undefined
      ? {}
      : { sentinelPassword: options.sentinelPassword }),
  };
}

function keepName(name: string, done: (error: null, address: string) => void): void {
  done(null, name);
}

/** 50 ms doubled up to 1 s, with up to a fifth of jitter so that replicas do not come in step. */
function backOffMs(attempt: number): number {
  return Math.min(50 * 2 ** (attempt - 1), 1_000) * (1 + Math.random() / 5);
}
