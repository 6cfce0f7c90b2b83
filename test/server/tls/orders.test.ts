import assert from 'node:assert/strict';
import { after, before, beforeEach, suite, test } from 'node:test';
import { pino } from 'pino';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { type StoreBackend, StoreUnavailable } from '#store/store.ts';
import {
  type AcmeEngine,
  AcmeError,
  type CertificateOrder,
  type RenewalWindow,
} from '#tls/acme/acme-engine.ts';
import type { Certificate } from '#tls/certificate.ts';
import { PendingChallenge } from '#tls/challenges.ts';
import { Orders } from '#tls/orders.ts';
import { RETRY_PLAN } from '#tls/schedule.ts';
import { sealOf } from '#tls/seal.ts';
import { SharedCertificate } from '#tls/shared-certificate.ts';
import { certificateFinding } from '#tls/status.ts';
import { openTlsStore, type TlsStore } from '#tls/tls-store.ts';
import { makeAuthority, type TestAuthority } from './certificates.ts';

const DOMAIN = 'scim.example.com';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** One replica with a clock and an authority of its own making, on a store that others share. */
interface Fake {
  readonly shared: SharedCertificate;
  readonly orders: Orders;
  readonly placed: CertificateOrder[];
  readonly served: Certificate[];
  readonly lines: string[];
  /** What `issue` does next; undefined issues. */
  fail: (() => Error | undefined) | undefined;
  window: RenewalWindow | undefined;
  lifeMs: number;
  /** A look at the store, then what is due. */
  round(): Promise<void>;
}

suite('orders', { timeout: 120_000 }, () => {
  let authority: TestAuthority;
  let backend: StoreBackend;
  let nowMs: number;
  before(() => {
    authority = makeAuthority();
  });
  after(() => authority.close());
  beforeEach(async () => {
    nowMs = Date.parse('2027-03-01T00:00:00Z');
    // Leases run by the same clock.
    backend = await openSqliteBackend({ file: ':memory:', clock: () => nowMs });
  });

  test('the first order waits for the pod before to go', async () => {
    const replica = await open({ firstOrderMs: 10_000 });
    await replica.round();
    assert.equal(replica.placed.length, 0);
    nowMs += 15_001;
    await replica.round();
    assert.equal(replica.placed.length, 1);
    assert.equal(replica.served.length, 1);
    await replica.round();
    assert.equal(replica.placed.length, 1);
  });

  test('failed checks: at most 4 orders in the first 2 hours, all replicas together', async () => {
    const replicas = [await open(), await open()];
    for (const replica of replicas) replica.fail = () => new AcmeError('connection', 'closed port');
    for (const endMs = nowMs + 2 * HOUR_MS; nowMs < endMs; nowMs += 20_000) {
      for (const replica of replicas) await replica.round();
    }
    const placed = replicas.flatMap((replica) => replica.placed);
    assert.ok(placed.length >= 3 && placed.length <= 4, String(placed.length));
    assert.match(replicas[0]?.lines.join('') ?? '', /closed port/);
  });

  test('a rate limit of 2 hours is kept by all, and a new process, to the minute', async () => {
    const first = await open();
    first.fail = () => new AcmeError('rateLimited', 'too many', { retryAfterMs: 2 * HOUR_MS });
    await first.round();
    const second = await open();
    for (let minute = 0; minute < 119; minute += 1) {
      nowMs += MINUTE_MS;
      await first.round();
      await second.round();
    }
    assert.equal(first.placed.length + second.placed.length, 1);
    nowMs += 2 * MINUTE_MS;
    await second.round();
    assert.equal(second.placed.length, 1);
    assert.equal(second.served.length, 1);
  });

  test('a renewal at two thirds replaces the certificate, also on the other replica', async () => {
    const [first, second] = [await open(), await open()];
    await first.round();
    await second.round();
    nowMs += 59 * DAY_MS;
    await first.round();
    assert.equal(first.placed.length, 1);
    nowMs += DAY_MS + MINUTE_MS;
    await second.round();
    await first.round();
    assert.equal(first.placed.length + second.placed.length, 2);
    assert.equal(first.shared.current?.serial, second.shared.current?.serial);
    assert.equal(first.served.length, 2);
    assert.equal(second.placed[0]?.replaces, first.served[0]?.chainPem);
    assert.notEqual(first.placed[0]?.certificateKeyPem, second.placed[0]?.certificateKeyPem);
    assert.equal(first.placed[0]?.accountKeyPem, second.placed[0]?.accountKeyPem);
  });

  test('a renewal window in the past is an order at once', async () => {
    const replica = await open();
    await replica.round();
    replica.window = {
      startMs: nowMs + 10 * DAY_MS,
      endMs: nowMs + 11 * DAY_MS,
      againMs: 6 * HOUR_MS,
    };
    nowMs += MINUTE_MS;
    await replica.round();
    const pickMs = replica.shared.renewAtMs ?? 0;
    assert.ok(pickMs >= replica.window.startMs && pickMs <= replica.window.endMs);
    const other = await open();
    await other.round();
    assert.equal(other.shared.renewAtMs, pickMs, 'All take the same time.');
    replica.window = { startMs: nowMs - DAY_MS, endMs: nowMs, againMs: 6 * HOUR_MS };
    nowMs += 6 * HOUR_MS;
    await replica.round();
    await replica.round();
    assert.equal(replica.placed.length, 2);
    assert.equal(replica.placed[1]?.replaces, replica.served[0]?.chainPem);
  });

  test('a clock far ahead: the certificate is served, ordered once, and the clock named', async () => {
    const replica = await open();
    replica.lifeMs = -1; // Long over, by our clock.
    await replica.round();
    assert.equal(replica.served.length, 1);
    assert.match(replica.lines.join(''), /the clock of this machine.*is wrong\. Set it\./);
    for (let hour = 0; hour < 20; hour += 1) {
      nowMs += HOUR_MS;
      await replica.round();
    }
    assert.equal(replica.placed.length, 1);
  });

  test('what was issued while the lease was lost replaces nothing newer', async () => {
    const [slow, quick] = [await open({ leaseMs: 1_000 }), await open({ leaseMs: 1_000 })];
    slow.fail = () => undefined;
    const { shared } = slow;
    await slow.round();
    const older = slow.shared.current ?? assert.fail();
    nowMs += 70 * DAY_MS;
    await quick.round();
    const newer = quick.shared.current ?? assert.fail();
    assert.notEqual(newer.serial, older.serial);
    const stale = { name: 'order', holder: 'gone', fence: 1 };
    await shared.keep(older, stale, '{}');
    assert.equal(shared.current?.serial, newer.serial);
    await quick.round();
    assert.equal(quick.shared.current?.serial, newer.serial);
  });

  test('a store that comes back with an older certificate gets the newer one again', async () => {
    let kept: TlsStore | undefined;
    const replica = await open({}, (store) => {
      kept = store;
      return store;
    });
    await replica.round();
    const old = replica.shared.records.certificate ?? assert.fail();
    nowMs += 70 * DAY_MS;
    await replica.round();
    const newer = replica.shared.current ?? assert.fail();
    const before = replica.shared.records.certificate;
    assert.ok(await kept?.write([{ name: 'certificate', before, body: old.body }]));
    await replica.round();
    assert.equal(replica.shared.current?.serial, newer.serial);
    const other = await open();
    await other.round();
    assert.equal(other.shared.current?.serial, newer.serial);
    assert.equal(replica.placed.length, 2);
  });

  test('a store that takes no write: the old certificate stays, no order is placed', async () => {
    let isBroken = false;
    const replica = await open({}, (store) => ({
      ...store,
      takeLease: (...args) => (isBroken ? Promise.reject(readOnly()) : store.takeLease(...args)),
      write: (...args) => (isBroken ? Promise.reject(readOnly()) : store.write(...args)),
    }));
    await replica.round();
    isBroken = true;
    nowMs += 70 * DAY_MS;
    for (let n = 0; n < 5; n += 1) await replica.round();
    assert.equal(replica.placed.length, 1);
    assert.equal(replica.served.length, 1);
    assert.match(replica.lines.join(''), /the order is put off: Redis is read-only/);
    isBroken = false;
    nowMs += MINUTE_MS;
    await replica.round();
    assert.equal(replica.placed.length, 2);
  });

  test('a store that fails after the order: the certificate is served, and stored later', async () => {
    let isBroken = false;
    const replica = await open({}, (store) => ({
      ...store,
      write: (...args) => (isBroken ? Promise.reject(readOnly()) : store.write(...args)),
    }));
    replica.fail = () => {
      isBroken = true;
      return undefined;
    };
    await replica.round();
    assert.equal(replica.served.length, 1);
    isBroken = false;
    await replica.round();
    const other = await open();
    await other.round();
    assert.equal(other.shared.current?.serial, replica.shared.current?.serial);
    assert.equal(other.placed.length, 0);
  });

  test('an engine with a bug is a failure like others, not an order each second', async () => {
    const replica = await open();
    replica.fail = () => new TypeError("reading '0' of undefined");
    for (let n = 0; n < 30; n += 1) {
      nowMs += 1_000;
      await replica.round();
    }
    assert.equal(replica.placed.length, 1);
    const finding = certificateFinding(
      {
        ...{ domain: DOMAIN, certificate: undefined, renewAtMs: undefined, failures: 1 },
        ...{ failure: replica.orders.failure, trouble: undefined, startedMs: nowMs },
      },
      nowMs,
    );
    assert.equal(finding.state, 'unhealthy');
    assert.match(finding.reason ?? '', /The native engine failed; the log says how\./);
  });

  async function open(
    times: { readonly firstOrderMs?: number; readonly leaseMs?: number } = {},
    wrap: (store: TlsStore) => TlsStore = (store) => store,
  ): Promise<Fake> {
    const directory = { url: 'https://ca.example/directory' };
    const store = wrap(openTlsStore(backend, { domain: DOMAIN, directoryUrl: directory.url }));
    const lines: string[] = [];
    const served: Certificate[] = [];
    const placed: CertificateOrder[] = [];
    const common = {
      ...{ domain: DOMAIN, store, now: () => nowMs },
      log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
      seal: sealOf(() => Buffer.alloc(32, 7)),
    };
    const shared = new SharedCertificate({
      ...common,
      challenges: await PendingChallenge.create(DOMAIN),
      serve: (certificate) => void served.push(certificate),
    });
    const engine: AcmeEngine = {
      name: 'native',
      async issue(order) {
        placed.push(order);
        const error = fake.fail?.();
        if (error !== undefined) throw error;
        return { chainPem: await issueFor(order, fake.lifeMs) };
      },
      renewalWindow: async () => fake.window,
    };
    const orders = new Orders({
      ...{ ...common, shared, engine, directory, challenge: 'tls-alpn-01', random: () => 0.5 },
      ...{ email: undefined, externalAccount: undefined, profile: undefined },
      times: { firstOrderMs: 0, leaseMs: 60_000, spreadMs: 0, retry: RETRY_PLAN, ...times },
    });
    const fake: Fake = {
      ...{ shared, orders, placed, served, lines },
      ...{ fail: undefined, window: undefined, lifeMs: 90 * DAY_MS },
      async round() {
        await shared.refresh();
        await orders.work();
      },
    };
    return fake;
  }

  /** A life below zero ends before now. */
  async function issueFor(order: CertificateOrder, lifeMs: number): Promise<string> {
    const begin = lifeMs < 0 ? nowMs - 400 * DAY_MS : nowMs;
    return authority.sign(order.certificateKeyPem, {
      names: `DNS:${order.domain}`,
      notBefore: new Date(begin),
      notAfter: new Date(begin + Math.abs(lifeMs < 0 ? 90 * DAY_MS : lifeMs)),
    });
  }
});

function readOnly(): StoreUnavailable {
  return new StoreUnavailable('Redis is read-only.');
}
