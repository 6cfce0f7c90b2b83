import assert from 'node:assert/strict';
import { type ApiReply, type FakeProvider, startFakeApi } from './fake-api.ts';

const TOKEN = 'fake_cloudflare_api_token_0123456789abcd';
const RECORDS = '/client/v4/zones/zone-1/dns_records';

interface TxtRecord {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly content: string;
}

/** Cloudflare with the zone of `zone`. */
export async function startFakeCloudflare(zone: string): Promise<FakeProvider> {
  let records: readonly TxtRecord[] = [];
  let ids = 0;
  let token = TOKEN;
  const add = (name: string, content: string): void => {
    ids += 1;
    records = [...records, { id: `record-${ids}`, type: 'TXT', name, content }];
  };
  const changed = async (name: string): Promise<ApiReply> => {
    await fake.onChange?.(name, fake.values(name));
    return success({});
  };
  const api = await startFakeApi(({ method, path, query, headers, body }) => {
    if (headers['authorization'] !== `Bearer ${token}`) {
      return cloudflareError(403, 9_109, 'Invalid access token');
    }
    if (path === '/client/v4/zones') {
      return success(query['name'] === zone ? [{ id: 'zone-1', name: zone }] : []);
    }
    if (method === 'GET' && path === RECORDS) {
      assert.equal(query['type'], 'TXT');
      return success(records.filter(({ name }) => name === query['name']));
    }
    if (method === 'POST' && path === RECORDS) {
      const { name, content, ...rest } = body;
      assert.deepEqual(rest, { type: 'TXT', ttl: 60 });
      const isThere = records.some((each) => each.name === name && each.content === content);
      if (isThere) return cloudflareError(400, 81_058, 'An identical record already exists.');
      add(String(name), String(content));
      return changed(String(name));
    }
    const gone = records.find(({ id }) => path === `${RECORDS}/${id}`);
    if (method !== 'DELETE' || gone === undefined) {
      return cloudflareError(404, 81_044, 'Record does not exist.');
    }
    records = records.filter((each) => each !== gone);
    return changed(gone.name);
  });
  const fake: FakeProvider = {
    ...api,
    servers: { cloudflare: api.url },
    config: { provider: 'cloudflare', configuration: { cloudflare: { api_token: TOKEN } } },
    secrets: [TOKEN],
    onChange: undefined,
    values: (wanted) =>
      records
        .filter(({ name }) => name === wanted)
        .map(({ content }) => content.replaceAll('"', '')),
    seed(name, values) {
      for (const value of values) add(name, `"${value}"`);
    },
    endTokens() {
      token = 'another';
    },
  };
  return fake;
}

function success(result: object): ApiReply {
  return { status: 200, body: { success: true, errors: [], messages: [], result } };
}

function cloudflareError(status: number, code: number, message: string): ApiReply {
  return { status, body: { success: false, errors: [{ code, message }], result: null } };
}
