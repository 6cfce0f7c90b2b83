import assert from 'node:assert/strict';
import { suite } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../../support/eventually.ts';
import {
  DOMAIN,
  type EngineName,
  get,
  handshake,
  onSite,
  type Replica,
  recordsOf,
  type Site,
  SUITE_MS,
  serialOf,
  served,
} from '../replicas.ts';

/** How long a certificate may take to all replicas: 5 s, and more on a machine that is busy. */
const SHARED_MS = 15_000;
/** A replica that never orders by itself. */
const NEVER_ORDERS = { firstOrderMs: 1e9 };
const OUTAGE_MS = 30_000;
/** In mid-order for so long. */
const SLOW = { spreadMs: 8_000 };
const ACME_IDENTIFIER = Buffer.from('06082b0601050507011f', 'hex'); // 1.3.6.1.5.5.7.1.31

export function replicaTests(engine: EngineName): void {
  suite(`replicas share a certificate: ${engine}`, { timeout: SUITE_MS }, () => {
    onSite(engine, 'the authority reaches only a replica that may not order', async (site) => {
      const reached = await site.start({ port: site.tlsPort, tuning: NEVER_ORDERS });
      const ordering = await site.start();
      assert.equal(await served(reached), await served(ordering));
      assert.equal(site.pebble.orders(), 1);
    });

    onSite(engine, 'the same, and nobody tells that replica anything', async (site) => {
      await site.client.call(
        ...(['ACL', 'SETUSER', 'deaf', 'on', '>deaf', '~*', '+@all', 'resetchannels'] as const),
      );
      const reached = await site.start({
        port: site.tlsPort,
        tuning: { ...NEVER_ORDERS, pollMs: 1e8 },
        env: { OP_REDIS_URL: site.redis.url.replace('//', '//deaf:deaf@') },
      });
      const ordering = await site.start();
      await served(ordering);
      assert.equal(site.pebble.orders(), 1);
      await assert.rejects(serialOf(reached), 'It should not have heard of the certificate.');
    });

    onSite(engine, 'of five that start on an empty store, one orders', async (site, context) => {
      const starting = Array.from({ length: 5 }, (_, n) =>
        site.start(n === 0 ? { port: site.tlsPort } : {}),
      );
      const replicas = await Promise.all(starting);
      await served(replicas[0] ?? assert.fail());
      const beganMs = performance.now();
      const serials = await Promise.all(replicas.map((replica) => served(replica)));
      const spreadMs = performance.now() - beganMs;
      context.diagnostic(`all five served it ${Math.round(spreadMs)} ms after the first did`);
      assert.ok(spreadMs < SHARED_MS, `${spreadMs} ms`);
      assert.equal(new Set(serials).size, 1);
      await sleep(1_500);
      assert.equal(site.pebble.orders(), 1);
      await Promise.all(replicas.map((replica) => replica.stop()));
      const again = await Promise.all([site.start(), site.start()]);
      for (const replica of again) assert.equal(await served(replica), serials[0]);
      assert.equal(site.pebble.orders(), 1);
    });

    onSite(
      engine,
      'a pending challenge changes only what acme-tls/1 sees',
      async (site) => {
        const ordering = await site.start({ port: site.tlsPort, tuning: SLOW });
        const other = await site.start({ tuning: NEVER_ORDERS });
        await served(ordering);
        await served(other);
        // That of the first order is gone by now; the renewal begins at half of 16 s.
        await untilChallenge(site);
        const serial = await serialOf(ordering);
        await Promise.all(
          [ordering, other].map(async ({ port }) => {
            for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
              const alpn = ['acme-tls/1'];
              const { certificate } = await handshake(port, { alpn, version });
              assert.equal(certificate.subjectAltName, `DNS:${DOMAIN}`);
              assert.ok(certificate.raw.includes(ACME_IDENTIFIER), version);
              for (const others of [{ alpn: ['http/1.1'] }, { alpn: ['h2', 'http/1.1'] }, {}]) {
                const seen = await handshake(port, { version, ...others });
                assert.equal(seen.certificate.serialNumber, serial);
              }
            }
          }),
        );
        const answer = await handshake(ordering.port, {
          alpn: ['acme-tls/1'],
          sends: `GET /ping HTTP/1.1\r\nHost: ${DOMAIN}\r\n\r\n`,
        });
        assert.equal(answer.received, '');
        await eventually(async () => assert.notEqual(await serialOf(other), serial));
      },
      { validitySeconds: 16 },
    );

    onSite(engine, 'the one that orders is killed in the middle: another goes on', async (site) => {
      const dying = await site.start({ tuning: SLOW });
      await untilChallenge(site);
      const beganMs = performance.now();
      await dying.stop('SIGKILL');
      const other = await site.start({ port: site.tlsPort });
      await served(other);
      const tookMs = performance.now() - beganMs;
      assert.ok(tookMs < 6_000 + 30_000, `${tookMs} ms, with a lease of 6,000`);
    });

    onSite(engine, 'the one that orders is ended in the middle: another goes on', async (site) => {
      const ending = await site.start({ tuning: SLOW });
      await untilChallenge(site);
      assert.equal(await ending.stop(), 0);
      assert.match(ending.log(), /the order was given up: the bridge ends/);
      const leases = Object.values(await site.client.hgetall('{.bridge}:leases'));
      assert.ok(leases.length > 0);
      for (const lease of leases) assert.equal(lease.split(' ')[1], '0', 'It was not given back.');
      assert.equal((await recordsOf(site.client, 'challenge')).size, 0);
      await served(await site.start({ port: site.tlsPort }));
    });

    onSite(
      engine,
      'the one that orders is frozen: what it has later replaces nothing newer',
      async (site) => {
        const frozen = await site.start({ tuning: SLOW });
        await untilChallenge(site);
        frozen.signal('SIGSTOP');
        const other = await site.start({ port: site.tlsPort });
        const serial = await served(other);
        frozen.signal('SIGCONT');
        await eventually(async () => assert.equal(await serialOf(frozen), serial));
        await eventually(async () => {
          assert.match(frozen.log(), /given up: another replica took over the order/);
        });
        await sleep(5_000);
        assert.equal(await serialOf(frozen), serial);
        assert.equal(await serialOf(other), serial);
      },
    );

    onSite(engine, 'Redis stops, and comes back empty', async (site) => {
      const replicas = [await site.start({ port: site.tlsPort }), await site.start()];
      const [first] = replicas;
      assert.ok(first);
      const serial = await served(first);
      const before = await recordsOf(site.client, 'account');
      for (const replica of replicas) await served(replica);
      await site.redis.kill9();
      const endMs = performance.now() + OUTAGE_MS;
      while (performance.now() < endMs) {
        for (const { port } of replicas) assert.equal((await get(port, '/ping')).status, 200);
        await sleep(200);
      }
      await site.redis.restart();
      await eventually(async () => assert.equal(await stateInHealth(site, first), 'healthy'));
      await site.client.flushall();
      await eventually(async () => {
        assert.equal((await recordsOf(site.client, 'certificate')).size, 1);
      });
      for (const replica of replicas) assert.equal(await serialOf(replica), serial);
      const fresh = await site.start();
      assert.equal(await serialOf(fresh), serial);
      assert.equal(site.pebble.orders(), 1);
      assert.equal(before.size, 1);
    });
  });
}

async function untilChallenge(site: Site): Promise<void> {
  await eventually(async () => {
    assert.equal((await recordsOf(site.client, 'challenge')).size, 1, 'No challenge is pending.');
  });
}

async function stateInHealth(site: Site, replica: Replica): Promise<string> {
  const headers = { Authorization: `Bearer ${site.session.healthToken}` };
  const { text } = await get(replica.port, '/monitoring', { headers });
  return /"source":"CertificateManager".*?"state":"(\w+)"/.exec(text)?.[1] ?? text;
}
