import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { clientAddress, originOf } from '#http/origin.ts';
import { ScimError } from '#scim/errors.ts';

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly from?: string;
  readonly encrypted?: boolean;
}

function request({ headers, from = '192.0.2.1', encrypted = false }: Sent): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: from });
  if (encrypted) Object.assign(socket, { encrypted: true });
  return Object.assign(new IncomingMessage(socket), { headers });
}

const isTrusted = (address: string) => address.startsWith('10.');
const originFor = (sent: Sent, configured?: string) =>
  originOf(request(sent), configured, isTrusted);

const goodHosts = [
  'scim.example.com',
  'scim.example.com:8443',
  'localhost',
  '127.0.0.1:3002',
  '[::1]:3002',
  '[2001:db8::1]',
  'op_scim-bridge.default.svc',
  'xn--bcher-kva.example',
];
for (const host of goodHosts) {
  test(`links begin with Host ${host}`, () => {
    assert.equal(originFor({ headers: { host } }), `http://${host}`);
    assert.equal(originFor({ headers: { host }, encrypted: true }), `https://${host}`);
  });
}

const badHosts = {
  nothing: '',
  'a path': 'example.com/evil',
  'user information': 'good.example@evil.example',
  'a quotation mark': 'example.com"onload=',
  'an angle bracket': '<script>',
  'white space': 'example.com evil',
  'a second host': 'example.com,evil.example',
  'a port that is none': 'example.com:80a',
  'a port of six digits': 'example.com:123456',
  'a query': 'example.com?x',
  'a fragment': 'example.com#x',
  'a backslash': 'example.com\\evil',
  'a dot at the start': '.example.com',
  'an open bracket': '[::1',
  'a name beyond ASCII': 'b\u00fccher.example',
  'a name that is too long': 'a'.repeat(254),
};
for (const [name, host] of Object.entries(badHosts)) {
  test(`Host with ${name} is refused`, () => {
    assert.throws(
      () => originFor({ headers: { host } }),
      (thrown) => thrown instanceof ScimError && thrown.problem === 'badRequest',
    );
  });
}

test('a configured address wins over all headers', () => {
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example' };
  const sent = { headers, from: '10.0.0.1' };
  assert.equal(originFor(sent, 'https://scim.example.com'), 'https://scim.example.com');
});

const forwarded = { 'x-forwarded-host': 'scim.example.com', 'x-forwarded-proto': 'https' };

test('forwarded host and protocol count from a trusted proxy', () => {
  const headers = { host: 'bridge:3002', ...forwarded };
  assert.equal(originFor({ headers, from: '10.0.0.1' }), 'https://scim.example.com');
});

test('and from nobody else', () => {
  const headers = { host: 'bridge:3002', ...forwarded };
  assert.equal(originFor({ headers, from: '192.0.2.1' }), 'http://bridge:3002');
});

test('of a list of forwarded hosts the first is the one the client asked', () => {
  const headers = { host: 'b', 'x-forwarded-host': 'a.example, b.example' };
  assert.equal(originFor({ headers, from: '10.0.0.1' }), 'http://a.example');
});

test('an empty forwarded host leaves Host in force, a wrong one is refused', () => {
  const from = '10.0.0.1';
  assert.equal(originFor({ headers: { host: 'b', 'x-forwarded-host': '' }, from }), 'http://b');
  assert.throws(
    () => originFor({ headers: { host: 'b', 'x-forwarded-host': 'a/b' }, from }),
    ScimError,
  );
});

const clients = {
  'the connection, without the header': ['192.0.2.1', undefined, '192.0.2.1'],
  'the connection, when it is not trusted': ['192.0.2.1', '198.51.100.7', '192.0.2.1'],
  'what the proxy added': ['10.0.0.1', '198.51.100.7', '198.51.100.7'],
  'the last address, not what the client wrote before it': [
    '10.0.0.1',
    '203.0.113.5, 198.51.100.7',
    '198.51.100.7',
  ],
  'the last address behind several proxies': [
    '10.0.0.1',
    '203.0.113.5, 198.51.100.7, 10.0.0.9',
    '198.51.100.7',
  ],
  'the first proxy, when all are trusted': ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
  'the proxy, when what it passes on is no address': ['10.0.0.1', 'evil', '10.0.0.1'],
  'the proxy, when what it passes on is empty': ['10.0.0.1', '', '10.0.0.1'],
  'an address without the port that some proxies add': [
    '10.0.0.1',
    '198.51.100.7:4711',
    '198.51.100.7',
  ],
  'an IPv6 address without brackets and port': ['10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
  'an IPv6 address': ['10.0.0.1', '2001:db8::7', '2001:db8::7'],
} as const;
for (const [name, [from, header, client]] of Object.entries(clients)) {
  test(`the client is ${name}`, () => {
    const headers = header === undefined ? {} : { 'x-forwarded-for': header };
    assert.equal(clientAddress(request({ headers, from }), isTrusted), client);
  });
}
