import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, listAt, textAt } from '../http-answer.ts';
import { type DnsProvider, providerError, RECORD_TTL_SECONDS } from './dns-provider.ts';
import { findZone } from './find-zone.ts';
import { type ServiceAccount, serviceAccountGrant, TOKEN_PATH } from './google-service-account.ts';
import { OauthApi } from './oauth-api.ts';
import { type ApiAnswer, ProviderApi } from './provider-api.ts';
import type { ProviderParts } from './provider-parts.ts';
import { type FoundSet, providerOfSets, type RecordSets } from './record-sets.ts';

export interface GoogleSettings {
  readonly project: string;
  readonly account: ServiceAccount;
}

const TITLE = 'Google Cloud DNS';
/** A change that is done has been sent to the name servers, and shows there within a minute. */
const SPREAD_MS = 60_000;
const CHANGE_POLLS = 60;
const ADVICE =
  'The service account of googlecloud.gcp_application_default needs the role DNS Administrator (roles/dns.admin) in the project googlecloud.gcp_project, which has to have the zone.';

/** The entries are texts as zone files write them. */
interface GoogleSet extends FoundSet<string> {
  readonly ttl: number;
}

/**
 * Google Cloud DNS, API v1: https://cloud.google.com/dns/docs/reference/rest/v1 (managedZones.list,
 * resourceRecordSets.list, changes.create, changes.get). A change names the whole set that it takes
 * away and the whole set that it puts there; it is refused when the first is not what stands there.
 */
export function googleCloudDns(settings: GoogleSettings, parts: ProviderParts): DnsProvider {
  const { project, account } = settings;
  const { times, servers, now } = parts;
  const api = new ProviderApi({
    title: TITLE,
    baseUrl: `${servers.google}/dns/v1/projects/${encodeURIComponent(project)}/managedZones`,
    times,
  });
  const oauth = new OauthApi({
    api,
    tokens: new ProviderApi({ title: TITLE, baseUrl: servers.googleTokens, times }),
    tokenPath: TOKEN_PATH,
    grant: () => serviceAccountGrant(account, now()),
    advice:
      'Check that the key of googlecloud.gcp_application_default still exists in Google Cloud, and the clock of this machine.',
  });
  return providerOfSets(new GoogleSets(oauth, api, times.pauseMs));
}

class GoogleSets implements RecordSets<string, string, GoogleSet> {
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

  entryOf(value: string): string {
    return `"${value}"`;
  }

  /** Quotes may be left out around a text without spaces. */
  isOf(entry: string, value: string): boolean {
    return entry === `"${value}"` || entry === value;
  }

  zoneOf(name: string, signal: AbortSignal): Promise<string> {
    return findZone({
      ...{ api: this.#api, name, advice: ADVICE },
      ask: (zone) =>
        this.#oauth.send({ method: 'GET', path: '', query: { dnsName: `${zone}.` } }, signal),
      idIn({ json }, zone) {
        const found = listAt(json, 'managedZones')
          .map(asObject)
          .find(
            (each) =>
              textAt(each, 'dnsName') === `${zone}.` && textAt(each, 'visibility') !== 'private',
          );
        return textAt(found, 'name');
      },
    });
  }

  async read(zone: string, name: string, signal: AbortSignal): Promise<GoogleSet | undefined> {
    const query = { name: `${name}.`, type: 'TXT' };
    const request = { method: 'GET', path: `${pathOf(zone)}/rrsets`, query } as const;
    const answer = await this.#oauth.send(request, signal);
    if (answer.status !== 200 || answer.json === undefined)
      throw this.#api.refusal('reading records', answer, ADVICE);
    const found = listAt(answer.json, 'rrsets')
      .map(asObject)
      .find((each) => textAt(each, 'name') === `${name}.` && textAt(each, 'type') === 'TXT');
    if (found === undefined) return undefined;
    const entries = listAt(found, 'rrdatas').filter((each) => typeof each === 'string');
    const { ttl } = found;
    const isUsable = typeof ttl === 'number' && entries.length > 0;
    if (!isUsable) throw this.#api.senseless('set of records');
    return { ttl, entries };
  }

  async write(
    zone: string,
    name: string,
    change: { readonly before: GoogleSet | undefined; readonly entries: readonly string[] },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { before, entries } = change;
    const after = { ttl: before?.ttl ?? RECORD_TTL_SECONDS, entries };
    const json = {
      ...(before === undefined ? {} : { deletions: [resourceOf(name, before)] }),
      ...(entries.length === 0 ? {} : { additions: [resourceOf(name, after)] }),
    };
    const path = `${pathOf(zone)}/changes`;
    const answer = await this.#oauth.send({ method: 'POST', path, json }, signal);
    // 404: what was to be taken away is gone.
    const conflicts = before === undefined ? [409, 412] : [404, 409, 412];
    if (conflicts.includes(answer.status)) return answer.detail;
    await this.#untilDone(path, name, answer, signal);
    return undefined;
  }

  async #untilDone(path: string, name: string, first: ApiAnswer, signal: AbortSignal) {
    let answer = first;
    for (let polls = 0; polls < CHANGE_POLLS; polls += 1) {
      if (answer.status !== 200) throw this.#api.refusal('changing records', answer, ADVICE);
      if (textAt(answer.json, 'status') === 'done') return;
      const id = textAt(answer.json, 'id');
      if (id === undefined) throw this.#api.senseless('change');
      await sleep(this.pauseMs, undefined, { signal });
      const request = { method: 'GET', path: `${path}/${encodeURIComponent(id)}` } as const;
      answer = await this.#oauth.send(request, signal);
    }
    throw providerError(`${TITLE}: a change of ${name} is pending for too long.`);
  }
}

function pathOf(zone: string): string {
  return `/${encodeURIComponent(zone)}`;
}

function resourceOf(name: string, { ttl, entries }: GoogleSet): object {
  return { name: `${name}.`, type: 'TXT', ttl, rrdatas: entries };
}
