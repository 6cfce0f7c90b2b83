import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { printSession } from '#session/format.ts';
import { makeSession } from '../../support/bridge.ts';
import { runCli, startCli } from '../../support/cli-process.ts';
import { freePort } from '../../support/free-port.ts';
import { call } from '../../support/http-client.ts';
import { sealed } from '../session/sessions.ts';

let folder: string;
let blocker: Server;
let takenPort: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'op-scim-serve-'));
  blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  takenPort = String((blocker.address() as AddressInfo).port); // It listens on TCP.
});
after(() => {
  blocker.close();
  rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  return mkdtempSync(join(folder, 'cwd-'));
}

function asBase64(session: Parameters<typeof printSession>[0]): string {
  return Buffer.from(printSession(session)).toString('base64');
}

const SESSION = makeSession('serve').base64;

/** Settings that a start refuses, and what it says. */
const refusals: Readonly<
  Record<string, () => { env: Record<string, string>; says: readonly RegExp[] }>
> = {
  'without a session': () => ({ env: {}, says: [/no session file .*session create --out/] }),
  'with several mistakes': () => ({
    env: {
      OP_SESSION: SESSION,
      OP_PORT: 'http',
      OP_RATE_LIMIT: '1',
      OP_REDIS_URL: 'http://:canary@redis',
      OP_REDIS_CA_FILE: '/nowhere/ca.pem',
      OP_TLS_CERT_FILE: '/nowhere/cert.pem',
      OP_LISTNE: 'canary',
    },
    says: [
      /^ {2}OP_LISTNE is no setting .* Did you mean OP_LISTEN\?$/m,
      /^op-scim: \d settings are wrong:$/m,
      /^ {2}OP_PORT: got "http", expected a port number/m,
      /^ {2}OP_RATE_LIMIT: got "1", expected .* from 25 to/m,
      /^ {2}OP_REDIS_URL: .*not shown.*, expected .*redis:/m,
      /^ {2}OP_REDIS_CA_FILE: "\/nowhere\/ca\.pem" can not be read \(ENOENT\)/m,
      /^ {2}OP_TLS_CERT_FILE and OP_TLS_KEY_FILE belong together/m,
    ],
  }),
  'with a session that is none': () => {
    const path = join(newFolder(), 'scimsession');
    writeFileSync(path, '{"canary":"canary"}', { mode: 0o600 });
    return { env: { OP_SESSION: path }, says: [/scimsession/] };
  },
  'with a session of a kind that is not served yet': () => ({
    env: { OP_SESSION: asBase64(sealed().session) },
    says: [/kind "op".*can seal but not serve yet/],
  }),
  'with a bearer token file that is not there': () => ({
    env: { OP_SESSION: SESSION, OP_BEARER_TOKEN_FILE: '/nowhere/token' },
    says: [/OP_BEARER_TOKEN_FILE: "\/nowhere\/token" can not be read/],
  }),
  'on a port that is taken': () => ({
    env: { OP_SESSION: SESSION, OP_LISTEN: '127.0.0.1', OP_PORT: takenPort },
    says: [/Port \d+ can not be opened: another process listens there\..*OP_PORT/],
  }),
  'with a probe port that is taken': () => ({
    env: {
      OP_SESSION: SESSION,
      OP_LISTEN: '127.0.0.1',
      OP_PORT: '0',
      OP_PING_SERVER: '1',
      OP_PING_PORT: takenPort,
    },
    says: [/Port \d+ can not be opened: another process listens there\..*OP_PING_PORT/],
  }),
  'on a port that is taken, with a Redis that is down': () => ({
    env: {
      OP_SESSION: SESSION,
      OP_LISTEN: '127.0.0.1',
      OP_PORT: takenPort,
      OP_REDIS_URL: 'redis://127.0.0.1:1',
    },
    says: [/Port \d+ can not be opened/],
  }),
  'on an address that is not this machine’s': () => ({
    env: { OP_SESSION: SESSION, OP_LISTEN: '192.0.2.1', OP_PORT: '0' },
    says: [/can not be opened/],
  }),
};

for (const [name, make] of Object.entries(refusals)) {
  test(`a start ${name} ends with exit code 2 and says what to do`, async () => {
    const { env, says } = make();
    const cwd = newFolder();
    const { code, stdout, stderr } = await runCli(['serve'], { cwd, env });
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    for (const sentence of says) assert.match(stderr, sentence);
    assert.doesNotMatch(stderr, /canary|\n\s+at /);
  });
}

test('a second bridge on the same SQLite file is refused with exit code 2', async () => {
  const env = { OP_SESSION: SESSION, OP_LISTEN: '127.0.0.1', OP_PORT: '0', OP_DATA_DIR: 'data' };
  const cwd = newFolder();
  const first = startCli(['serve'], { cwd, env });
  await first.says('the bridge serves');
  const second = await runCli(['serve'], { cwd, env });
  assert.equal(second.code, 2);
  assert.match(second.stderr, /another process of the bridge has it open/);
  first.child.kill('SIGTERM');
  assert.equal(await first.ended, 0);
});

const TOKEN = /(?<![\w-])[\w-]{43}(?![\w-])/g;

test('a newcomer sees a token once, gets private files, and is served on this machine alone', async () => {
  const cwd = newFolder();
  const port = await freePort();
  const env = { OP_PORT: String(port) };

  const first = startCli(['serve', '--newcomer'], { cwd, env });
  await first.says('/scim/Users');
  const tokens = new Set(first.stdout().match(TOKEN));
  assert.equal(tokens.size, 1, first.stdout());
  const [token = ''] = tokens;
  assert.match(first.stdout(), new RegExp(`http://127\\.0\\.0\\.1:${port}$`, 'm'));
  const curl = /curl -H 'Authorization: Bearer (\S+)' (\S+)/.exec(first.stdout());
  assert.deepEqual(curl?.slice(1), [token, `http://127.0.0.1:${port}/scim/Users`]);
  const target = { url: `http://127.0.0.1:${port}`, token };
  assert.equal((await call(target, 'GET', '/scim/Users')).status, 200);

  const made = join(cwd, '.op-scim');
  assert.equal(statSync(made).mode & 0o777, 0o700);
  for (const file of readdirSync(made)) {
    assert.equal(statSync(join(made, file)).mode & 0o777, 0o600, file);
  }
  first.child.kill('SIGTERM');
  assert.equal(await first.ended, 0);
  assert.equal(first.stderr(), '');

  const second = startCli(['serve', '--newcomer'], { cwd, env });
  await second.says('/scim/Users');
  assert.doesNotMatch(second.stdout(), TOKEN);
  assert.match(second.stdout(), /Lost it\?/);
  assert.equal((await call(target, 'GET', '/scim/Users')).status, 200);
  second.child.kill('SIGINT');
  assert.equal(await second.ended, 0);
  const lost = await runCli(['export'], { cwd });
  assert.match(
    lost.stderr,
    /no session file .* "npm start" .*OP_SESSION=\.op-scim\/scimsession\.$/m,
  );
  const session = { OP_SESSION: '.op-scim/scimsession' };
  const exported = await runCli(['export'], { cwd, env: session });
  assert.equal(exported.code, 0, exported.stderr);
});

test('a newcomer who deletes the session gets a new token for the same directory', async () => {
  const cwd = newFolder();
  const env = { OP_PORT: String(await freePort()), OP_SESSION: '', OP_LISTEN: '' };
  const url = `http://127.0.0.1:${env.OP_PORT}`;
  const body = JSON.stringify({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: 'ada@example.com',
  });
  const tokens: string[] = [];
  for (const [method, status] of [
    ['POST', 201],
    ['POST', 409],
  ] as const) {
    const bridge = startCli(['serve', '--newcomer'], { cwd, env });
    await bridge.says('/scim/Users');
    const [token = ''] = bridge.stdout().match(TOKEN) ?? [];
    assert.equal((await call({ url, token }, method, '/Users', { body })).status, status);
    tokens.push(token);
    bridge.child.kill('SIGTERM');
    assert.equal(await bridge.ended, 0);
    rmSync(join(cwd, '.op-scim', 'scimsession'));
  }
  assert.notEqual(tokens[0], tokens[1]);
});

test('a newcomer whose first start fails sees the token at the next one', async () => {
  const cwd = newFolder();
  const env = { OP_PORT: takenPort };
  const failed = await runCli(['serve', '--newcomer'], { cwd, env });
  assert.equal(failed.code, 2);
  assert.match(failed.stderr, /Port \d+ can not be opened/);
  const next = startCli(['serve', '--newcomer'], { cwd, env: { OP_PORT: '0' } });
  await next.says('/scim/Users');
  assert.equal(new Set(next.stdout().match(TOKEN)).size, 1);
  next.child.kill('SIGTERM');
  assert.equal(await next.ended, 0);
});

test('a newcomer’s wrong setting makes nothing', async () => {
  const cwd = newFolder();
  const { code } = await runCli(['serve', '--newcomer'], { cwd, env: { OP_PORT: 'x' } });
  assert.equal(code, 2);
  assert.deepEqual(readdirSync(cwd), []);
});

test('a bridge that is aborted leaves no core dump and no report', async () => {
  const cwd = newFolder();
  const env = {
    OP_SESSION: SESSION,
    OP_LISTEN: '127.0.0.1',
    OP_PORT: '0',
    OP_DATA_DIR: ':memory:',
  };
  const launcher = ['/bin/sh', '-c', 'ulimit -c "$(ulimit -H -c)"; exec "$0" "$@"'] as const;
  const bridge = startCli(['serve'], {
    cwd,
    env: { ...env, NODE_OPTIONS: '--report-on-fatalerror --report-on-signal' },
    launcher: [...launcher],
  });
  await bridge.says('the bridge serves');
  bridge.child.kill('SIGABRT');
  assert.equal(await bridge.ended, 'SIGABRT');
  assert.deepEqual(readdirSync(cwd), []);
});
