import type { FakeProvider } from './fake-api.ts';
import { startFakeAzureDns } from './fake-azure-dns.ts';
import { startFakeCloudflare } from './fake-cloudflare.ts';
import { startFakeGoogleDns } from './fake-google-dns.ts';

/** Each by its name in the settings. */
export const FAKE_PROVIDERS: Readonly<Record<string, (zone: string) => Promise<FakeProvider>>> = {
  googlecloud: startFakeGoogleDns,
  azure: startFakeAzureDns,
  cloudflare: startFakeCloudflare,
};
