import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, BlockList } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { OperatorError } from '#base/operator-error.ts';
import { probePort } from '#config/combinations.ts';
import type { Config } from '#config/options.ts';
import { createAccounts } from '#http/accounts.ts';
import { createApp, createProbeApp } from '#http/app.ts';
import type { Bridge } from '#http/context.ts';
import { Health } from '#http/health.ts';
import { healthSources } from '#http/health-sources.ts';
import { createMetrics } from '#http/metrics.ts';
import { createLimitedServer, type LimitedServer } from '#http/server.ts';
import { createKeyring, type Keyring } from '#session/keyring.ts';
import { openSessionSource, openTokenSource } from '#session/source.ts';
import type { StoreBackend } from '#store/store.ts';

export interface RunningBridge {
  readonly url: string;
  /** Serves on for `OP_SHUTDOWN_DELAY`, then finishes what was accepted. No accepted request is cut. */
  close(): Promise<void>;
}

export interface BridgeOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
}

/** Wires all parts and listens. Throws OperatorError for what the operator can mend. */
export async function startBridge({ config, log, version }: BridgeOptions): Promise<RunningBridge> {
  refuseTls(config);
  const keyring = openKeyring(config, log);
  warnOfDomain(config, keyring, log);
  const backend = await openBackend(config);
  const accounts = createAccounts({ backend, keyring, config, log });
  const health = new Health(version, healthSources(backend, keyring, accounts), Date.now);
  const metrics = createMetrics(backend, keyring);
  const bridge: Bridge = {
    log,
    limits: limitsOf(config),
    check: (bearerToken) => keyring.check(bearerToken),
    account: () => accounts.open(),
    isStrict: config.isStrict,
    origin: config.publicUrl,
    trustedProxies: proxyCheck(config),
  };
  let draining = false;
  const operations = { health, metrics, isDraining: () => draining };
  const main = serverOf(createApp(bridge, operations));
  const probe = serverOf(createProbeApp(bridge, operations));
  const probePortNumber = probePort(config, false);
  const servers = probePortNumber === undefined ? [main] : [main, probe];
  const release = async () => {
    accounts.close();
    keyring.close();
    await backend.close();
  };
  try {
    await listen(main.server, config.port, config.listenAddress);
    if (probePortNumber !== undefined) {
      await listen(probe.server, probePortNumber, config.listenAddress);
    }
  } catch (thrown) {
    // What is open would keep the process from ending.
    for (const { server } of servers) server.close();
    await release();
    throw thrown;
  }
  const url = addressOf(main.server, config.listenAddress);
  log.info({ url, store: backend.kind, version }, 'the bridge serves');
  return {
    url,
    async close() {
      draining = true;
      log.info({ delaySeconds: config.shutdownDelaySeconds }, 'the bridge ends');
      await sleep(config.shutdownDelaySeconds * 1000);
      await Promise.all(servers.map((server) => server.drain()));
      await release();
    },
  };
}

function serverOf(app: ReturnType<typeof createApp>): LimitedServer {
  const handle = app.callback();
  // Koa answers whatever goes wrong: its promise never rejects.
  return createLimitedServer((request, response) => void handle(request, response));
}

function openKeyring(config: Config, log: Logger): Keyring {
  const source = openSessionSource(config.session, { log });
  refuseKind(source.session.meta.kind);
  const { bearerTokenFile } = config;
  return createKeyring({
    source,
    clock: Date.now,
    log,
    ...(bearerTokenFile === undefined
      ? {}
      : { tokenSource: openTokenSource(bearerTokenFile, { log }) }),
  });
}

/** Redis when one is named, else SQLite; each is loaded only when it is used. */
export async function openBackend(config: Config): Promise<StoreBackend> {
  const { redisUrl, redisHost, redisSentinels } = config;
  if (redisUrl === undefined && redisHost === undefined && redisSentinels === undefined) {
    const { openSqliteBackend } = await import('#store/sqlite/backend.ts');
    const isMemory = config.dataDirectory === ':memory:';
    const file = isMemory ? ':memory:' : join(config.dataDirectory, 'directory.sqlite');
    return openSqliteBackend({ file });
  }
  const { openRedisBackend } = await import('#store/redis/backend.ts');
  return openRedisBackend({
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
  });
}

function limitsOf(config: Config): Bridge['limits'] {
  return {
    bodyBytes: config.maxBodyBytes,
    groupBodyBytes: config.maxGroupBodyBytes,
    bulkBodyBytes: config.maxBulkBodyBytes,
    bulkOperations: config.maxBulkOperations,
    requestsPerSecond: config.requestsPerSecond,
  };
}

function proxyCheck({ trustedProxies }: Config): (address: string) => boolean {
  const list = new BlockList();
  for (const { address, prefixLength, family } of trustedProxies) {
    list.addSubnet(address, prefixLength, family);
  }
  return (address) => {
    const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
    return plain !== '' && list.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4');
  };
}

function refuseTls({ tlsDomain }: Config): void {
  if (tlsDomain === undefined || tlsDomain === '') return;
  throw new OperatorError(
    `OP_TLS_DOMAIN is "${tlsDomain}", but this version can not end TLS itself. ` +
      'Unset it, put the bridge behind a proxy that ends TLS, and set OP_PUBLIC_URL to the address that clients use.',
  );
}

/** A session's own domain counts when OP_TLS_DOMAIN is not set at all. */
function warnOfDomain({ tlsDomain }: Config, { domain }: Keyring, log: Logger): void {
  if (tlsDomain !== undefined || domain === undefined) return;
  log.warn(
    { domain },
    'The session asks for HTTPS under its domain, but this version can not end TLS itself and serves plain HTTP. Put the bridge behind a proxy that ends TLS, and set OP_TLS_DOMAIN to the empty text to say so.',
  );
}

function refuseKind(kind: string): void {
  if (kind === 'standalone') return;
  throw new OperatorError(
    `The session is of kind "${kind}", which this version can seal but not serve yet. ` +
      'Make one of kind standalone: op-scim session create --out FILE.',
  );
}

function listen(server: Server, port: number, address: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.message;
      const message = `Port ${port} can not be opened: ${reason}. Free it, or choose another by OP_PORT or OP_PING_PORT.`;
      reject(new OperatorError(message, { cause }));
    });
    server.listen({ port, ...(address === undefined ? {} : { host: address }) }, resolve);
  });
}

function addressOf(server: Server, listenAddress: string | undefined): string {
  const { port } = server.address() as AddressInfo; // A listening TCP server has one.
  const host = listenAddress === undefined ? 'localhost' : listenAddress;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
