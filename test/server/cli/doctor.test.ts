import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checks } from '#cli/checks/all.ts';
import { type Check, ok } from '#cli/checks/check.ts';
import { runChecks } from '#cli/checks/run.ts';
import { Subject } from '#cli/checks/subject.ts';
import { loadConfig } from '#config/load.ts';
import { type BridgeProcess, startBridgeProcess } from '../../support/bridge-process.ts';
import { runCli } from '../../support/cli-process.ts';
import {
  assertFinding,
  dnsError,
  fakeNetwork,
  runDoctor,
  runDoctorText,
} from './checks/run-doctor.ts';
import { opScim } from './fake-io.ts';

const GOLDEN = new URL('../../golden/', import.meta.url);

test('ids are the titles as anchors, each once, and each is a heading of docs/doctor.md', () => {
  const slug = (title: string) => title.toLowerCase().replaceAll(' ', '-');
  assert.deepEqual(
    checks.map(({ id }) => id),
    checks.map(({ title }) => slug(title)),
  );
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
  const headings = readFileSync('docs/doctor.md', 'utf8').match(/(?<=^### ).*/gm) ?? [];
  assert.deepEqual(
    headings.map(slug),
    checks.map(({ id }) => id),
  );
});

test('op-scim help names it, and its own help its exit codes', async () => {
  assert.match((await opScim(['help'])).stdout, /op-scim doctor .*wrong/);
  assert.match((await opScim(['help', 'doctor'])).stdout, /Exit code 0 when nothing failed/);
});

for (const args of [
  ['now'],
  ['--output', 'yaml'],
  ['--health-token-file', '/nowhere'],
  ['--health-token-file', '-'],
  ['--fix'],
]) {
  test(`op-scim doctor ${args.join(' ')} is a mistake: exit code 2`, async () => {
    const ran = await opScim(['doctor', ...args]);
    assert.equal(ran.exitCode, 2);
    assert.equal(ran.stdout, '');
    assert.doesNotMatch(ran.stderr, /\n\s+at /);
  });
}

test('settings that can not be read: all mistakes, the rest is skipped, exit code 2', async () => {
  const env = { OP_PORT: 'x', OP_REDIS_URL: 'http://:canary@redis', OP_LISTNE: 'canary' };
  const examined = await runDoctor({ env });
  assert.equal(examined.exitCode, 2);
  assertFinding(examined, { id: 'settings', state: 'failed', says: /OP_PORT[\s\S]*OP_REDIS_URL/ });
  assert.match(examined.of('settings').detail, /OP_LISTNE is no setting.*Did you mean OP_LISTEN/);
  assert.match(examined.of('settings').hint ?? '', /op-scim config/);
  const others = examined.results.filter(({ id }) => id !== 'settings');
  assert.ok(others.every(({ state, hint }) => state === 'skipped' && hint === null));
  assert.doesNotMatch(examined.stdout, /canary/);
});

test('a file that is not there fails the settings, and the other checks go on', async () => {
  const env = {
    OP_TLS_DOMAIN: '',
    OP_REDIS_CA_FILE: '/nowhere/ca.pem',
    OP_REDIS_URL: 'rediss://127.0.0.1:9',
  };
  const examined = await runDoctor({ env });
  assert.equal(examined.exitCode, 1);
  assertFinding(examined, { id: 'settings', state: 'failed', says: /OP_REDIS_CA_FILE.*ENOENT/ });
  assertFinding(examined, { id: 'redis', state: 'failed', says: /ca\.pem can not be read/ });
  assertFinding(examined, { id: 'redis-memory', state: 'skipped', says: /does not answer/ });
});

test('unknown and shadowed settings are warnings without values', async () => {
  const env = {
    OP_TLS_DOMIAN: 'canary',
    OP_TLS_DOMAIN: '',
    OP_CHART_TLS_DOMAIN: 'scim.example.com',
  };
  const examined = await runDoctor({ env });
  const says =
    /OP_TLS_DOMAIN is "" here and "scim.example.com" in the chart.*by hand[\s\S]*OP_TLS_DOMIAN is no setting.*Did you mean OP_TLS_DOMAIN\?/;
  assertFinding(examined, { id: 'settings', state: 'warning', says });
  assert.doesNotMatch(examined.stdout, /canary/);
});

test('what others put into DNS does not steer the terminal', async () => {
  const { stdout } = await runDoctorText({
    env: { OP_TLS_DOMAIN: 'scim.example.com', OP_ACME_DIRECTORY_URL: 'https://127.0.0.1:9/' },
    network: { addressesOf: () => Promise.reject(dnsError('\u001b[2J\u009b')) },
  });
  assert.match(stdout, /scim\.example\.com could not be looked up \(\?\[2J\?\)/);
  assert.match(stdout, /^[^\p{Cc}]*(?:\n[^\p{Cc}]*)*$/u);
});

describe('the runner', () => {
  const subject = (loaded = loadConfig({})) =>
    new Subject({
      loaded,
      fileMistakes: undefined,
      healthToken: undefined,
      network: fakeNetwork(9),
      now: Date.now,
    });
  const check = (run: Check['run']): Check => ({ id: 'a', title: 'A', about: '', remedy: '', run });

  test('gives up a check that takes too long, and waits for no other', async () => {
    const never = check(() => new Promise(() => {}));
    const results = await runChecks([never, check(() => ok('Well.'))], subject(), 20);
    assert.deepEqual(
      results.map(({ state }) => state),
      ['failed', 'ok'],
    );
    assert.match(results[0]?.detail ?? '', /not known within 0\.02 s, and was given up/);
  });

  test('a bug fails its own check alone, without the text of the error', async () => {
    const bug = check(() => {
      throw new TypeError('canary');
    });
    const results = await runChecks([bug, check(() => ok('Well.'))], subject());
    assert.equal(results[1]?.state, 'ok');
    assert.match(results[0]?.detail ?? '', /failed by a bug \(TypeError at /);
    assert.doesNotMatch(JSON.stringify(results), /canary/);
  });

  test('a bug in what several checks look at keeps no result away', async () => {
    const loaded = loadConfig({});
    const config = { ...loaded.config, dataDirectory: 'no\0path' };
    const broken = subject({ ...loaded, config });
    const asks = check(async () => ok(String(await broken.sqlite())));
    const [result] = await runChecks([asks], broken);
    assert.match(result?.detail ?? '', /failed by a bug/);
    await broken.close();
  });
});

describe('beside a running bridge on SQLite', () => {
  let folder: string;
  let bridge: BridgeProcess;
  let env: Record<string, string>;
  let healthToken: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'op-scim-doctor-'));
    const path = join(folder, 'scimsession');
    const create = ['session', 'create', '--out', path, '--account-id', 'acme'];
    const token = (await runCli(create)).stdout.trim();
    healthToken = (await runCli(['session', 'add-health-token', path])).stdout.trim();
    const dataDir = join(folder, 'data');
    const session = { path, token };
    bridge = await startBridgeProcess({ store: { kind: 'sqlite', dataDir }, session });
    const port = String(bridge.port);
    env = { OP_SESSION: path, OP_DATA_DIR: dataDir, OP_PORT: port, OP_LISTEN: '127.0.0.1' };
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await fetch(`${bridge.url}/Users`, { headers })).status, 200);
  });
  after(async () => {
    await bridge.stop();
    rmSync(folder, { recursive: true });
  });

  /** What differs from run to run. */
  const steady = (text: string) =>
    text
      .replaceAll(folder, '/folder')
      .replaceAll(String(bridge.port), '3002')
      .replaceAll(/\d+ MiB/g, '1 MiB');

  for (const [name, args] of [
    ['doctor.txt', []],
    ['doctor.json', ['--output', 'json']],
  ] as const) {
    test(`all is well: exit code 0, and the words of test/golden/${name}`, async () => {
      const { exitCode, stdout } = await runDoctorText({ env, args });
      assert.equal(exitCode, 0, stdout);
      const file = new URL(name, GOLDEN);
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, steady(stdout));
      assert.equal(steady(stdout), readFileSync(file, 'utf8'));
    });
  }

  test('as its own process, as kubectl exec runs it: exit code 0, and nothing of it stays', async () => {
    const ran = await runCli(['doctor'], { env });
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /^√ Settings: /);
    assert.equal(ran.stderr, '');
  });

  test('with the health-only token it tells what the bridge says of itself', async () => {
    const args = ['--health-token-file', '-'];
    const examined = await runDoctor({ env, args, stdin: `${healthToken}\n` });
    const says = /SCIMServer is healthy\.\nSqliteStore is healthy\./;
    assertFinding(examined, { id: 'bridge-health', state: 'ok', says });
    const wrong = await runDoctor({ env, args, stdin: bridge.token });
    assertFinding(wrong, { id: 'bridge-health', state: 'failed', says: /refuses the token.*403/ });
    for (const { stdout } of [examined, wrong]) {
      assert.ok(!stdout.includes(healthToken) && !stdout.includes(bridge.token));
    }
  });
});
