import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountIdOf, parsePayload } from '#session/payload.ts';
import { OP_PAYLOAD } from './sessions.ts';

const op = Object.fromEntries(Object.entries(OP_PAYLOAD).filter(([name]) => name !== 'kind'));
const scim = { url: 'https://provisioning.example.com/scim/v2/', token: 'abc.def' };

const good = [
  { name: 'standalone', kind: 'standalone', credentials: {}, accountId: undefined },
  { name: 'op', kind: 'op', credentials: op, accountId: 'acme.1password.com' },
  {
    name: 'op, the kind repeated',
    kind: 'op',
    credentials: OP_PAYLOAD,
    accountId: 'acme.1password.com',
  },
  {
    name: 'op, the whole sign-in address in capitals',
    kind: 'op',
    credentials: { ...op, signInAddress: ' https://Acme.1Password.com/signin ' },
    accountId: 'acme.1password.com',
  },
  {
    name: 'scim',
    kind: 'scim',
    credentials: scim,
    accountId: 'https://provisioning.example.com/scim/v2',
  },
  {
    name: 'scim over HTTP on loopback',
    kind: 'scim',
    credentials: { ...scim, url: 'http://127.0.0.1:4000' },
    accountId: 'http://127.0.0.1:4000',
  },
] as const;

for (const { name, kind, credentials, accountId } of good) {
  test(`credentials: ${name}`, () => {
    assert.equal(accountIdOf(parsePayload(kind, credentials)), accountId);
  });
}

const bad = [
  { name: 'no object', kind: 'op', credentials: ['canary'], field: 'signInAddress' },
  { name: 'null', kind: 'scim', credentials: null, field: 'url' },
  {
    name: 'a field too many',
    kind: 'standalone',
    credentials: { canary: 'canary' },
    field: 'standalone',
  },
  { name: 'a number', kind: 'op', credentials: { ...op, password: 12 }, field: 'password' },
  { name: 'no password', kind: 'op', credentials: { ...op, password: '' }, field: 'password' },
  {
    name: 'two lines',
    kind: 'op',
    credentials: { ...op, password: 'canary\ncanary' },
    field: 'password',
  },
  {
    name: 'no device',
    kind: 'op',
    credentials: { ...op, deviceUuid: 'canary' },
    field: 'deviceUuid',
  },
  {
    name: 'no Secret Key',
    kind: 'op',
    credentials: { ...op, secretKey: 'canary' },
    field: 'secretKey',
  },
  {
    name: 'a name only',
    kind: 'op',
    credentials: { ...op, signInAddress: 'canary' },
    field: 'signInAddress',
  },
  {
    name: 'a user in the address',
    kind: 'op',
    credentials: { ...op, signInAddress: 'https://canary@a.b' },
    field: 'signInAddress',
  },
  {
    name: 'plain HTTP',
    kind: 'scim',
    credentials: { ...scim, url: 'http://canary.com' },
    field: 'url',
  },
  {
    name: 'a password in the URL',
    kind: 'scim',
    credentials: { ...scim, url: 'https://a:canary@b.c' },
    field: 'url',
  },
  {
    name: 'a query',
    kind: 'scim',
    credentials: { ...scim, url: 'https://b.c?canary' },
    field: 'url',
  },
  {
    name: 'a token with a line break',
    kind: 'scim',
    credentials: { ...scim, token: 'canary\nx' },
    field: 'token',
  },
] as const;

for (const { name, kind, credentials, field } of bad) {
  test(`refused credentials name the field, never the value: ${name}`, () => {
    assert.throws(
      () => parsePayload(kind, credentials),
      (thrown: Error) => {
        assert.equal(thrown.name, 'OperatorError');
        assert.match(thrown.message, new RegExp(field));
        assert.doesNotMatch(thrown.message, /canary/);
        return true;
      },
    );
  });
}

test('a device is made up only when the credentials bring none', () => {
  const { deviceUuid, ...without } = op;
  const made = parsePayload('op', without, () => 'made');
  const kept = parsePayload('op', op, () => 'made');
  assert.equal(made.kind === 'op' && made.deviceUuid, 'made');
  assert.equal(kept.kind === 'op' && kept.deviceUuid, deviceUuid);
});
