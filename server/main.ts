import type { RequestListener } from 'node:http';
import { BlockList } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { OperatorError } from '#base/operator-error.ts';
import { isPlainForAll, probePort } from '#config/combinations.ts';
import type { Config } from '#config/options.ts';
import { type Accounts, createAccounts } from '#http/accounts.ts';
import { createApp, createProbeApp } from '#http/app.ts';
import type { Bridge } from '#http/context.ts';
import { Health } from '#http/health.ts';
import { healthSources } from '#http/health-sources.ts';
import { createMetrics } from '#http/metrics.ts';
import type { Operations } from '#http/operations.ts';
import {
  createLimitedServer,
  type LimitedServer,
  limitServer,
  SERVER_OPTIONS,
} from '#http/server.ts';
import { createKeyring, type Keyring } from '#session/keyring.ts';
import { openSessionSource, openTokenSource } from '#session/source.ts';
import { openBackend } from '#store/open.ts';
import type { StoreBackend } from '#store/store.ts';
import { openTls, type Tls, type TlsTuning } from '#tls/open-tls.ts';

export interface RunningBridge {
  readonly url: string;
  /** Serves on for `OP_SHUTDOWN_DELAY`, then finishes what was accepted. No accepted request is cut. */
  close(): Promise<void>;
}

export interface BridgeOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** For tests. */
  readonly tlsTuning?: TlsTuning;
}

/** Wires all parts and listens. Throws OperatorError for what the operator can mend. */
export async function startBridge(options: BridgeOptions): Promise<RunningBridge> {
  const { config, log, version } = options;
  const keyring = openKeyring(config, log);
  const domain = tlsDomainOf(config, keyring, log);
  const backend = await openBackend(config);
  const accounts = createAccounts({ backend, keyring, config, log });
  let tls: Tls | undefined;
  const release = async () => {
    await tls?.close();
    accounts.close();
    keyring.close();
    await backend.close();
  };
  let draining = false;
  const listening: LimitedServer[] = [];
  try {
    if (domain !== undefined) tls = await openTlsOf(options, domain, backend, keyring);
    const operations = {
      health: new Health(version, healthSources(backend, keyring, accounts, tls), Date.now),
      metrics: createMetrics(backend, keyring, tls),
      isDraining: () => draining,
    };
    const bridge = bridgeOf(options, domain, keyring, accounts);
    // What is stored is served from the first connection on.
    await tls?.start();
    for (const [server, port] of serversOf(config, bridge, operations, tls)) {
      await listen(server.server, port, config.listenAddress);
      listening.push(server);
    }
  } catch (thrown) {
    // What is open would keep the process from ending.
    for (const { server } of listening) server.close();
    await release();
    throw thrown;
  }
  const url = addressOf(
    listening[0]?.server,
    config.listenAddress,
    tls === undefined ? 'http' : 'https',
  );
  log.info({ url, store: backend.kind, version }, 'the bridge serves');
  if (isPlainForAll(config, tls !== undefined)) {
    log.info(
      'plain HTTP is open to every address of this machine: right behind a proxy that ends TLS; else set OP_TLS_DOMAIN, or OP_LISTEN=127.0.0.1',
    );
  }
  if (keyring.unlocked === undefined) {
    log.info('the bridge is locked: the first request with the SCIM bearer token unlocks it');
  }
  return {
    url,
    async close() {
      draining = true;
      log.info({ delaySeconds: config.shutdownDelaySeconds }, 'the bridge ends');
      await sleep(config.shutdownDelaySeconds * 1000);
      await Promise.all([tls?.close(), ...listening.map((server) => server.drain())]);
      await release();
    },
  };
}

/** The servers and their ports, the one for clients first. */
function serversOf(
  config: Config,
  bridge: Bridge,
  operations: Operations,
  tls: Tls | undefined,
): readonly (readonly [LimitedServer, number])[] {
  const app = listenerOf(createApp(bridge, operations));
  const probe = listenerOf(createProbeApp(bridge, operations));
  const main: readonly [LimitedServer, number] =
    tls === undefined
      ? [createLimitedServer(app), config.port]
      : [limitServer(tls.server, app), config.tlsPort];
  const plain = tls?.plainListener;
  const port = probePort(config, tls !== undefined);
  return [
    main,
    ...(port === undefined ? [] : [[createLimitedServer(probe), port] as const]),
    ...(plain === undefined ? [] : [[createLimitedServer(plain), config.port] as const]),
  ];
}

function listenerOf(app: ReturnType<typeof createApp>): RequestListener {
  const handle = app.callback();
  // Koa answers whatever goes wrong: its promise never rejects.
  return (request, response) => void handle(request, response);
}

function bridgeOf(
  { config, log }: BridgeOptions,
  domain: string | undefined,
  keyring: Keyring,
  accounts: Accounts,
): Bridge {
  return {
    log,
    limits: limitsOf(config),
    check: (bearerToken) => keyring.check(bearerToken),
    account: () => accounts.open(),
    confirm: (account) => accounts.confirm(account),
    isStrict: config.isStrict,
    origin: domain === undefined ? config.publicUrl : `https://${domain}`,
    servedHost: domain,
    trustedProxies: proxyCheck(config),
  };
}

/** Undefined: plain HTTP. The session's domain counts only where OP_TLS_DOMAIN is not set at all. */
function tlsDomainOf(config: Config, keyring: Keyring, log: Logger): string | undefined {
  const { tlsDomain } = config;
  if (tlsDomain !== undefined) return tlsDomain || undefined;
  if (keyring.domain !== undefined) {
    log.warn(
      `The domain ${keyring.domain} comes from the scimsession file, since OP_TLS_DOMAIN is not set. Set OP_TLS_DOMAIN to it, or to the empty text for plain HTTP.`,
    );
  }
  return keyring.domain;
}

function openTlsOf(
  { config, log, tlsTuning: tuning }: BridgeOptions,
  domain: string,
  backend: StoreBackend,
  keyring: Keyring,
): Promise<Tls> {
  const storeSeal = (): Buffer => keyring.storeSeal;
  const parts = { config, domain, backend, storeSeal, log, http: SERVER_OPTIONS };
  return openTls(tuning === undefined ? parts : { ...parts, tuning });
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

function refuseKind(kind: string): void {
  if (kind === 'standalone') return;
  throw new OperatorError(
    `The session is of kind "${kind}", which this version can seal but not serve yet. ` +
      'Make one of kind standalone: op-scim session create --out FILE.',
  );
}

function listen(
  server: LimitedServer['server'],
  port: number,
  address: string | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.message;
      const message = `Port ${port} can not be opened: ${reason}. Free it, or choose another by OP_PORT, OP_TLS_PORT or OP_PING_PORT.`;
      reject(new OperatorError(message, { cause }));
    });
    server.listen({ port, ...(address === undefined ? {} : { host: address }) }, resolve);
  });
}

function addressOf(
  server: LimitedServer['server'] | undefined,
  listenAddress: string | undefined,
  scheme: 'http' | 'https',
): string {
  const address = server?.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const host = listenAddress === undefined ? 'localhost' : listenAddress;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
