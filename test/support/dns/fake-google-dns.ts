import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  type ApiCall,
  type ApiReply,
  type FakeProvider,
  startFakeApi,
  Tokens,
} from './fake-api.ts';

const EMAIL = 'op-scim@example-project.iam.gserviceaccount.com';
const ZONES = '/dns/v1/projects/example-project/managedZones';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });

interface RecordSet {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly rrdatas: readonly string[];
}

/** Google Cloud DNS with the public zone of `zone`, and a private one of the same name. */
export async function startFakeGoogleDns(zone: string): Promise<FakeProvider> {
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const tokens = new Tokens('ya29.fake-google-token-');
  const sets = new Map<string, RecordSet>();
  let changes = 0;
  const apply = async ({ body }: ApiCall): Promise<ApiReply> => {
    const { deletions = [], additions = [] } = body as Record<string, RecordSet[]>; // See below.
    for (const gone of deletions) {
      if (!isDeepStrictEqual(sets.get(gone.name), gone)) return googleError(412, 'conditionNotMet');
    }
    const isThere = additions.some(
      ({ name }) => sets.has(name) && !deletions.some((gone) => gone.name === name),
    );
    if (isThere) return googleError(409, 'alreadyExists');
    for (const { name } of deletions) sets.delete(name);
    for (const added of additions) {
      assert.deepEqual(Object.keys(added), ['name', 'type', 'ttl', 'rrdatas']);
      sets.set(added.name, added);
    }
    for (const { name } of [...deletions, ...additions]) {
      const plain = name.slice(0, -1);
      await fake.onChange?.(plain, fake.values(plain));
    }
    changes += 1;
    return { status: 200, body: { kind: 'dns#change', id: String(changes), status: 'pending' } };
  };
  const api = await startFakeApi((call) => {
    const { method, path, query, body } = call;
    if (path === '/token') {
      return isGrant(body) ? tokens.grant() : { status: 400, body: BAD_GRANT };
    }
    if (!tokens.isCurrent(call)) return googleError(401, 'Invalid Credentials');
    if (method === 'GET' && path === ZONES) {
      const managedZones = [
        { name: 'inside', dnsName: `${zone}.`, visibility: 'private' },
        { name: 'zone-1', dnsName: `${zone}.`, visibility: 'public' },
      ];
      return { status: 200, body: query['dnsName'] === `${zone}.` ? { managedZones } : {} };
    }
    if (method === 'GET' && path === `${ZONES}/zone-1/rrsets`) {
      const set = sets.get(query['name'] ?? '');
      return { status: 200, body: { rrsets: set === undefined ? [] : [set] } };
    }
    if (method === 'POST' && path === `${ZONES}/zone-1/changes`) return apply(call);
    if (method === 'GET' && path === `${ZONES}/zone-1/changes/${changes}`) {
      return { status: 200, body: { id: String(changes), status: 'done' } };
    }
    return googleError(404, 'notFound');
  });
  const fake: FakeProvider = {
    ...api,
    servers: { google: api.url, googleTokens: api.url },
    config: {
      provider: 'googlecloud',
      configuration: {
        googlecloud: {
          gcp_project: 'example-project',
          gcp_application_default: {
            type: 'service_account',
            client_email: EMAIL,
            private_key_id: 'key-1',
            private_key: keyPem,
            token_uri: 'https://evil.example/token',
          },
        },
      },
    },
    secrets: [keyPem.split('\n')[1] ?? '', 'ya29.fake-google-token-'],
    onChange: undefined,
    values: (name) => (sets.get(`${name}.`)?.rrdatas ?? []).map((text) => text.replaceAll('"', '')),
    seed(name, values) {
      const rrdatas = values.map((value) => `"${value}"`);
      sets.set(`${name}.`, { name: `${name}.`, type: 'TXT', ttl: 300, rrdatas });
    },
    endTokens: () => tokens.end(),
  };
  return fake;
}

const BAD_GRANT = { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' };

function isGrant(form: ApiCall['body']): boolean {
  const { grant_type, assertion } = form;
  const [header = '', claims = '', signature = ''] = String(assertion).split('.');
  const decoded = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  const nowSeconds = Math.floor(Date.now() / 1000);
  const { iat, exp, ...rest } = decoded(claims) as Record<string, unknown>; // We print what differs.
  assert.equal(grant_type, 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  assert.deepEqual(decoded(header), { alg: 'RS256', typ: 'JWT', kid: 'key-1' });
  assert.deepEqual(rest, {
    iss: EMAIL,
    scope: 'https://www.googleapis.com/auth/ndev.clouddns.readwrite',
    aud: 'https://oauth2.googleapis.com/token',
  });
  assert.ok(Math.abs(Number(iat) - nowSeconds) < 300 && Number(exp) - Number(iat) === 3_600);
  const content = Buffer.from(`${header}.${claims}`);
  return verify('sha256', content, publicKey, Buffer.from(signature, 'base64url'));
}

function googleError(code: number, message: string): ApiReply {
  return { status: code, body: { error: { code, message } } };
}
