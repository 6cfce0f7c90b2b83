import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../support/eventually.ts';
import type { PebbleOptions } from '../../../support/pebble.ts';
import {
  DOMAIN,
  ENGINES,
  type EngineName,
  get,
  handshake,
  openSite,
  type Replica,
  recordsOf,
  type Site,
  serialOf,
  served,
} from './replicas.ts';

/** A replica that never orders by itself. */
const NEVER_ORDERS = { firstOrderMs: 1e9 };
const ACME_IDENTIFIER = Buffer.from('06082b0601050507011f', 'hex'); // 1.3.6.1.5.5.7.1.31

for (const engine of ENGINES) {
  suite(`replicas share a certificate: ${engine}`, { timeout: 240_000, concurrency: 1 }, () => {
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
      const serials = await Promise.all(replicas.map((replica) => served(replica, 5_000)));
      context.diagnostic(
        `all five served it ${Math.round(performance.now() - beganMs)} ms after the first did`,
      );
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
        const slow = { spreadMs: 4_000 };
        const ordering = await site.start({ port: site.tlsPort, tuning: slow });
        const other = await site.start({ tuning: NEVER_ORDERS });
        await served(ordering);
        await served(other);
        // That of the first order is gone by now; the renewal begins at half of 16 s.
        await untilChallenge(site);
        const serial = await serialOf(ordering);
        for (const { port } of [ordering, other]) {
          for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
            const alpn = ['acme-tls/1'];
            const { certificate } = await handshake(port, { alpn, version });
            assert.equal(certificate.subjectAltName, `DNS:${DOMAIN}`);
            assert.ok(certificate.raw.includes(ACME_IDENTIFIER), version);
            for (const others of [['http/1.1'], ['h2', 'http/1.1'], undefined]) {
              const seen = await handshake(port, {
                version,
                ...(others === undefined ? {} : { alpn: others }),
              });
              assert.equal(seen.certificate.serialNumber, serial);
            }
          }
        }
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
      const dying = await site.start({ tuning: { spreadMs: 5_000 } });
      await untilChallenge(site);
      const beganMs = performance.now();
      await dying.stop('SIGKILL');
      const other = await site.start({ port: site.tlsPort });
      await served(other);
      const tookMs = performance.now() - beganMs;
      assert.ok(tookMs < 6_000 + 10_000, `${tookMs} ms, with a lease of 6,000`);
    });

    onSite(
      engine,
      'the one that orders is frozen: what it has later replaces nothing newer',
      async (site) => {
        const frozen = await site.start({ tuning: { spreadMs: 4_000 } });
        await untilChallenge(site);
        frozen.signal('SIGSTOP');
        const other = await site.start({ port: site.tlsPort });
        const serial = await served(other, 30_000);
        frozen.signal('SIGCONT');
        await eventually(async () => assert.equal(await serialOf(frozen), serial), 15_000);
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
      for (let n = 0; n < 20; n += 1) {
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

function onSite(
  engine: EngineName,
  title: string,
  run: (site: Site, context: { diagnostic(text: string): void }) => Promise<void>,
  pebbleOptions: Partial<PebbleOptions> = {},
): void {
  test(title, async (context) => {
    const site = await openSite(engine, pebbleOptions);
    try {
      await run(site, context);
    } finally {
      await site.close();
    }
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
