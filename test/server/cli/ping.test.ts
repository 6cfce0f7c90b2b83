import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { pingUrl } from '#cli/ping.ts';
import { loadConfig } from '#config/load.ts';
import { printSession } from '#session/format.ts';
import { createSession } from '#session/seal.ts';
import { createFront } from '#tls/front.ts';
import { freePort } from '../../support/free-port.ts';
import { opScim } from './fake-io.ts';

const addresses = [
  { name: 'plain HTTP', env: {}, url: 'http://127.0.0.1:3002/ping' },
  {
    name: 'the probe port comes first',
    env: { OP_PING_SERVER: '1', OP_TLS_DOMAIN: 'scim.example.com' },
    url: 'http://127.0.0.1:8080/ping',
  },
  {
    name: 'no probe server of its own where plain HTTP has its port',
    env: { OP_PING_SERVER: '1', OP_PORT: '8080' },
    url: 'http://127.0.0.1:8080/ping',
  },
  {
    name: 'HTTPS',
    env: { OP_TLS_DOMAIN: 'scim.example.com' },
    url: 'https://127.0.0.1:8443/ping',
  },
  {
    name: 'the address that the bridge is bound to',
    env: { OP_LISTEN: '::1', OP_PORT: '3100' },
    url: 'http://[::1]:3100/ping',
  },
];

for (const { name, env, url } of addresses) {
  test(`op-scim ping asks ${url}: ${name}`, () => {
    const { config } = loadConfig(env);
    assert.equal(pingUrl(config, config.tlsDomain), url);
  });
}

const answers = [
  { status: 200, exitCode: 0, stderr: /^$/ },
  { status: 503, exitCode: 1, stderr: /the bridge ends/ },
  { status: 404, exitCode: 1, stderr: /not the bridge listens there/ },
];

for (const { status, exitCode, stderr } of answers) {
  test(`op-scim ping on an answer of ${status} ends with ${exitCode}`, async () => {
    const { server, port } = await answering(status);
    const ran = await opScim(['ping'], { env: { OP_PORT: String(port) } });
    server.close();
    assert.equal(ran.exitCode, exitCode);
    assert.match(ran.stderr, stderr);
    assert.equal(ran.stdout, '');
  });
}

const strangers: Readonly<Record<string, readonly [string, RegExp]>> = {
  'drips and never ends': ['.', /nothing whole came within 4 s/],
  'says too much': ['x'.repeat(200_000), /it says too much/],
};
for (const [name, [part, complaint]] of Object.entries(strangers)) {
  test(`op-scim ping gives up what ${name}`, { timeout: 60_000 }, async () => {
    const server = createServer((_request, response) => {
      const drip = setInterval(() => response.write(part), 100);
      response.once('close', () => clearInterval(drip));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // A listening TCP server has one.
    const ran = await opScim(['ping'], { env: { OP_PORT: String(port) } });
    await new Promise((resolve) => server.close(resolve)); // Waits for the connection to end.
    assert.equal(ran.exitCode, 1);
    assert.match(ran.stderr, complaint);
  });
}

test('op-scim ping where nothing listens ends with 1 and says so', async () => {
  const ran = await opScim(['ping'], { env: { OP_PORT: String(await freePort()) } });
  assert.equal(ran.exitCode, 1);
  assert.match(ran.stderr, /does not answer at http:.*ECONNREFUSED.*Is it running/);
});

test('op-scim ping asks by HTTPS when the domain comes from the session alone', async () => {
  const { session } = createSession({
    payload: { kind: 'standalone' },
    accountId: 'ping',
    domain: 'scim.example.com',
    strict: false,
    nowMs: Date.now(),
  });
  const env = {
    OP_SESSION: Buffer.from(printSession(session)).toString('base64'),
    OP_TLS_PORT: String(await freePort()),
  };
  const ofSession = await opScim(['ping'], { env });
  assert.match(ofSession.stderr, new RegExp(`at https://127\\.0\\.0\\.1:${env.OP_TLS_PORT}/`));
  const port = String(await freePort());
  const setEmpty = await opScim(['ping'], { env: { ...env, OP_TLS_DOMAIN: '', OP_PORT: port } });
  assert.match(setEmpty.stderr, new RegExp(`at http://127\\.0\\.0\\.1:${port}/`));
});

test('op-scim ping on HTTPS before the first certificate says so', async () => {
  const { server } = createFront({
    known: () => undefined,
    canFind: () => false,
    find: async () => undefined,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // A listening TCP server has one.
  const env = { OP_TLS_DOMAIN: 'scim.example.com', OP_TLS_PORT: String(port) };
  const ran = await opScim(['ping'], { env });
  server.close();
  assert.equal(ran.exitCode, 1);
  assert.match(ran.stderr, /^The bridge listens at .* no certificate yet.*OP_PING_SERVER=1.*\n$/);
  assert.doesNotMatch(ran.stderr, /SSL/);
});

async function answering(status: number): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/ping' ? status : 500).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // A listening TCP server has one.
  return { server, port };
}
