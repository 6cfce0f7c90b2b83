import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { readDnsConfig } from '#tls/dns/dns-config.ts';

const UUID = '11111111-2222-4333-8444-555555555555';
const SECRET = 'marked-secret-0123456789';
const AZURE = {
  tenant_id: UUID,
  client_id: UUID,
  client_secret: SECRET,
  subscription_id: UUID,
  resource_group_name: 'dns-group',
};
const KEY_PEM = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const ELLIPTIC_PEM = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const ACCOUNT = {
  type: 'service_account',
  client_email: 'op-scim@example-project.iam.gserviceaccount.com',
  private_key: KEY_PEM,
};

suite('OP_DNS_CHALLENGE_CONFIG_FILE', () => {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-dns-config-'));
  const path = join(folder, 'dns01.json');
  const keyPath = join(folder, 'key.json');
  after(() => rmSync(folder, { recursive: true }));
  const read = (content: unknown) => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readDnsConfig(path);
  };
  const azure = (fields: object) => ({ provider: 'azure', configuration: { azure: fields } });
  const google = (account: unknown) => ({
    provider: 'googlecloud',
    configuration: {
      googlecloud: { gcp_project: 'example-project', gcp_application_default: account },
    },
  });
  const cloudflare = (apiToken: unknown) => ({
    provider: 'cloudflare',
    configuration: { cloudflare: { api_token: apiToken } },
  });

  test('sections of other providers may hold anything, as in the example of the vendor', () => {
    const others = { googlecloud: { gcp_project: '' }, cloudflare: 'API-TOKEN-GOES-HERE' };
    const config = read({ provider: 'azure', configuration: { azure: AZURE, ...others } });
    assert.deepEqual(config, {
      provider: 'azure',
      settings: {
        tenantId: UUID,
        clientId: UUID,
        clientSecret: SECRET,
        subscriptionId: UUID,
        resourceGroup: 'dns-group',
      },
    });
  });

  test("the key of Google's service account is in a file of its own, or in the settings", () => {
    writeFileSync(keyPath, JSON.stringify(ACCOUNT));
    for (const account of [keyPath, ACCOUNT]) {
      const config = read(google(account));
      assert.ok(config.provider === 'googlecloud');
      assert.equal(config.settings.project, 'example-project');
      assert.equal(config.settings.account.email, ACCOUNT.client_email);
      assert.equal(config.settings.account.key.asymmetricKeyType, 'rsa');
    }
  });

  test("Cloudflare's token", () => {
    const apiToken = 'a'.repeat(40);
    assert.deepEqual(read(cloudflare(` ${apiToken}\n`)), {
      provider: 'cloudflare',
      settings: { apiToken },
    });
  });

  const bad: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    'no JSON': [`{"provider": "azure", "x": ${SECRET}`, /It is no JSON object/],
    'a list': [[SECRET], /It is no JSON object/],
    'no provider': [{ configuration: {} }, /provider is missing: enter one of "googlecloud"/],
    'an unknown provider': [
      { provider: 'route53', configuration: {} },
      /provider is "route53": enter one of "googlecloud", "azure", "cloudflare"/,
    ],
    'a provider of another type': [{ provider: { [SECRET]: 1 } }, /provider is "": enter/],
    'no section': [{ provider: 'azure', configuration: {} }, /configuration\.azure is missing/],
    'the section at the top': [{ provider: 'azure', azure: AZURE }, /unknown field in the file/],
    'a field that is missing': [
      azure({ ...AZURE, client_id: undefined }),
      /configuration\.azure\.client_id is missing: enter the application's \(client\) id/,
    ],
    'an empty field': [azure({ ...AZURE, tenant_id: ' ' }), /azure\.tenant_id is missing/],
    'all mistakes at once': [
      azure({ ...AZURE, subscription_id: 'subscription-id-goes-here', client_id: SECRET }),
      /azure\.client_id is not right: .*azure\.subscription_id is not right: /,
    ],
    'a field that is a number': [
      azure({ ...AZURE, client_secret: 5 }),
      /client_secret is not right/,
    ],
    'a field in other words': [
      azure({ ...AZURE, clientid: UUID }),
      /unknown field configuration\.azure\.clientid in configuration\.azure\. Is client_id meant\?/,
    ],
    'a secret in the place of a name': [
      azure({ ...AZURE, [SECRET]: '' }),
      /unknown field in configuration\.azure\. Known are tenant_id, client_id,/,
    ],
    'a path in the group': [
      azure({ ...AZURE, resource_group_name: 'a/../b' }),
      /resource_group_name is not right/,
    ],
    'a placeholder as token': [cloudflare('API-TOKEN-GOES-HERE'), /api_token is not right/],
    'a token with a line break in it': [
      cloudflare(`${SECRET}\n${SECRET}`),
      /cloudflare\.api_token is not right/,
    ],
    'a key file that is not there': [
      google('/path/to/serviceaccount.json'),
      /\/path\/to\/serviceaccount\.json can not be read \(ENOENT\)/,
    ],
    'a key that was pasted as text': [
      google(JSON.stringify(ACCOUNT)),
      /gcp_application_default is not right: enter the path/,
    ],
    'a key in base64': [
      google(Buffer.from(`${SECRET} ${KEY_PEM}`).toString('base64')),
      /gcp_application_default is not right: enter the path/,
    ],
    'no key': [
      google(undefined),
      /gcp_application_default is missing: enter the path of a service account's key file/,
    ],
    'the key of a person': [
      google({ type: 'authorized_user', refresh_token: SECRET }),
      /gcp_application_default is not the key of a service account/,
    ],
    'a key of another kind': [
      google({ ...ACCOUNT, private_key: ELLIPTIC_PEM }),
      /is without an RSA key in private_key/,
    ],
    'a garbled key': [google({ ...ACCOUNT, private_key: SECRET }), /without an RSA key/],
    'a key without an address': [
      google({ ...ACCOUNT, client_email: '' }),
      /without a client_email/,
    ],
    'another cloud': [google({ ...ACCOUNT, universe_domain: 'evil.example' }), /another cloud/],
    'an enormous file': [' '.repeat(70_000), /longer than 65536 bytes/],
  };
  for (const [title, [content, message]] of Object.entries(bad)) {
    test(`${title} is refused`, () => {
      assert.throws(
        () => read(content),
        (error) => {
          assert.ok(error instanceof OperatorError, String(error));
          assert.match(error.message, message);
          assert.ok(error.message.includes(path), error.message);
          for (const secret of [SECRET, UUID, 'PRIVATE KEY']) {
            assert.ok(!error.message.includes(secret), error.message);
          }
          assert.ok(!error.message.includes('\n'));
          return true;
        },
      );
    });
  }

  test('a key file that is no JSON, and a file that is not there', () => {
    writeFileSync(keyPath, SECRET);
    assert.throws(() => read(google(keyPath)), /key\.json\) is no JSON object: make a key/);
    assert.throws(() => readDnsConfig(`${path}.absent`), /absent can not be read \(ENOENT\)/);
  });
});
