import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { startBridge, type TestBridge } from '../support/bridge.ts';
import { assertScimError, call, idOf } from '../support/http-client.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

describe('the log', () => {
  let bridge: TestBridge;
  let lines: Record<string, unknown>[] = [];

  before(async () => {
    const log = new PassThrough({ encoding: 'utf8' });
    log.on('data', (text: string) => {
      for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line));
    });
    bridge = await startBridge({ log });
    await call(bridge, 'GET', '/Users'); // Unlocks.
    lines = [];
  });
  after(() => bridge.close());

  /** Sends it as Okta would; resolves to the answer and the lines that it left in the log. */
  async function heard(
    method: string,
    path: string,
    fields?: object,
    headers: Readonly<Record<string, string>> = {},
  ) {
    lines = [];
    const answer = await call(bridge, method, path, {
      body: fields === undefined ? undefined : JSON.stringify(fields),
      headers: { 'user-agent': 'Okta SCIM Client 1.0.0', ...headers },
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    return { answer, written: lines };
  }

  test('has one line for each change: who did what, how it went, how long it took', async () => {
    const made = await heard('POST', '/Users', { schemas: [USER], userName: 'ada@example.com' });
    const id = idOf(made.answer);
    const writes = [
      ['create', 201, made],
      ['replace', 200, await heard('PUT', `/Users/${id}`, { schemas: [USER], userName: 'ada' })],
      ['delete', 204, await heard('DELETE', `/Users/${id}`)],
    ] as const;
    for (const [op, status, { written }] of writes) {
      assert.equal(written.length, 1, op);
      const { time, ms, reqId, pid, hostname, ...fields } = written[0] ?? {};
      assert.ok(Number(ms) >= 0);
      assert.match(String(reqId), /^[0-9a-f-]{13}$/);
      const expected = { idp: 'okta', op, resourceType: 'User', id, status };
      assert.deepEqual({ ...fields, ...expected }, fields);
    }
  });

  test('has nothing for what was only read', async () => {
    assert.deepEqual((await heard('GET', '/Users')).written, []);
    assert.deepEqual((await heard('GET', '/ping')).written, []);
  });

  test('has nothing for what strangers try', async () => {
    assert.deepEqual((await heard('GET', '/nothing')).written, []);
    assert.deepEqual((await heard('POST', '/ping')).written, []);
  });

  test('has the reference of a read that was refused, a wrong token among them', async () => {
    const wrong = { authorization: `Bearer ${'A'.repeat(42)}E` };
    const refused = [
      ['/Users/NOBODY', 404, 'notFound', {}, '/Users/{id}'],
      ['/Users?filter=wrong', 400, 'invalidFilter', {}, '/Users'],
      ['/Users', 401, 'unauthorized', wrong, '/Users'],
      ['/health', 401, 'unauthorized', wrong, '/health'],
    ] as const;
    for (const [path, status, problem, headers, route] of refused) {
      const { answer, written } = await heard('GET', path, undefined, headers);
      const reqId = /\(ref (\S+)\)$/.exec(assertScimError(answer, status))?.[1];
      assert.equal(written.length, 1, path);
      const expected = { level: 30, reqId, op: 'GET', status, problem, idp: 'okta', route };
      assert.deepEqual({ ...written[0], ...expected }, written[0]);
    }
  });

  test('has the reference that a refusal tells', async () => {
    const { answer, written } = await heard('POST', '/Users', { schemas: [USER] });
    const reference = /\(ref (\S+)\)$/.exec(assertScimError(answer, 400))?.[1];
    assert.equal(written.length, 1);
    assert.equal(written[0]?.['reqId'], reference);
    assert.equal(written[0]?.['problem'], 'invalidValue');
    assert.equal(written[0]?.['status'], 400);
  });

  test('names no person', async () => {
    const secret = 'someone.special@example.com';
    const { written } = await heard('POST', '/Users', { schemas: [USER], userName: secret });
    const again = await heard('POST', '/Users', { schemas: [USER], userName: secret });
    assertScimError(again.answer, 409);
    assert.doesNotMatch(JSON.stringify([written, again.written]), /special/);
  });
});
