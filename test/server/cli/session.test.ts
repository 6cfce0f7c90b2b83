import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createSessionFile } from '#cli/session-file.ts';
import { createKeyring } from '#session/keyring.ts';
import { openSessionSource } from '#session/source.ts';
import { OP_PAYLOAD, sealed } from '../session/sessions.ts';
import { opScim } from './fake-io.ts';

const TOKEN_LINE = /^[\w-]{43}\n$/;
const DAY_MS = 86_400_000;
const credentials = JSON.stringify(OP_PAYLOAD);

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'op-scim-cli-'));
  file = join(folder, 'scimsession');
});

afterEach(() => rmSync(folder, { recursive: true }));

/** What a bridge would say to this token, at this time. */
function check(bearerToken: string, nowMs = Date.now()) {
  const keyring = createKeyring({ source: openSessionSource(file), clock: () => nowMs });
  const grant = keyring.check(bearerToken.trim());
  const payload = keyring.unlocked?.payload;
  keyring.close();
  return grant && { ...grant, payload };
}

async function create(...args: string[]): Promise<string> {
  const ran = await opScim(['session', 'create', '--out', file, ...args], { stdin: credentials });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.match(ran.stdout, TOKEN_LINE);
  return ran.stdout.trim();
}

async function inspect() {
  const ran = await opScim(['session', 'inspect', file, '--output', 'json']);
  assert.equal(ran.exitCode, 0, ran.stderr);
  return JSON.parse(ran.stdout);
}

test('create makes a file of mode 0600 and prints nothing but its token on stdout', async () => {
  const bearerToken = await create();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(check(bearerToken)?.payload, { kind: 'standalone' });
  assert.ok(!readFileSync(file, 'utf8').includes(bearerToken));
  assert.deepEqual(readdirSync(folder), ['scimsession']);
});

test('create never overwrites, not even through a dangling link', async () => {
  const bearerToken = await create();
  const before = readFileSync(file);
  const again = await opScim(['session', 'create', '--out', file]);
  assert.equal(again.exitCode, 2);
  assert.equal(again.stdout, '');
  assert.match(again.stderr, /exists already/);
  assert.deepEqual(readFileSync(file), before);
  assert.ok(check(bearerToken));
  await assert.rejects(createSessionFile(file, sealed().session), /exists already/);
  assert.deepEqual(readFileSync(file), before);
  const link = join(folder, 'link');
  symlinkSync('nowhere', link);
  assert.equal((await opScim(['session', 'create', '--out', link])).exitCode, 2);
});

test('create leaves no file behind when the token can not be printed', async () => {
  const ran = await opScim(['session', 'create', '--out', file], { stdoutBreaks: true });
  assert.equal(ran.exitCode, 2);
  assert.deepEqual(readdirSync(folder), []);
});

test('create takes credentials from stdin', async () => {
  const bearerToken = await create('--kind', 'op', '--credentials', '-', '--strict');
  assert.deepEqual(check(bearerToken)?.payload, OP_PAYLOAD);
  assert.equal(check(bearerToken)?.strict, true);
  assert.equal((await inspect()).accountId, 'acme.1password.com');
});

test('create takes credentials from a file, an account id and a domain', async () => {
  const from = join(folder, 'credentials');
  writeFileSync(from, '{"url":"https://example.com/scim","token":"canary"}', { mode: 0o600 });
  const more = ['--account-id', 'tenant-7', '--domain', 'scim.example.com'];
  const bearerToken = await create('--kind', 'scim', '--credentials', from, ...more);
  assert.equal(check(bearerToken)?.payload?.kind, 'scim');
  const { accountId, domain } = await inspect();
  assert.deepEqual({ accountId, domain }, { accountId: 'tenant-7', domain: 'scim.example.com' });
});

test('create asks on a terminal, and hides what is secret', async () => {
  const args = ['session', 'create', '--out', file, '--kind', 'op'];
  const ran = await opScim(args, {
    answers: {
      'Sign-in address': 'acme.1password.com',
      'E-mail': 'bridge@example.com',
      'Secret Key': OP_PAYLOAD.kind === 'op' ? OP_PAYLOAD.secretKey : '',
      'Account password': 'canary password',
    },
  });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.match(ran.stdout, TOKEN_LINE);
  assert.doesNotMatch(ran.stderr, /canary/i);
  const payload = check(ran.stdout)?.payload;
  assert.equal(payload?.kind === 'op' && payload.password, 'canary password');
  assert.match((payload?.kind === 'op' && payload.deviceUuid) || '', /^[a-z2-7]{26}$/);
});

test('create takes a paste of all answers, and does not show the secret ones', async () => {
  const args = ['session', 'create', '--out', file, '--kind', 'scim'];
  const ran = await opScim(args, {
    answers: { 'URL of': 'https://example.com/scim\rcanary' },
  });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.doesNotMatch(ran.stderr, /canary/);
  const payload = check(ran.stdout)?.payload;
  assert.deepEqual(payload, { kind: 'scim', url: 'https://example.com/scim', token: 'canary' });
});

test('create makes nothing when the terminal hangs up', async () => {
  const args = ['session', 'create', '--out', file, '--kind', 'scim'];
  const ran = await opScim(args, { answers: { 'URL of': '\u0003' } });
  assert.equal(ran.exitCode, 2);
  assert.match(ran.stderr, /Nothing was changed/);
  assert.deepEqual(readdirSync(folder), []);
});

const refused = {
  'no --out': [[], /--out FILE/],
  'an unknown kind': [['--out', 'F', '--kind', 'x'], /--kind x is not known/],
  'no credentials': [['--out', 'F', '--kind', 'op'], /--credentials/],
  'credentials of kind standalone': [
    ['--out', 'F', '--kind', 'standalone', '--credentials', '-'],
    /has no credentials/,
  ],
  'credentials without a kind': [['--out', 'F', '--credentials', '-'], /--kind/],
  'credentials that are no JSON': [
    ['--out', 'F', '--kind', 'op', '--credentials', '-'],
    /not JSON/,
  ],
  'a domain with a scheme': [['--out', 'F', '--domain', 'https://a.b'], /--domain/],
  'an account id with braces': [['--out', 'F', '--account-id', '{a}'], /--account-id/],
  'a secret as an argument': [['--out', 'F', '--password=canary'], /Unknown option '--password'/],
  'a word too many': [['--out', 'F', 'canary'], /nothing without a name/],
  'a folder that is not there': [['--out', '/nowhere/F'], /can not be written/],
} as const;

for (const [name, [args, complaint]] of Object.entries(refused)) {
  test(`create refuses ${name}: exit code 2, no file, nothing on stdout`, async () => {
    const inFolder = args.map((arg) => (arg === 'F' ? file : arg));
    const ran = await opScim(['session', 'create', ...inFolder], { stdin: '{"password":canary}' });
    assert.equal(ran.exitCode, 2);
    assert.equal(ran.stdout, '');
    assert.match(ran.stderr, complaint);
    assert.doesNotMatch(ran.stderr, /canary/);
    assert.deepEqual(readdirSync(folder), []);
  });
}

test('inspect shows what is public and no secret', async () => {
  const bearerToken = await create('--kind', 'op', '--credentials', '-');
  for (const output of ['text', 'json']) {
    const ran = await opScim(['session', 'inspect', file, '--output', output]);
    assert.equal(ran.exitCode, 0);
    assert.match(ran.stdout, /acme\.1password\.com/);
    assert.doesNotMatch(ran.stdout, /canary|bridge@|verifier|storeSeal/i);
    assert.ok(!ran.stdout.includes(bearerToken));
  }
});

test('rotate-token prints a new token; the old one is good for seven days', async () => {
  const old = await create('--strict');
  chmodSync(file, 0o440);
  const ran = await opScim(['session', 'rotate-token', file], { stdin: `${old}\n` });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.match(ran.stdout, TOKEN_LINE);
  assert.ok(!ran.stderr.includes(old) && !ran.stderr.includes(ran.stdout.trim()));
  assert.match(ran.stderr, /enter the new token in the identity provider before 2\d{3}-\d\d-\d\dT/);
  assert.equal(statSync(file).mode & 0o777, 0o440);
  assert.deepEqual(readdirSync(folder), ['scimsession']);
  assert.ok(check(old, Date.now() + 7 * DAY_MS - 60_000));
  assert.equal(check(old, Date.now() + 7 * DAY_MS), undefined);
  assert.equal(check(ran.stdout, Date.now() + 900 * DAY_MS)?.strict, true);
});

test('rotate-token takes the token from a file, and --keep 0 removes it at once', async () => {
  const old = await create();
  const from = join(folder, 'token');
  writeFileSync(from, old, { mode: 0o600 });
  const args = ['session', 'rotate-token', file, '--token-file', from, '--keep', '0'];
  const ran = await opScim(args);
  assert.match(ran.stderr, /in the identity provider at once/);
  assert.equal(check(old), undefined);
  assert.ok(check(ran.stdout));
  assert.equal((await inspect()).tokens.length, 1);
});

test('rotating again does not lengthen the life of the token before', async () => {
  const old = await create();
  await opScim(['session', 'rotate-token', file, '--keep', '1h'], { stdin: old });
  await opScim(['session', 'rotate-token', file, '--keep', '30d'], { stdin: old });
  assert.equal(check(old, Date.now() + 3_600_000), undefined);
});

test('rotation keeps the seal of the store', async () => {
  const old = await create();
  const sealOf = () => JSON.parse(readFileSync(file, 'utf8')).storeSeal;
  const before = sealOf();
  await opScim(['session', 'rotate-token', file], { stdin: old });
  assert.equal(sealOf(), before);
});

test('a symlink to the session stays a symlink', async () => {
  const old = await create();
  const link = join(folder, 'link');
  symlinkSync('scimsession', link);
  const ran = await opScim(['session', 'rotate-token', link], { stdin: old });
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.ok(check(ran.stdout));
});

test('rotate-token changes nothing when the token can not be printed', async () => {
  const old = await create();
  const before = readFileSync(file);
  const args = ['session', 'rotate-token', file, '--keep', '0'];
  const ran = await opScim(args, { stdin: old, stdoutBreaks: true });
  assert.notEqual(ran.exitCode, 0);
  assert.deepEqual(readFileSync(file), before);
  assert.deepEqual(readdirSync(folder), ['scimsession']);
});

test('a change is refused while another one runs', async () => {
  const old = await create();
  writeFileSync(`${file}.new`, '');
  const ran = await opScim(['session', 'rotate-token', file], { stdin: old });
  assert.equal(ran.exitCode, 2);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, /another command/);
  assert.deepEqual(readdirSync(folder), ['scimsession', 'scimsession.new']);
});

test('rotate-token refuses what is not the current token, and does not repeat it', async () => {
  await create();
  const health = await opScim(['session', 'add-health-token', file]);
  const before = readFileSync(file);
  const foreign = Buffer.alloc(32, 7).toString('base64url');
  for (const given of ['', 'canary', foreign, health.stdout]) {
    const ran = await opScim(['session', 'rotate-token', file], { stdin: given });
    assert.equal(ran.exitCode, 2);
    assert.equal(ran.stdout, '');
    assert.ok(given === '' || !ran.stderr.includes(given.trim()));
  }
  assert.deepEqual(readFileSync(file), before);
});

for (const keep of ['7', '-1d', '1w', '400d', 'x', '']) {
  test(`--keep "${keep}" is refused`, async () => {
    const old = await create();
    const ran = await opScim(['session', 'rotate-token', file, `--keep=${keep}`], { stdin: old });
    assert.equal(ran.exitCode, 2);
    assert.match(ran.stderr, /--keep/);
  });
}

test('add-health-token needs no other token, and its token unlocks nothing', async () => {
  await create();
  const ran = await opScim(['session', 'add-health-token', file]);
  assert.match(ran.stdout, TOKEN_LINE);
  assert.equal(check(ran.stdout)?.scope, 'health');
  assert.equal(check(ran.stdout)?.payload, undefined);
});

test('a session takes sixteen tokens', async () => {
  await create();
  for (let count = 2; count <= 16; count += 1) {
    assert.equal((await opScim(['session', 'add-health-token', file])).exitCode, 0);
  }
  const ran = await opScim(['session', 'add-health-token', file]);
  assert.equal(ran.exitCode, 2);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, /at most 16/);
});

test('revoke-token removes one token, but not the last that opens the file', async () => {
  const old = await create();
  const rotated = await opScim(['session', 'rotate-token', file], { stdin: old });
  const [first, second] = (await inspect()).tokens;
  const revoke = (kid: string) => opScim(['session', 'revoke-token', file, '--kid', kid]);
  const ran = await revoke(first.kid);
  assert.deepEqual({ exitCode: ran.exitCode, stdout: ran.stdout }, { exitCode: 0, stdout: '' });
  assert.equal(check(old), undefined);
  assert.ok(check(rotated.stdout));
  assert.match((await revoke(second.kid)).stderr, /last token that opens/);
  assert.match((await revoke('nothing')).stderr, /Give --kid one of/);
  assert.ok(check(rotated.stdout));
});

test('as a process: a script takes the token from stdout, and exit codes arrive', () => {
  const main = join(import.meta.dirname, '../../../server/cli/main.ts');
  const bearerToken = execFileSync(process.execPath, [main, 'session', 'create', '--out', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  assert.match(bearerToken, TOKEN_LINE);
  assert.ok(check(bearerToken));
  const again = spawnSync(process.execPath, [main, 'session', 'create', '--out', file]);
  assert.equal(again.status, 2);
});
