import type { StoreHealth } from '../store.ts';
import type { RedisConnection } from './connect.ts';

/** What Redis says of itself. Undefined where a managed Redis does not tell. */
export interface ServerFacts {
  readonly version: string;
  readonly appendOnly: boolean;
  readonly appendFsync: string | undefined;
  /** The setting `save`: '' is none. */
  readonly snapshots: string | undefined;
  readonly appendFailed: boolean;
  readonly usedBytes: number;
  /** 0: no limit. */
  readonly maxBytes: number;
  readonly evictionPolicy: string | undefined;
}

export async function readFacts(connection: RedisConnection): Promise<ServerFacts> {
  const [info, settings] = await Promise.all([
    connection.command('info', []),
    // Managed Redis refuses CONFIG, and so may an ACL.
    Promise.all([setting(connection, 'appendfsync'), setting(connection, 'save')]),
  ]);
  const lines = new Map<string, string>();
  for (const line of String(info).split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) lines.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return {
    version: lines.get('redis_version') ?? '',
    appendOnly: lines.get('aof_enabled') === '1',
    appendFsync: settings[0],
    snapshots: settings[1],
    appendFailed: (lines.get('aof_last_write_status') ?? 'ok') !== 'ok',
    usedBytes: Number(lines.get('used_memory') ?? 0),
    maxBytes: Number(lines.get('maxmemory') ?? 0),
    evictionPolicy: lines.get('maxmemory_policy'),
  };
}

/**
 * Whether each commit has to wait for WAITAOF (Redis 7.2): where the file is not synced before each
 * answer. With `appendfsync no` even that proves nothing.
 */
export function needsBarrier({ version, appendOnly, appendFsync }: ServerFacts): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const hasWaitAof = major > 7 || (major === 7 && minor >= 2);
  return hasWaitAof && appendOnly && (appendFsync === undefined || appendFsync === 'everysec');
}

/** `mayFailOver`: Sentinels or a Cluster make a replica the master, which may lack the last writes. */
export function healthOf(
  facts: ServerFacts,
  hasBarrier: boolean,
  mayFailOver: boolean,
): StoreHealth {
  const { durability, warning } = durabilityOf(facts, hasBarrier, mayFailOver);
  const warnings = warning === undefined ? [] : [warning];
  const eviction = evictionWarning(facts);
  if (eviction !== undefined) warnings.push(eviction);
  if (facts.appendFailed) warnings.push(APPEND_FAILED);
  return {
    durability,
    warning: warnings.length === 0 ? undefined : warnings.join(' '),
    memoryUse: facts.maxBytes > 0 ? facts.usedBytes / facts.maxBytes : undefined,
  };
}

export const APPEND_FAILED =
  'Redis could not write its append-only file. Check the space and the health of its volume.';

/** Redis 7 with appendonly reads its append-only files alone, and begins empty where there are none. */
const TURN_ON =
  'Turn the append-only file on while Redis runs, since a restart with it in redis.conf alone begins with an empty store: redis-cli config set appendonly yes, redis-cli config set appendfsync always, wait until redis-cli info persistence shows aof_rewrite_scheduled:0 and aof_rewrite_in_progress:0, then redis-cli config rewrite.';

/** Undefined when no key is ever evicted, or Redis does not tell. */
export function evictionWarning({ evictionPolicy }: ServerFacts): string | undefined {
  if (evictionPolicy === undefined || evictionPolicy === 'noeviction') return undefined;
  return `Redis evicts keys when memory is full (maxmemory-policy ${evictionPolicy}), people and groups among them. Set maxmemory-policy noeviction.`;
}

/** Whether an acknowledged write survives, and the sentence to say where it may not. */
export function durabilityOf(
  facts: ServerFacts,
  hasBarrier: boolean,
  mayFailOver: boolean,
): Pick<StoreHealth, 'durability' | 'warning'> {
  const isTold = facts.appendFsync !== undefined;
  if (!facts.appendOnly && isTold) {
    if (facts.snapshots === '') {
      const warning = `Redis keeps everything in memory alone: a restart loses all of it. ${TURN_ON}`;
      return { durability: 'memory-only', warning };
    }
    const warning = `Redis saves snapshots alone: a crash loses what came after the last one. ${TURN_ON}`;
    return { durability: 'may-lose-seconds', warning };
  }
  if (mayFailOver) {
    const warning =
      'When Redis fails over to a replica, the last seconds may be lost, since replicas get writes after they were answered.';
    return { durability: 'may-lose-seconds', warning };
  }
  if (facts.appendFsync === 'always' || hasBarrier)
    return { durability: 'durable', warning: undefined };
  const warning = isTold
    ? `A crash of the machine of Redis may lose the last seconds (appendfsync ${facts.appendFsync}). Set appendfsync always, or use Redis 7.2 or newer with everysec.`
    : 'Redis does not tell how it writes to disk (CONFIG is refused, as managed Redis does): the last seconds may be lost.';
  return { durability: 'may-lose-seconds', warning };
}

async function setting(connection: RedisConnection, name: string): Promise<string | undefined> {
  try {
    const reply = await connection.command('config', ['GET', name]);
    return (reply as string[])[1]; // CONFIG GET answers name and value
  } catch {
    return undefined;
  }
}
