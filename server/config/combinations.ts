import type { Config } from './options.ts';

/** Settings that are right alone and wrong together: one sentence each. */
export function combinationMistakes(config: Config): string[] {
  const together = (isWrong: boolean, sentence: string) => (isWrong ? [sentence] : []);
  const has = (name: keyof Config) => config[name] !== undefined;
  return [
    ...together(
      has('tlsCertFile') !== has('tlsKeyFile'),
      'OP_TLS_CERT_FILE and OP_TLS_KEY_FILE belong together: set both, or neither for Let’s Encrypt.',
    ),
    ...together(
      has('acmeEabKid') !== has('acmeEabHmac'),
      'OP_ACME_EAB_KID and OP_ACME_EAB_HMAC belong together: set both or neither.',
    ),
    ...together(
      has('acmeProfile') && config.acmeEngine === 'greenlock',
      'OP_ACME_PROFILE can not be asked for by OP_ACME_ENGINE=greenlock: unset one of them.',
    ),
    ...together(
      has('redisSentinels') && (has('redisUrl') || has('redisHost')),
      'OP_REDIS_SENTINELS finds Redis by itself: remove it, or OP_REDIS_URL and OP_REDIS_HOST.',
    ),
    ...together(
      has('redisSentinels') !== has('redisSentinelName'),
      'OP_REDIS_SENTINELS and OP_REDIS_SENTINEL_NAME belong together: set both or neither.',
    ),
    ...together(
      has('redisSentinels') && config.isRedisCluster,
      'OP_REDIS_SENTINELS and OP_REDIS_CLUSTER exclude each other: set the one that your Redis is.',
    ),
    ...together(
      config.allowsAnyRedisCertificate && has('redisCaFile'),
      'OP_REDIS_INSECURE_SSL turns off the check that OP_REDIS_CA_FILE is for: remove one of them.',
    ),
    ...together(
      has('dnsChallengeConfigFile') && config.acmeChallenge === 'http-01',
      'OP_DNS_CHALLENGE_CONFIG_FILE and OP_ACME_CHALLENGE=http-01 exclude each other: remove the one that you do not want.',
    ),
    ...together(
      config.servesProbes && config.probePort === config.tlsPort && config.probePort !== 0,
      `OP_PING_PORT and OP_TLS_PORT are both ${config.probePort}: change one of them.`,
    ),
  ];
}

/** Settings that have no effect beside the others, or another than was meant: one sentence each. */
export function combinationWarnings(config: Config): string[] {
  const warnings: string[] = [];
  if (config.redisUrl !== undefined && (config.redisHost !== undefined || config.usesRedisTls)) {
    warnings.push(
      'OP_REDIS_URL says where Redis is: OP_REDIS_HOST, OP_REDIS_PORT and OP_REDIS_ENABLE_SSL do not count. Remove them.',
    );
  }
  if (storeKind(config) === 'sqlite' && hasRedisDetail(config)) {
    warnings.push(
      'Redis is not used: neither OP_REDIS_URL nor OP_REDIS_HOST nor OP_REDIS_SENTINELS is set, so the other OP_REDIS_* settings do not count and the directory is kept in OP_DATA_DIR.',
    );
  }
  if (config.tlsDomain === '' && config.tlsCertFile !== undefined) {
    warnings.push('OP_TLS_CERT_FILE is not used because OP_TLS_DOMAIN is empty.');
  }
  if (config.dnsChallengeConfigFile !== undefined && config.tlsDomain === '') {
    warnings.push('OP_DNS_CHALLENGE_CONFIG_FILE is not used because OP_TLS_DOMAIN is empty.');
  } else if (config.dnsChallengeConfigFile !== undefined && config.tlsCertFile !== undefined) {
    warnings.push(
      'OP_DNS_CHALLENGE_CONFIG_FILE is not used because OP_TLS_CERT_FILE brings the certificate.',
    );
  }
  const { tlsDomain = '', chartTlsDomain } = config;
  if (chartTlsDomain !== undefined && chartTlsDomain !== tlsDomain) {
    warnings.push(
      `OP_TLS_DOMAIN is "${tlsDomain}" here and "${chartTlsDomain}" in the chart: it was set on the Deployment by hand, which helm upgrade does not undo. "kubectl set env deploy/op-scim-bridge OP_TLS_DOMAIN-" lets the chart decide.`,
    );
  }
  return warnings;
}

/** Redis when one is named, else the SQLite file in `dataDirectory`. */
export function storeKind(config: Config): 'redis' | 'sqlite' {
  const { redisUrl, redisHost, redisSentinels } = config;
  const isNamed = [redisUrl, redisHost, redisSentinels].some((value) => value !== undefined);
  return isNamed ? 'redis' : 'sqlite';
}

/**
 * The port of the probe server, undefined when there is none: turned off, or its port is that of
 * plain HTTP, which serves /ping itself (charts of the vendor's bridge put both on 8080).
 */
export function probePort(config: Config, servesTls: boolean): number | undefined {
  const isTaken = !servesTls && config.port === config.probePort && config.port !== 0;
  return config.servesProbes && !isTaken ? config.probePort : undefined;
}

/** Whether SCIM is served in plain HTTP to whoever reaches any address of the machine. */
export function isPlainForAll({ listenAddress }: Config, servesTls: boolean): boolean {
  return !servesTls && [undefined, '0.0.0.0', '::'].includes(listenAddress);
}

function hasRedisDetail(config: Config): boolean {
  const { redisPort, redisUsername, redisPassword, redisCaFile } = config;
  return (
    [redisUsername, redisPassword, redisCaFile].some((value) => value !== undefined) ||
    redisPort !== 6379 ||
    config.usesRedisTls ||
    config.allowsAnyRedisCertificate ||
    config.isRedisCluster
  );
}
