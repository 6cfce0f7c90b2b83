import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CliProcess, runCli, startCli } from '../support/cli-process.ts';
import { freePort } from '../support/free-port.ts';
import { type Answer, assertScimError, call, idOf } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const message = (name: string) => `urn:ietf:params:scim:api:messages:2.0:${name}`;
const CANARY = 'canary';

/** Everything that a process may have written below a folder, as one text. */
function contentsOf(folder: string): string {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'))
    .join('\n');
}

/** The strings of a scimsession file that are no public facts. */
function secretsOf(sessionPath: string): string[] {
  const texts: string[] = [];
  const file: unknown = JSON.parse(readFileSync(sessionPath, 'utf8'), (key, value) => {
    const isPublic = ['kid', 'createdAt', 'notAfter', 'accountId', 'format', 'id'].includes(key);
    if (typeof value === 'string' && value.length > 20 && !isPublic) texts.push(value);
    return value;
  });
  assert.ok(file !== undefined && texts.length >= 4, 'payload, seal, verifiers, keys');
  return texts;
}

/** Requests with secrets in every place where a client might put one. */
async function talk(url: string, token: string, healthToken: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  const say = async (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer> => {
    const answer = await call({ url, token }, method, path, {
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
      ...(headers === undefined ? {} : { headers }),
    });
    answers.push(answer);
    return answer;
  };
  const user = { schemas: [USER], userName: 'ada@example.com', password: `${CANARY}-password` };
  const id = idOf(await say('POST', '/Users', user));
  await say('POST', '/Users', user);
  await say('PUT', `/Users/${id}`, { ...user, title: 'Countess', password: `${CANARY}-put` });
  const patch = (...Operations: object[]) => ({ schemas: [message('PatchOp')], Operations });
  await say('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'password', value: CANARY }));
  await say('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { password: CANARY } }));
  await say('PATCH', `/Users/${id}`, patch({ op: 'add', path: 'password', value: { a: CANARY } }));
  await say('POST', '/Users', { ...user, password: [CANARY] });
  await say('POST', '/Users', `{"password":"${CANARY}" "userName":"${CANARY}"}`);
  await say('POST', '/Users', `{"password":"${CANARY}`);
  await say('POST', '/Users', `{"password":${CANARY}}`);
  await say('POST', '/Bulk', {
    schemas: [message('BulkRequest')],
    Operations: [
      { method: 'POST', path: '/Users', bulkId: '1', data: { ...user, userName: 'b@example.com' } },
      { method: 'POST', path: '/Users', bulkId: '2', data: { ...user, password: { a: CANARY } } },
    ],
  });
  await say('POST', '/Groups', { schemas: [GROUP], displayName: 'All', members: [{ value: id }] });
  for (const filter of [`password eq "${CANARY}"`, `password sw "${CANARY}"`, 'password pr']) {
    await say('GET', `/Users?filter=${encodeURIComponent(filter)}`);
    await say('POST', '/.search', { schemas: [message('SearchRequest')], filter });
  }
  await say('GET', '/Users?attributes=password');
  await say('GET', `/Users?sortBy=password&access_token=${CANARY}`);
  await say('GET', `/Users?token=${token}`);
  for (const authorization of [
    `Bearer ${CANARY}`,
    `Basic ${CANARY}`,
    `${CANARY}`,
    `Bearer ${token}${CANARY}`,
  ]) {
    assertScimError(await say('GET', '/Users', undefined, { authorization }), [401, 429]);
  }
  await say('GET', '/Users', undefined, { cookie: `session=${CANARY}`, 'x-api-key': CANARY });
  for (const path of ['/health', '/metrics', '/Schemas', '/ServiceProviderConfig', '/nothing']) {
    await say('GET', path);
  }
  for (const path of ['/monitoring', '/Users', '/health']) {
    answers.push(await call({ url, token: healthToken }, 'GET', path));
  }
  await say('DELETE', `/Users/${id}`);
  return answers;
}

for (const store of ['sqlite', 'redis'] as const) {
  describe(`marked secrets appear nowhere, on ${store}`, () => {
    let folder: string;
    let redis: RedisServer | undefined;
    let bridge: CliProcess;
    let token: string;
    let healthToken: string;
    let answers: readonly Answer[];
    const session = () => join(folder, 'scimsession');
    const env = () => ({
      OP_SESSION: session(),
      OP_TRACE: '1',
      OP_UNKNOWN_SETTING: CANARY,
      OP_TLS_KEY_SECRET: CANARY,
      OP_DATA_DIR: join(folder, 'data'),
      ...(redis === undefined
        ? {}
        : { OP_REDIS_URL: `redis://default:${CANARY}-redis@127.0.0.1:${redis.port}` }),
    });

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'op-scim-secrets-'));
      const args = ['--requirepass', `${CANARY}-redis`];
      redis = store === 'redis' ? await startRedis({ args }) : undefined;
      token = (await runCli(['session', 'create', '--out', session()])).stdout.trim();
      healthToken = (await runCli(['session', 'add-health-token', session()])).stdout.trim();
      const port = String(await freePort());
      bridge = startCli(['serve'], {
        cwd: folder,
        env: { ...env(), OP_LISTEN: '127.0.0.1', OP_PORT: port, OP_JSON_LOGS: '1' },
      });
      await bridge.says('the bridge serves');
      answers = await talk(`http://127.0.0.1:${port}`, token, healthToken);
      bridge.child.kill('SIGTERM');
      assert.equal(await bridge.ended, 0);
    });
    after(async () => {
      await redis?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    function assertSilent(text: string, where: string): void {
      assert.ok(text.length > 0, `${where} is empty: nothing was looked at`);
      for (const secret of [token, healthToken, ...secretsOf(session())]) {
        assert.ok(!text.includes(secret), `a secret of the session is in ${where}`);
      }
      const place = text.indexOf(CANARY);
      assert.equal(place, -1, `${where}: …${text.slice(Math.max(0, place - 200), place + 100)}…`);
    }

    test('in what the bridge printed', () => {
      const printed = bridge.stdout() + bridge.stderr();
      assert.match(printed, /"level":"debug"/, 'all levels were on');
      assertSilent(printed, 'the log');
      assert.doesNotMatch(printed, /ada@example\.com|Countess/, 'nor personal values');
    });

    test('in any answer', () => {
      assert.ok(answers.length > 25);
      const texts = answers.map(({ text, headers }) => `${text} ${JSON.stringify(headers)}`);
      assertSilent(texts.join('\n'), 'an answer');
    });

    test('in the store, events among it', () => {
      const written = contentsOf(redis?.directory ?? join(folder, 'data'));
      // Not by `match`, which would print all of it.
      assert.ok(written.includes('b@example.com'), 'it was found');
      assert.ok(written.includes('"operation":"replace"'), 'events, too');
      assertSilent(written, 'the store');
    });

    test('in an export, and in what other commands print', async () => {
      const exported = await runCli(['export'], { env: env() });
      assert.equal(exported.code, 0, exported.stderr);
      assert.match(exported.stdout, /"userName":"b@example\.com"/);
      assertSilent(exported.stdout + exported.stderr, 'the export');
      const config = await runCli(['config'], { env: env() });
      assertSilent(config.stdout + config.stderr, 'the settings');
      const token = join(folder, 'health-token');
      writeFileSync(token, healthToken, { mode: 0o600 });
      const args = ['doctor', '--output', 'json', '--health-token-file', token];
      const examined = await runCli(args, { env: env() });
      assert.match(examined.stdout, /"OP_UNKNOWN_SETTING is no setting/);
      assertSilent(examined.stdout + examined.stderr, 'the doctor');
      const inspected = await runCli(['session', 'inspect', session()]);
      assertSilent(inspected.stdout + inspected.stderr, 'session inspect');
    });
  });
}

describe('credentials of an account', () => {
  test('are sealed, and no start or command shows them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'op-scim-secrets-'));
    try {
      const credentials = {
        signInAddress: 'acme.1password.com',
        email: `${CANARY}@example.com`,
        secretKey: 'A3-CANARY-CANARY-CANAR-CANAR-CANAR-CANAR',
        password: `${CANARY} password`,
      };
      const file = join(folder, 'scimsession');
      const create = ['session', 'create', '--kind', 'op', '--credentials', '-', '--out', file];
      const made = await runCli(create, { stdin: JSON.stringify(credentials) });
      assert.equal(made.code, 0, made.stderr);
      writeFileSync(join(folder, 'token'), made.stdout, { mode: 0o600 });
      const env = { OP_SESSION: file, OP_BEARER_TOKEN_FILE: join(folder, 'token'), OP_TRACE: '1' };
      const served = await runCli(['serve'], { cwd: folder, env });
      assert.equal(served.code, 2);
      const inspected = await runCli(['session', 'inspect', file]);
      const texts = [made.stderr, served.stdout, served.stderr, inspected.stdout, inspected.stderr];
      const all = texts.join('\n') + readFileSync(file, 'utf8');
      assert.doesNotMatch(all, /canary/i);
      const said = texts.join('\n');
      for (const secret of [made.stdout.trim(), ...secretsOf(file)]) {
        assert.ok(!said.includes(secret));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
