import type { ApiTimes } from './provider-api.ts';

/** What providers are made of besides their settings. */
export interface ProviderParts {
  readonly times: ApiTimes;
  readonly servers: ProviderServers;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type ProviderServers = typeof PROVIDER_SERVERS;

/** Origins. Settings never choose them: credentials go nowhere else. */
export const PROVIDER_SERVERS: Readonly<
  Record<'google' | 'googleTokens' | 'azure' | 'azureTokens' | 'cloudflare', string>
> = {
  google: 'https://dns.googleapis.com',
  googleTokens: 'https://oauth2.googleapis.com',
  azure: 'https://management.azure.com',
  azureTokens: 'https://login.microsoftonline.com',
  cloudflare: 'https://api.cloudflare.com',
};

export const API_TIMES: ApiTimes = { requestMs: 15_000, pauseMs: 1_000 };
