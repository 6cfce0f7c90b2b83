import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, suite, test } from 'node:test';
import { pino } from 'pino';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import type { StoreBackend } from '#store/store.ts';
import type { Challenge, ChallengeSolver } from '#tls/acme/acme-engine.ts';
import { PendingChallenge } from '#tls/challenges.ts';
import { recordName, recordValue } from '#tls/dns/dns-provider.ts';
import { type DnsTuning, openDnsChallenge } from '#tls/dns/open-dns-challenge.ts';
import { sealOf } from '#tls/seal.ts';
import { SharedCertificate } from '#tls/shared-certificate.ts';
import { openTlsStore, type TlsStore } from '#tls/tls-store.ts';
import type { FakeProvider } from '../../../support/dns/fake-api.ts';
import { startFakeCloudflare } from '../../../support/dns/fake-cloudflare.ts';

const DOMAIN = 'scim.example.com';
const NAME = '_acme-challenge.scim.example.com';
const LEASE_MS = 60_000;

suite('the solver of DNS-01', { timeout: 200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-dns-solver-'));
  const path = join(folder, 'dns01.json');
  let fake: FakeProvider;
  let backend: StoreBackend;
  let store: TlsStore;
  let lines: string[];
  beforeEach(async () => {
    fake = await startFakeCloudflare('example.com');
    backend = await openSqliteBackend({ file: ':memory:' });
    store = openTlsStore(backend, { domain: DOMAIN, directoryUrl: 'https://ca.example/dir' });
    writeFileSync(path, JSON.stringify(fake.config));
    lines = [];
  });
  afterEach(async () => {
    await fake.close();
    await backend.close();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** As an order does it, of whichever process. */
  const solverOf = async (
    options: DnsTuning & { readonly holder?: string; readonly signal?: AbortSignal } = {},
  ): Promise<ChallengeSolver> => {
    const { holder = 'a', signal = new AbortController().signal, ...tuning } = options;
    const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
    const challenges = await PendingChallenge.create(DOMAIN);
    const seal = sealOf(() => Buffer.alloc(32, 7));
    const serve = () => {};
    const shared = new SharedCertificate({
      ...{ domain: DOMAIN, store, seal, challenges, log, now: Date.now, serve },
    });
    const lease = await store.takeLease(holder, LEASE_MS);
    assert(lease !== undefined);
    const open = openDnsChallenge({
      ...{ path, domain: DOMAIN, log, now: Date.now },
      tuning: { pauseMs: 5, spreadMs: 5, servers: fake.servers, ...tuning },
    });
    return open({ store, shared, lease, signal, log });
  };
  const noted = async (): Promise<string | undefined> => (await store.read('')).challenge?.body;

  test('the record and the note of it are there from put to drop', async () => {
    fake.seed(NAME, ['of-another']);
    const solver = await solverOf();
    assert.equal(solver.type, 'dns-01');
    await solver.put(challengeFor('one'));
    assert.deepEqual(fake.values(NAME), ['of-another', valueFor('one')]);
    assert.match((await noted()) ?? '', /"dns-01".*"one\.thumbprint"/);
    await solver.drop(challengeFor('one'));
    assert.deepEqual(fake.values(NAME), ['of-another']);
    assert.equal(await noted(), undefined);
    for (const secret of fake.secrets) assert.ok(!lines.join('').includes(secret));
  });

  test('name and value are as RFC 8555 §8.4 says', () => {
    assert.equal(recordName(DOMAIN), NAME);
    // SHA-256 of "abc", of FIPS 180-2, in base64url.
    assert.equal(recordValue('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });

  test('what a process that died has left is removed by the next order', async () => {
    fake.seed(NAME, ['of-another']);
    await (await solverOf()).put(challengeFor('one'));
    const next = await solverOf();
    await next.put(challengeFor('two'));
    assert.deepEqual(fake.values(NAME), ['of-another', valueFor('two')]);
    await next.drop(challengeFor('two'));
    assert.deepEqual(fake.values(NAME), ['of-another']);
  });

  test('a provider that fails at the end: drop does not reject, the next order removes it', async () => {
    const solver = await solverOf();
    await solver.put(challengeFor('one'));
    fake.replyWith(() => ({ status: 500 }));
    await solver.drop(challengeFor('one'));
    assert.match(lines.join(''), /keeps a record until the next order/);
    assert.match((await noted()) ?? '', /one\.thumbprint/);
    fake.replyWith(() => undefined);
    const next = await solverOf();
    await next.put(challengeFor('two'));
    assert.deepEqual(fake.values(NAME), [valueFor('two')]);
  });

  test('an order that is given up while it waits takes its record away', async () => {
    const stop = new AbortController();
    const solver = await solverOf({ signal: stop.signal, spreadMs: 100_000 });
    fake.onChange = async () => stop.abort(new Error('the bridge ends'));
    await assert.rejects(solver.put(challengeFor('one')));
    fake.onChange = undefined;
    await solver.drop(challengeFor('one'));
    assert.deepEqual(fake.values(NAME), []);
    assert.equal(await noted(), undefined);
  });

  test('a provider that takes too long is given up, at both ends', async () => {
    const solver = await solverOf({ putMs: 50, dropMs: 50 });
    fake.replyWith(() => ({ status: 200, hangs: true }));
    await assert.rejects(solver.put(challengeFor('one')), {
      problem: 'dnsProvider',
      message: 'Cloudflare took longer than 0.05 seconds.',
    });
    await solver.drop(challengeFor('one'));
    assert.match(lines.join(''), /took longer than 0\.05 seconds/);
  });

  test('without the lease no record is made', async () => {
    const solver = await solverOf();
    const mine = await store.takeLease('a', LEASE_MS);
    assert(mine !== undefined);
    await store.releaseLease(mine);
    assert.ok(await store.takeLease('b', LEASE_MS));
    await assert.rejects(solver.put(challengeFor('one')), { name: 'LeaseLost' });
    await solver.drop(challengeFor('one'));
    assert.deepEqual(fake.values(NAME), []);
  });

  test('settings are read for each order: broken ones are said, mended ones count', async () => {
    const solver = await solverOf();
    writeFileSync(path, '{}');
    await assert.rejects(solver.put(challengeFor('one')), {
      problem: 'dnsProvider',
      message: /OP_DNS_CHALLENGE_CONFIG_FILE: .* provider is missing/,
    });
    await assert.rejects(solverOf(), { name: 'OperatorError' });
    writeFileSync(path, JSON.stringify(fake.config));
    await solver.put(challengeFor('one'));
    assert.deepEqual(fake.values(NAME), [valueFor('one')]);
  });

  test('a note of another domain is not acted on', async () => {
    const other = { ...challengeFor('one'), domain: 'other.example.com' };
    const body = JSON.stringify({ v: 1, ...other });
    assert.ok(await store.write([{ name: 'challenge', before: undefined, body }]));
    fake.seed('_acme-challenge.other.example.com', [valueFor('one')]);
    await (await solverOf()).put(challengeFor('two'));
    assert.deepEqual(fake.values('_acme-challenge.other.example.com'), [valueFor('one')]);
  });
});

function challengeFor(token: string): Challenge {
  return { type: 'dns-01', domain: DOMAIN, token, keyAuthorization: `${token}.thumbprint` };
}

function valueFor(token: string): string {
  return recordValue(`${token}.thumbprint`);
}
