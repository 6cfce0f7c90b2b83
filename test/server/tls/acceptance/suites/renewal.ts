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
  tamper,
} from '../replicas.ts';

/** Eight clients without one would take all that the machine has. */
const HANDSHAKE_PAUSE_MS = 20;
/** Seconds become tenths of seconds. */
const SOON = { checkMs: [1_000, 2_000, 4_000], networkMs: [1_000, 2_000], operatorMs: [2_000] };

export function renewalTests(engine: EngineName): void {
  suite(`renewal and failure: ${engine}`, { timeout: SUITE_MS }, () => {
    onSite(
      engine,
      'certificates of 24 s are renewed under load without a failed handshake',
      async (site, context) => {
        const replicas = [await site.start({ port: site.tlsPort }), await site.start()];
        for (const replica of replicas) await served(replica);
        const seen = { serials: new Set<string>(), issuers: new Set<string>(), count: 0 };
        const endMs = performance.now() + 60_000;
        const clients = replicas.flatMap((replica) =>
          Array.from({ length: 4 }, () => knock(replica, endMs, seen)),
        );
        await Promise.all(clients);
        context.diagnostic(`${seen.count} handshakes, none failed, ${seen.serials.size} serials`);
        assert.ok(seen.serials.size >= 3, `only ${seen.serials.size - 1} renewals`);
        assert.equal(seen.issuers.size, 1, [...seen.issuers].join());
        assert.ok(seen.count > 1_000, `only ${seen.count} handshakes`);
      },
      { validitySeconds: 24 },
    );

    onSite(
      engine,
      'the directory is down when a renewal is due, and is another one when it is back',
      async (site) => {
        const replica = await site.start({ port: site.tlsPort, tuning: { retry: SOON } });
        await served(replica);
        await site.pebble.stop();
        const serial = await serialOf(replica);
        await eventually(async () => {
          assert.match(await healthOf(site, replica), /last order failed: .* can not be reached/);
        });
        assert.equal(await serialOf(replica), serial);
        // Accounts are lost with it: the account is registered anew.
        await site.pebble.start();
        await eventually(async () => assert.notEqual(await serialOf(replica), serial));
      },
      { validitySeconds: 14 },
    );

    onSite(engine, 'the directory is down at the first start', async (site) => {
      await site.pebble.stop();
      const replica = await site.start({
        port: site.tlsPort,
        tuning: { retry: SOON },
        env: { OP_PING_SERVER: '1', OP_PING_PORT: '0' },
      });
      await assert.rejects(handshake(replica.port), /handshake failure/);
      await eventually(async () => {
        assert.match(replica.log(), /certificate authority .* can not be reached/);
      });
      await site.pebble.start();
      await served(replica);
    });

    onSite(engine, 'the authority can not reach us', async (site) => {
      const replica = await site.start({ tuning: { retry: SOON } });
      await eventually(async () => {
        const [failure] = (await recordsOf(site.client, 'failure')).values();
        assert.equal(failure?.['problem'], 'unauthorized');
      });
      assert.equal((await recordsOf(site.client, 'challenge')).size, 0);
      assert.match(replica.log(), /scim\.example\.com was not found to be ours/);
      const events = await site.client.xrange('{.bridge}:events', '-', '+');
      assert.match(JSON.stringify(events), /certificate\.failed/);
    });

    const tamperings: Readonly<Record<string, (body: string) => string>> = {
      'is not JSON': () => '{',
      'holds another key': (body) => body.replace(/"key":"[^"]{9}/, '"key":"AAAAAAAAA'),
      'holds another certificate': (body) =>
        body.replace(
          /BEGIN CERTIFICATE-----\\n.*?-----END/,
          'BEGIN CERTIFICATE-----\\nAAAA\\n-----END',
        ),
    };
    for (const [title, change] of Object.entries(tamperings)) {
      onSite(engine, `the stored certificate ${title}: it is ordered anew, once`, async (site) => {
        const first = await site.start({ port: site.tlsPort });
        const serial = await served(first);
        await first.stop('SIGKILL');
        await tamper(site.client, 'certificate', change);
        const second = await site.start({ port: site.tlsPort });
        assert.notEqual(await served(second), serial);
        assert.match(
          second.log(),
          /The stored certificate (?:is garbled|was changed|can not be served)/,
        );
        await sleep(2_000);
        assert.equal(site.pebble.orders(), 2);
      });
    }

    onSite(engine, 'the store was sealed by another session', async (site) => {
      const first = await site.start({ port: site.tlsPort });
      const serial = await served(first);
      await first.stop();
      const env = { OP_TLS_KEY_SECRET: 'another secret' };
      const kept = await recordsOf(site.client, 'certificate');
      const waiting = await site.start({ env, tuning: { firstOrderMs: 1e9 } });
      await eventually(async () => assert.match(waiting.log(), /was sealed by another key/));
      assert.deepEqual(await recordsOf(site.client, 'certificate'), kept);
      await waiting.stop();
      const second = await site.start({ port: site.tlsPort, env });
      assert.notEqual(await served(second), serial);
      assert.equal((await recordsOf(site.client, 'account')).size, 2);
      assert.equal(site.pebble.orders(), 2);
    });

    onSite(engine, 'no private key is in the store in clear', async (site) => {
      await served(await site.start({ port: site.tlsPort }));
      const all = JSON.stringify(await site.client.hgetall('{.bridge}:tls'));
      assert.match(all, /BEGIN CERTIFICATE/);
      assert.doesNotMatch(all, /PRIVATE/);
    });

    onSite(
      engine,
      'an authority that uses authorizations again',
      async (site) => {
        const replica = await site.start({ port: site.tlsPort });
        const serial = await served(replica);
        const challenges = site.pebble.challenges();
        assert.ok(challenges > 0);
        await eventually(async () => assert.notEqual(await serialOf(replica), serial));
        assert.equal((await recordsOf(site.client, 'failure')).size, 0);
        assert.ok(site.pebble.orders() >= 2);
        assert.equal(site.pebble.challenges(), challenges);
      },
      { authorizationReuse: 100, validitySeconds: 10 },
    );
  });
}

/** Handshakes one after the other until `endMs`; rejects at the first that fails. */
async function knock(
  replica: Replica,
  endMs: number,
  seen: { readonly serials: Set<string>; readonly issuers: Set<string>; count: number },
): Promise<void> {
  while (performance.now() < endMs) {
    const { certificate } = await handshake(replica.port, { alpn: ['http/1.1'] });
    await sleep(HANDSHAKE_PAUSE_MS);
    assert.equal(certificate.subjectAltName, `DNS:${DOMAIN}`);
    seen.serials.add(certificate.serialNumber);
    seen.issuers.add(certificate.issuer);
    seen.count += 1;
  }
}

async function healthOf(site: Site, replica: Replica): Promise<string> {
  const headers = { Authorization: `Bearer ${site.session.healthToken}` };
  const { text } = await get(replica.port, '/monitoring', { headers });
  return /\{"source":"CertificateManager".*?\}/.exec(text)?.[0] ?? text;
}
