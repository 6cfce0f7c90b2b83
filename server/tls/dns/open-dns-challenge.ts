import type { Logger } from 'pino';
import type { ChallengeSolver } from '../acme/acme-engine.ts';
import type { OrderParts } from '../shared-solver.ts';
import { azureDns } from './azure-dns.ts';
import { cloudflare } from './cloudflare.ts';
import { type DnsConfig, readDnsConfig } from './dns-config.ts';
import type { DnsProvider } from './dns-provider.ts';
import { dnsSolver, SOLVER_TIMES, type SolverTimes } from './dns-solver.ts';
import { googleCloudDns } from './google-cloud-dns.ts';
import type { ApiTimes } from './provider-api.ts';
import { API_TIMES, PROVIDER_SERVERS, type ProviderParts } from './provider-parts.ts';

export interface DnsChallengeOptions {
  /** OP_DNS_CHALLENGE_CONFIG_FILE. */
  readonly path: string;
  readonly domain: string;
  readonly log: Logger;
  readonly now: () => number;
  readonly tuning?: DnsTuning | undefined;
}

/** What tests make shorter or replace. */
export interface DnsTuning extends Partial<ApiTimes & SolverTimes> {
  readonly servers?: Partial<ProviderParts['servers']>;
}

/** Makes the solver of each order. Throws OperatorError for a file that can't be used. */
export function openDnsChallenge(
  options: DnsChallengeOptions,
): (order: OrderParts) => ChallengeSolver {
  const { path, domain, log, now, tuning = {} } = options;
  const { servers, ...times } = tuning;
  const parts: ProviderParts = {
    times: { ...API_TIMES, ...times },
    servers: { ...PROVIDER_SERVERS, ...servers },
    now,
  };
  const open = (): DnsProvider => openProvider(readDnsConfig(path), parts);
  log.info({ domain }, `certificate: checks are answered by a DNS record at ${open().title}`);
  return (order) => dnsSolver({ ...order, domain, open, times: { ...SOLVER_TIMES, ...times } });
}

/** The provider that the settings name. */
export function openProvider(config: DnsConfig, parts: ProviderParts): DnsProvider {
  if (config.provider === 'googlecloud') return googleCloudDns(config.settings, parts);
  if (config.provider === 'azure') return azureDns(config.settings, parts);
  return cloudflare(config.settings, parts);
}
