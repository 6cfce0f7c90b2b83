import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idpOf } from '#http/idp.ts';

const agents: Readonly<Record<string, string>> = {
  'Okta SCIM Client 1.0.0': 'okta',
  'OneLogin SCIM': 'onelogin',
  'JumpCloud-SCIM': 'jumpcloud',
  'Rippling SCIM/2': 'rippling',
  'Google-Auto-Provisioning': 'google',
  'PingOne/1': 'ping',
  'Keycloak-SCIM': 'keycloak',
  'curl/8.5.0': 'other',
  '': 'other',
};
for (const [agent, idp] of Object.entries(agents)) {
  test(`User-Agent "${agent}" is ${idp}`, () => {
    assert.equal(idpOf({ 'user-agent': agent }), idp);
  });
}

test('Entra is known by its own header', () => {
  assert.equal(idpOf({ adscimversion: 'AzureAD-SCIM/1.0' }), 'entra');
});

test('no header at all is other', () => assert.equal(idpOf({}), 'other'));
