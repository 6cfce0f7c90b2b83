import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { printSession } from '#session/format.ts';
import { createSession } from '#session/seal.ts';
import { startBridge } from '../support/bridge.ts';
import { assertScimError, bodyOf, call } from '../support/http-client.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const FORWARDED = {
  'x-forwarded-host': 'scim.example.com',
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '198.51.100.7',
};

/** Where `meta.location` of a new person begins, under these settings and headers. */
async function originOf(
  env: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
  prefix = '',
): Promise<string> {
  const bridge = await startBridge({ env });
  try {
    const body = JSON.stringify({ schemas: [USER], userName: 'ada@example.com' });
    const made = await call(bridge, 'POST', `${prefix}/Users`, { body, headers });
    assert.equal(made.status, 201, made.text);
    const { id, meta } = bodyOf(made);
    const location = String(
      Object.entries({ ...Object(meta) }).find(([key]) => key === 'location')?.[1],
    );
    assert.equal(made.headers['location'], location);
    // Stored is what does not depend on how it was asked for.
    const elsewhere = await call(bridge, 'GET', `/scim/v2/Users/${id}`, {
      headers: { host: 'x.y' },
    });
    const expected = env['OP_PUBLIC_URL'] ?? 'http://x.y';
    assert.match(elsewhere.text, new RegExp(`"location":"${expected}/scim/v2/Users/${id}"`));
    return location.replace(`/Users/${id}`, '').replace(bridge.url, 'BRIDGE');
  } finally {
    await bridge.close();
  }
}

describe('links', () => {
  test('begin with the Host and the prefix that the client used', async () => {
    assert.equal(await originOf({}, {}), 'BRIDGE');
    assert.equal(
      await originOf({}, { host: 'bridge.internal:8080' }, '/scim'),
      'http://bridge.internal:8080/scim',
    );
    assert.equal(await originOf({}, {}, '/scim/v2'), 'BRIDGE/scim/v2');
  });

  test('begin with OP_PUBLIC_URL when it is set, whatever Host says', async () => {
    const env = { OP_PUBLIC_URL: 'https://scim.example.com' };
    assert.equal(await originOf(env, { host: 'evil.example' }), 'https://scim.example.com');
    assert.equal(await originOf(env, { host: 'not a host' }), 'https://scim.example.com');
  });

  test('begin with what a trusted proxy forwards, and nobody else', async () => {
    assert.equal(await originOf({}, FORWARDED), 'BRIDGE');
    const elsewhere = { OP_TRUSTED_PROXIES: '10.0.0.0/8' };
    assert.equal(await originOf(elsewhere, FORWARDED), 'BRIDGE');
    for (const networks of ['127.0.0.1', '10.0.0.0/8, 127.0.0.0/8']) {
      const env = { OP_TRUSTED_PROXIES: networks };
      assert.equal(await originOf(env, FORWARDED), 'https://scim.example.com');
    }
  });

  for (const host of ['evil.example/path', 'user@evil.example', 'a b', '"', '']) {
    test(`never hold Host ${JSON.stringify(host)}`, async () => {
      const bridge = await startBridge();
      try {
        const answer = await call(bridge, 'GET', '/Users', { headers: { host: host || ' ' } });
        assert.match(assertScimError(answer, 400), /Host header/);
      } finally {
        await bridge.close();
      }
    });
  }
});

test('behind a trusted proxy wrong tokens count against the client, not against the proxy', async () => {
  const bridge = await startBridge({ env: { OP_TRUSTED_PROXIES: '127.0.0.1' } });
  try {
    const ask = (address: string) =>
      call({ url: bridge.url, token: `${'A'.repeat(42)}E` }, 'GET', '/Users', {
        headers: { 'x-forwarded-for': `203.0.113.9, ${address}` },
      });
    for (let attempt = 0; attempt < 30; attempt += 1) await ask('198.51.100.7');
    assert.equal((await ask('198.51.100.7')).status, 429);
    assert.equal((await ask('198.51.100.8')).status, 401);
  } finally {
    await bridge.close();
  }
});

test('a domain in the session counts, with a warning, when OP_TLS_DOMAIN is not set at all', async () => {
  const made = createSession({
    payload: { kind: 'standalone' },
    accountId: 'a',
    domain: 'scim.example.com',
    strict: false,
    nowMs: Date.now(),
  });
  const session = {
    base64: Buffer.from(printSession(made.session)).toString('base64'),
    token: made.bearerToken,
    healthToken: '',
  };
  // No order is placed so soon, and none could leave this machine.
  const directory = { OP_ACME_DIRECTORY_URL: 'https://127.0.0.1:1/' };
  for (const [env, isWarned] of [
    [directory, true],
    [{ ...directory, OP_TLS_DOMAIN: '' }, false],
  ] as const) {
    const log = new PassThrough();
    const bridge = await startBridge({ session, env, log });
    assert.equal(new URL(bridge.url).protocol, isWarned ? 'https:' : 'http:');
    await bridge.close();
    log.end();
    assert.equal((await text(log)).includes('comes from the scimsession file'), isWarned);
  }
});
