import { storeKind } from '#config/combinations.ts';
import type { Config } from '#config/options.ts';
import { APPEND_FAILED, evictionWarning, type ServerFacts } from '#store/redis/health.ts';
import type { RedisLook } from '#store/redis/look.ts';
import { type Check, type Finding, failed, ok, skipped, warning } from './check.ts';
import type { Subject } from './subject.ts';

const SLOW_MS = 50;
const MEMORY_WARNING = 0.8;
const MEMORY_FULL = 0.95;

export const redisChecks: readonly Check[] = [
  {
    id: 'redis',
    title: 'Redis',
    about:
      'Redis answers under the address, the password and the TLS settings of the bridge, and quickly. Each SCIM request waits for one or two answers of it.',
    remedy:
      'Check that it runs (`kubectl get pods`), that nothing keeps the bridge from its port, and that its password is the one of `OP_REDIS_PASSWORD`. While it is away the bridge answers 503, loses nothing that it has acknowledged, and recovers by itself.',
    async run(subject) {
      if (storeKind(subject.config) !== 'redis') return NOT_USED;
      const { found, problem } = await subject.redis();
      if (found === undefined) return failed(problem);
      const took = `${found.latencyMs < 10 ? found.latencyMs.toFixed(1) : Math.round(found.latencyMs)} ms`;
      const said = `Version ${found.facts.version || 'unknown'} answers a PING in ${took}.`;
      return found.latencyMs > SLOW_MS
        ? warning(
            said,
            'Bring Redis and the bridge closer together: the same region, the same network.',
          )
        : ok(said);
    },
  },
  ofRedis({
    id: 'redis-durability',
    title: 'Redis durability',
    about:
      'What the bridge has acknowledged survives a power cut of Redis: `appendonly yes` with `appendfsync always`, or `everysec` from Redis 7.2 on, where the bridge waits for the disk by itself (`WAITAOF`). Where that can not be proved, as with managed Redis or an asynchronous failover, the last seconds may be lost.',
    remedy:
      'The Redis of the chart is set so. Elsewhere turn it on **while Redis runs**, on a volume that outlives the pod: `redis-cli config set appendonly yes` and `redis-cli config set appendfsync always`, wait until `redis-cli info persistence` shows `aof_rewrite_scheduled:0` and `aof_rewrite_in_progress:0`, then `redis-cli config rewrite` (or the same two lines in `redis.conf`). Restart only then: with `appendonly yes` in its file and no append-only file yet, Redis 7 ignores `dump.rdb` and begins with an empty store. With managed Redis turn on its persistence, and take `op-scim export` as a backup from time to time.',
    judge: durabilityFinding,
  }),
  ofRedis({
    id: 'redis-eviction',
    title: 'Redis eviction',
    about:
      'A full Redis refuses writes and forgets nothing (`maxmemory-policy noeviction`). Any other policy throws people, groups, leases and the certificate away to make room.',
    remedy:
      'Set `maxmemory-policy noeviction`: `redis-cli config set maxmemory-policy noeviction`, and in its configuration.',
    judge({ facts }) {
      const complaint = evictionWarning(facts);
      if (complaint !== undefined) return failed(complaint);
      return facts.evictionPolicy === undefined
        ? warning('Redis does not tell its maxmemory-policy.', 'Make sure that it is noeviction.')
        : ok('maxmemory-policy is noeviction.');
    },
  }),
  ofRedis({
    id: 'redis-memory',
    title: 'Redis memory',
    about:
      'How much of its memory limit (`maxmemory`) Redis uses. When it is full, writes are answered 503. Plan 3 KiB for each person and 0.5 KiB for each membership.',
    remedy:
      'Raise `maxmemory`, and with it the memory limit of the container: Redis needs room besides while it rewrites its file.',
    judge: ({ facts }) => memoryFinding(facts),
  }),
  ofRedis({
    id: 'redis-access',
    title: 'Redis access',
    about:
      'Redis asks for a password, and its certificate is checked where TLS is used. Names and e-mail addresses are in clear in the store.',
    remedy:
      'Give Redis a password: for that of the chart the Secret that its notes name. Turn `OP_REDIS_INSECURE_SSL` off, and set `OP_REDIS_CA_FILE` to the authority that signed for Redis.',
    judge: (_look, { config }) => accessFinding(config),
  }),
];

const NOT_USED = skipped('Redis is not used: the directory is in an SQLite file.');

interface RedisCheck extends Omit<Check, 'run'> {
  judge(look: RedisLook, subject: Subject): Finding;
}

function ofRedis({ judge, ...check }: RedisCheck): Check {
  return {
    ...check,
    async run(subject) {
      if (storeKind(subject.config) !== 'redis') return NOT_USED;
      const { found } = await subject.redis();
      return found === undefined ? skipped('Redis does not answer.') : judge(found, subject);
    },
  };
}

function durabilityFinding({ facts, durability, hasBarrier }: RedisLook): Finding {
  if (facts.appendFailed) return failed(APPEND_FAILED);
  const { warning: complaint } = durability;
  if (durability.durability === 'memory-only') return failed(complaint ?? '');
  if (complaint !== undefined) return warning(complaint);
  return ok(
    hasBarrier
      ? 'appendonly is on, and each commit waits until it is on disk (WAITAOF).'
      : 'appendonly is on, with appendfsync always.',
  );
}

function memoryFinding({ usedBytes, maxBytes }: ServerFacts): Finding {
  const used = `${Math.ceil(usedBytes / 2 ** 20)} MiB`;
  if (maxBytes === 0) return ok(`${used} are used. Redis has no limit of its own (maxmemory 0).`);
  const part = usedBytes / maxBytes;
  const said = `${used} are used, ${Math.round(part * 100)} % of maxmemory.`;
  const hint = 'Raise maxmemory before writes are refused.';
  if (part > MEMORY_FULL) return failed(said, hint);
  return part > MEMORY_WARNING ? warning(said, hint) : ok(said);
}

function accessFinding(config: Config): Finding {
  const { redisUrl, redisPassword, usesRedisTls, allowsAnyRedisCertificate } = config;
  const url = redisUrl === undefined ? undefined : URL.parse(redisUrl);
  const hasPassword = redisPassword !== undefined || (url?.password ?? '') !== '';
  const isTls = url === undefined || url === null ? usesRedisTls : url.protocol === 'rediss:';
  if (allowsAnyRedisCertificate && isTls) {
    return warning(
      'OP_REDIS_INSECURE_SSL is on: whoever is between the bridge and Redis can read and change everything.',
    );
  }
  if (!hasPassword) {
    return warning(
      'Redis asks for no password: whoever reaches its port can read and change everything.',
    );
  }
  return ok(
    isTls
      ? 'With a password, over TLS.'
      : 'With a password, in clear: keep the network between them private.',
  );
}
