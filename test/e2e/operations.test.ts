import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBridge, type TestBridge } from '../support/bridge.ts';
import { startBridgeProcess } from '../support/bridge-process.ts';
import { freePort } from '../support/free-port.ts';
import { assertScimError, bodyOf, call } from '../support/http-client.ts';

const WRONG_TOKEN = `${'A'.repeat(42)}E`;

describe('what a bridge tells its operator', () => {
  let bridge: TestBridge;
  let probeUrl: string;

  before(async () => {
    const port = await freePort();
    probeUrl = `http://127.0.0.1:${port}`;
    bridge = await startBridge({ env: { OP_PING_SERVER: '1', OP_PING_PORT: String(port) } });
  });
  after(() => bridge.close());

  async function serverState(): Promise<unknown> {
    const { url, healthToken } = bridge;
    const answer = await call({ url, token: healthToken }, 'GET', '/monitoring');
    const { reports } = bodyOf(answer);
    assert.ok(Array.isArray(reports));
    return reports.find(({ source }) => source === 'SCIMServer')?.state;
  }

  async function lockedMetric(): Promise<string | undefined> {
    const { url, healthToken } = bridge;
    const { text } = await call({ url, token: healthToken }, 'GET', '/metrics');
    return /^op_scim_locked (\d)$/m.exec(text)?.[1];
  }

  test('it is locked until the first good request, and nothing else unlocks it', async () => {
    const { url, token, healthToken } = bridge;
    assert.equal((await call({ url }, 'GET', '/ping')).status, 200);
    assert.equal((await call({ url }, 'GET', '/Users')).status, 401);
    assert.equal((await call({ url, token: WRONG_TOKEN }, 'GET', '/Users')).status, 401);
    assert.equal((await call({ url, token: healthToken }, 'GET', '/Users')).status, 403);
    assert.equal(await serverState(), 'locked');
    assert.equal(await lockedMetric(), '1');
    assert.equal((await call({ url, token }, 'GET', '/Users')).status, 200);
    assert.equal(await serverState(), 'healthy');
    assert.equal(await lockedMetric(), '0');
  });

  /** Status without a token, with a wrong one, the health-only one and the SCIM one. */
  const scopes: Readonly<Record<string, readonly [number, number, number, number]>> = {
    'main /ping': [200, 200, 200, 200],
    'main /health': [401, 401, 403, 200],
    'main /monitoring': [401, 401, 200, 403],
    'main /metrics': [401, 401, 200, 200],
    'main /Users': [401, 401, 403, 200],
    'main /scim/v2/ServiceProviderConfig': [401, 401, 403, 200],
    'main /nothing': [404, 404, 404, 404],
    'main /': [307, 307, 307, 307],
    'main /app': [200, 200, 200, 200],
    'main /app/status': [200, 200, 200, 200],
    'main /app/other': [404, 404, 404, 404],
    'probe /ping': [200, 200, 200, 200],
    'probe /monitoring': [401, 401, 200, 403],
    'probe /metrics': [401, 401, 200, 403],
    'probe /health': [404, 404, 404, 404],
    'probe /Users': [404, 404, 404, 404],
    'probe /scim/Users': [404, 404, 404, 404],
    'probe /app': [404, 404, 404, 404],
    'probe /': [404, 404, 404, 404],
  };
  for (const [place, statuses] of Object.entries(scopes)) {
    test(`${place} answers ${statuses.join(', ')} by token`, async () => {
      const [server, path = ''] = place.split(' ');
      const url = server === 'main' ? bridge.url : probeUrl;
      const tokens = [undefined, WRONG_TOKEN, bridge.healthToken, bridge.token];
      for (const [index, token] of tokens.entries()) {
        const answer = await call(token === undefined ? { url } : { url, token }, 'GET', path);
        assert.equal(answer.status, statuses[index], `token ${index}: ${answer.text}`);
        if (answer.status >= 400) assertScimError(answer, answer.status);
        if (answer.status !== 401) continue;
        assert.equal(/add-health-token/.test(answer.text), /monitoring|metrics/.test(path));
        const challenge = answer.headers['www-authenticate'] ?? '';
        assert.match(challenge, token === undefined ? /^Bearer realm="[^"]+"$/ : /invalid_token/);
      }
    });
  }

  test('a browser that opens the address is led to a page that says what to do, and no more', async () => {
    const { url } = bridge;
    const { headers } = await call({ url }, 'GET', '/');
    assert.equal(headers.location, '/app');
    const page = await call({ url }, 'GET', headers.location);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.match(page.text, /The bridge runs.*curl .*\/scim\/Users.*op-scim doctor/s);
    const policy = String(page.headers['content-security-policy']);
    for (const rule of ["default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"]) {
      assert.ok(policy.includes(rule), rule);
    }
    assert.doesNotMatch(page.text, /<(?:script|form|img|iframe)/);
    assert.equal(page.headers['x-content-type-options'], 'nosniff');
    assert.doesNotMatch(page.text, /0\.0\.0|version/i, 'the version is for those with a token');
    assertScimError(await call({ url }, 'POST', '/app', { body: '{}' }), 405);
  });

  test('a HEAD is a GET without a body', async () => {
    for (const path of ['/ping', '/health', '/Users', '/ServiceProviderConfig']) {
      const asked = await call(bridge, 'GET', path);
      const head = await call(bridge, 'HEAD', path);
      assert.equal(head.status, asked.status);
      assert.equal(head.text, '');
      assert.equal(head.headers['content-type'], asked.headers['content-type']);
      assert.equal(head.headers['content-length'], String(Buffer.byteLength(asked.text)));
    }
    assert.equal((await call(bridge, 'HEAD', '/Users/NOBODY')).status, 404);
  });

  test('the report has the vendor’s fields and times that hold together', async () => {
    const report = bodyOf(await call(bridge, 'GET', '/health'));
    assert.deepEqual(Object.keys(report), ['build', 'version', 'reports', 'retrievedAt']);
    const { reports } = report;
    assert.ok(Array.isArray(reports) && reports.length === 2);
    for (const { source, time, expires, state } of reports) {
      assert.match(source, /^(SCIMServer|SqliteStore)$/);
      assert.match(`${time} ${expires}`, /^\S{19}Z \S{19}Z$/);
      assert.ok(Date.parse(expires) > Date.parse(time));
      assert.match(state, /^(healthy|degraded)$/);
    }
  });

  test('requests are counted by route, never by id', async () => {
    await call(bridge, 'GET', '/Users/SOMEONE-SPECIAL');
    const { text } = await call(bridge, 'GET', '/metrics');
    assert.match(text, /^op_scim_request_duration_seconds_count\{.*"\/Users\/\{id\}".*\} \d+$/m);
    assert.doesNotMatch(text, /SOMEONE-SPECIAL/);
  });

  test('wrong tokens are slowed down, and a good one is never refused', async () => {
    const { url, token } = bridge;
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const path = attempt % 2 === 0 ? '/Users' : '/metrics';
      const answer = await call({ url, token: WRONG_TOKEN }, 'GET', path);
      statuses.push(answer.status);
      if (answer.status === 429) {
        assertScimError(answer, 429);
        assert.ok(Number(answer.headers['retry-after']) >= 1);
      }
      assert.equal((await call({ url, token }, 'GET', '/Users')).status, 200);
    }
    assert.equal(statuses.at(-1), 429);
    const free = statuses.filter((status) => status === 401).length;
    assert.ok(free <= 20, `${free} tries, whatever path they are made on`);
  });
});

test('one port for both is served once: some charts set OP_PING_PORT to OP_PORT', async () => {
  const port = await freePort();
  const bridge = await startBridgeProcess({
    store: { kind: 'sqlite', dataDir: ':memory:' },
    port,
    env: { OP_PING_SERVER: '1', OP_PING_PORT: String(port) },
  });
  try {
    assert.equal((await call({ url: bridge.url }, 'GET', '/ping')).status, 200);
    assert.equal((await call(bridge, 'GET', '/Users')).status, 200);
  } finally {
    assert.equal(await bridge.stop(), 0);
  }
});
