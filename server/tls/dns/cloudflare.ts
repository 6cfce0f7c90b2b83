import { asObject, listAt, textAt } from '../http-answer.ts';
import { type DnsProvider, RECORD_TTL_SECONDS } from './dns-provider.ts';
import { findZone } from './find-zone.ts';
import { type ApiAnswer, type ApiRequest, ProviderApi } from './provider-api.ts';
import type { ProviderParts } from './provider-parts.ts';

export interface CloudflareSettings {
  readonly apiToken: string;
}

const TITLE = 'Cloudflare';
/** Its name servers show a change within seconds. */
const SPREAD_MS = 20_000;
const ADVICE =
  'cloudflare.api_token needs the permissions Zone / Zone / Read and Zone / DNS / Edit for the zone, and must not have ended.';
/** Of the answer to a record that is there already. */
const IDENTICAL_RECORD = 81_058;

interface FoundRecord {
  readonly id: string;
  readonly content: string;
}

/**
 * Cloudflare, API v4: https://developers.cloudflare.com/api (zones list; DNS records list, create,
 * delete). Each value is a record with an id of its own, so none of others is ever written.
 */
export function cloudflare(settings: CloudflareSettings, parts: ProviderParts): DnsProvider {
  const { times, servers } = parts;
  const baseUrl = `${servers.cloudflare}/client/v4`;
  const api = new ProviderApi({ title: TITLE, baseUrl, times });
  const records = new CloudflareRecords(api, settings.apiToken);
  return {
    title: TITLE,
    spreadMs: SPREAD_MS,
    put: (name, value, signal) => records.add(name, value, signal),
    remove: (name, value, signal) => records.remove(name, value, signal),
  };
}

class CloudflareRecords {
  readonly #api: ProviderApi;
  readonly #apiToken: string;

  constructor(api: ProviderApi, apiToken: string) {
    this.#api = api;
    this.#apiToken = apiToken;
  }

  async add(name: string, value: string, signal: AbortSignal): Promise<void> {
    const path = await this.#pathOf(name, signal);
    if ((await this.#find(path, name, value, signal)).length > 0) return;
    const content = `"${value}"`;
    const json = { type: 'TXT', name, content, ttl: RECORD_TTL_SECONDS };
    const answer = await this.#send({ method: 'POST', path, json }, signal);
    // An answer that was lost on the way, and the request sent again.
    const isThere = listAt(answer.json, 'errors')
      .map(asObject)
      .some((error) => error?.['code'] === IDENTICAL_RECORD);
    if (!isSuccess(answer) && !isThere) throw this.#api.refusal('adding a record', answer, ADVICE);
  }

  async remove(name: string, value: string, signal: AbortSignal): Promise<void> {
    const path = await this.#pathOf(name, signal);
    for (const { id } of await this.#find(path, name, value, signal)) {
      const one = `${path}/${encodeURIComponent(id)}`;
      const answer = await this.#send({ method: 'DELETE', path: one }, signal);
      if (!isSuccess(answer) && answer.status !== 404) {
        throw this.#api.refusal('removing a record', answer, ADVICE);
      }
    }
  }

  /** Of the records of the zone that the name is in. */
  async #pathOf(name: string, signal: AbortSignal): Promise<string> {
    const id = await findZone({
      ...{ api: this.#api, name, advice: ADVICE },
      ask: (zone) => this.#send({ method: 'GET', path: '/zones', query: { name: zone } }, signal),
      idIn({ json }, zone) {
        const zones = listAt(json, 'result').map(asObject);
        return textAt(
          zones.find((each) => textAt(each, 'name') === zone),
          'id',
        );
      },
    });
    return `/zones/${encodeURIComponent(id)}/dns_records`;
  }

  /** The records with this value. */
  async #find(
    path: string,
    name: string,
    value: string,
    signal: AbortSignal,
  ): Promise<readonly FoundRecord[]> {
    const query = { type: 'TXT', name, per_page: '100' };
    const answer = await this.#send({ method: 'GET', path, query }, signal);
    if (!isSuccess(answer)) throw this.#api.refusal('listing records', answer, ADVICE);
    return listAt(answer.json, 'result')
      .map(asObject)
      .flatMap((each) => {
        const id = textAt(each, 'id');
        const content = textAt(each, 'content');
        const isOurs = textAt(each, 'name') === name && textAt(each, 'type') === 'TXT';
        return isOurs && id !== undefined && content !== undefined ? [{ id, content }] : [];
      })
      .filter(({ content }) => content === `"${value}"` || content === value);
  }

  #send(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    return this.#api.send({ ...request, bearer: this.#apiToken }, signal);
  }
}

function isSuccess({ status, json }: ApiAnswer): boolean {
  return status === 200 && json?.['success'] === true;
}
