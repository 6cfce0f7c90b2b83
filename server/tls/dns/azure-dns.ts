import { asObject, type JsonObject, listAt, objectAt, textAt } from '../http-answer.ts';
import { type DnsProvider, RECORD_TTL_SECONDS } from './dns-provider.ts';
import { findZone } from './find-zone.ts';
import { OauthApi } from './oauth-api.ts';
import { ProviderApi } from './provider-api.ts';
import type { ProviderParts } from './provider-parts.ts';
import { type FoundSet, providerOfSets, type RecordSets } from './record-sets.ts';

export interface AzureSettings {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
}

const TITLE = 'Azure DNS';
/** Microsoft says that a change shows on all name servers within 60 seconds. */
const SPREAD_MS = 60_000;
const QUERY = { 'api-version': '2018-05-01' };
const ADVICE =
  'The application azure.client_id needs the role DNS Zone Contributor on the zone, which has to be in azure.resource_group_name of azure.subscription_id; a new role takes some minutes.';

/** The entries are as the API has them: all but our own are written back unchanged. */
interface AzureSet extends FoundSet<unknown> {
  readonly etag: string;
  readonly properties: JsonObject;
}

/**
 * Azure DNS, API 2018-05-01: https://learn.microsoft.com/rest/api/dns (zones get; record sets get,
 * create or update, delete). A set is written whole, under the etag that it was read with. Tokens
 * come by client credentials: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export function azureDns(settings: AzureSettings, parts: ProviderParts): DnsProvider {
  const { tenantId, clientId, clientSecret, subscriptionId, resourceGroup } = settings;
  const { times, servers } = parts;
  const group = `/subscriptions/${subscriptionId}/resourceGroups/${encodeURIComponent(resourceGroup)}`;
  const api = new ProviderApi({
    title: TITLE,
    baseUrl: `${servers.azure}${group}/providers/Microsoft.Network/dnsZones`,
    times,
  });
  const oauth = new OauthApi({
    api,
    tokens: new ProviderApi({ title: TITLE, baseUrl: servers.azureTokens, times }),
    tokenPath: `/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`,
    grant: () => ({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://management.azure.com/.default',
    }),
    advice:
      'Check azure.tenant_id, azure.client_id and azure.client_secret: a client secret ends at a date, and it is its value that counts, not its id.',
  });
  return providerOfSets(new AzureSets(oauth, api, times.pauseMs));
}

class AzureSets implements RecordSets<string, unknown, AzureSet> {
  readonly title = TITLE;
  readonly spreadMs = SPREAD_MS;
  readonly pauseMs: number;
  readonly #oauth: OauthApi;
  readonly #api: ProviderApi;

  constructor(oauth: OauthApi, api: ProviderApi, pauseMs: number) {
    this.#oauth = oauth;
    this.#api = api;
    this.pauseMs = pauseMs;
  }

  entryOf(value: string): object {
    return { value: [value] };
  }

  isOf(entry: unknown, value: string): boolean {
    // A text of more than 255 characters comes in parts.
    return listAt(asObject(entry), 'value').join('') === value;
  }

  zoneOf(name: string, signal: AbortSignal): Promise<string> {
    return findZone({
      ...{ api: this.#api, name, advice: ADVICE },
      ask: (zone) =>
        this.#oauth.send(
          { method: 'GET', path: `/${encodeURIComponent(zone)}`, query: QUERY },
          signal,
        ),
      idIn: (_answer, zone) => zone,
    });
  }

  async read(zone: string, name: string, signal: AbortSignal): Promise<AzureSet | undefined> {
    const path = pathOf(zone, name);
    const answer = await this.#oauth.send({ method: 'GET', path, query: QUERY }, signal);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#api.refusal('reading records', answer, ADVICE);
    const etag = textAt(answer.json, 'etag');
    const properties = objectAt(answer.json, 'properties');
    const entries = properties?.['TXTRecords'];
    // What is not understood would be lost when it is written back.
    if (etag === undefined || properties === undefined || !Array.isArray(entries)) {
      throw this.#api.senseless('set of records');
    }
    return { etag, properties, entries };
  }

  async write(
    zone: string,
    name: string,
    change: { readonly before: AzureSet | undefined; readonly entries: readonly unknown[] },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { before, entries } = change;
    const path = pathOf(zone, name);
    const headers = before === undefined ? { 'if-none-match': '*' } : { 'if-match': before.etag };
    const { TTL = RECORD_TTL_SECONDS, metadata } = before?.properties ?? {};
    const kept = metadata === undefined ? {} : { metadata };
    const answer = await this.#oauth.send(
      entries.length === 0
        ? { method: 'DELETE', path, query: QUERY, headers }
        : {
            ...{ method: 'PUT', path, query: QUERY, headers },
            json: { properties: { TTL, ...kept, TXTRecords: entries } },
          },
      signal,
    );
    if ([409, 412].includes(answer.status)) return answer.detail;
    if ([200, 201, 204].includes(answer.status)) return undefined;
    throw this.#api.refusal('changing records', answer, ADVICE);
  }
}

function pathOf(zone: string, name: string): string {
  const relative = name === zone ? '@' : name.slice(0, -zone.length - 1);
  return `/${encodeURIComponent(zone)}/TXT/${encodeURIComponent(relative)}`;
}
