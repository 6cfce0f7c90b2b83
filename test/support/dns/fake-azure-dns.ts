import assert from 'node:assert/strict';
import {
  type ApiCall,
  type ApiReply,
  type FakeProvider,
  startFakeApi,
  Tokens,
} from './fake-api.ts';

const TENANT = '11111111-2222-4333-8444-555555555555';
const CLIENT = '21111111-2222-4333-8444-555555555555';
const SUBSCRIPTION = '31111111-2222-4333-8444-555555555555';
const SECRET = 'fake~azure~client~secret';
const ZONES = `/subscriptions/${SUBSCRIPTION}/resourceGroups/dns-group/providers/Microsoft.Network/dnsZones`;

interface RecordSet {
  readonly etag: string;
  readonly properties: {
    readonly TTL: number;
    readonly metadata?: object;
    readonly TXTRecords: readonly { readonly value: readonly string[] }[];
  };
}

/** Azure DNS, where the application has a role on the zone of `zone` alone. */
export async function startFakeAzureDns(zone: string): Promise<FakeProvider> {
  const tokens = new Tokens('eyJ.fake-azure-token-');
  const sets = new Map<string, RecordSet>();
  let etags = 0;
  const nextEtag = (): string => {
    etags += 1;
    return `etag-${etags}`;
  };
  const nameOf = (path: string): string => `${path.slice(`${ZONES}/${zone}/TXT/`.length)}.${zone}`;
  const write = async (call: ApiCall): Promise<ApiReply> => {
    const name = nameOf(call.path);
    const before = sets.get(name);
    const { 'if-match': match, 'if-none-match': noneMatch } = call.headers;
    assert.ok((match === undefined) !== (noneMatch === undefined), 'One condition is needed.');
    if (noneMatch === '*' && before !== undefined) return azureError(412, 'PreconditionFailed');
    if (match !== undefined && match !== before?.etag) return azureError(412, 'PreconditionFailed');
    if (call.method === 'DELETE') {
      sets.delete(name);
    } else {
      const { properties } = call.body as Pick<RecordSet, 'properties'>; // Looked at by the tests.
      sets.set(name, { etag: nextEtag(), properties });
    }
    await fake.onChange?.(name, fake.values(name));
    return { status: before === undefined ? 201 : 200, body: sets.get(name) ?? {} };
  };
  const api = await startFakeApi((call) => {
    const { method, path, query } = call;
    if (path === `/${TENANT}/oauth2/v2.0/token`) return signIn(call, tokens);
    if (!tokens.isCurrent(call)) return azureError(401, 'ExpiredAuthenticationToken');
    assert.equal(query['api-version'], '2018-05-01');
    if (!path.startsWith(`${ZONES}/${zone}`)) return azureError(403, 'AuthorizationFailed');
    if (path === `${ZONES}/${zone}`) return { status: 200, body: { name: zone } };
    if (method !== 'GET') return write(call);
    const set = sets.get(nameOf(path));
    return set === undefined ? azureError(404, 'NotFound') : { status: 200, body: set };
  });
  const fake: FakeProvider = {
    ...api,
    servers: { azure: api.url, azureTokens: api.url },
    config: {
      provider: 'azure',
      configuration: {
        azure: {
          tenant_id: TENANT,
          client_id: CLIENT,
          client_secret: SECRET,
          subscription_id: SUBSCRIPTION,
          resource_group_name: 'dns-group',
        },
      },
    },
    secrets: [SECRET, 'eyJ.fake-azure-token-'],
    onChange: undefined,
    values: (name) =>
      (sets.get(name)?.properties.TXTRecords ?? []).map(({ value }) => value.join('')),
    seed(name, values) {
      const TXTRecords = values.map((value) => ({ value: [value] }));
      const properties = { TTL: 300, metadata: { owner: 'others' }, TXTRecords };
      sets.set(name, { etag: nextEtag(), properties });
    },
    endTokens: () => tokens.end(),
  };
  return fake;
}

function signIn({ method, body }: ApiCall, tokens: Tokens): ApiReply {
  const expected = {
    grant_type: 'client_credentials',
    client_id: CLIENT,
    client_secret: SECRET,
    scope: 'https://management.azure.com/.default',
  };
  assert.equal(method, 'POST');
  assert.deepEqual(body, expected);
  return tokens.grant();
}

function azureError(status: number, code: string): ApiReply {
  return { status, body: { error: { code, message: `because of ${code}` } } };
}
