import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import type { FakeProvider } from '../../../support/dns/fake-api.ts';
import { FAKE_PROVIDERS } from '../../../support/dns/fake-providers.ts';
import { eventually } from '../../../support/eventually.ts';
import { freePort } from '../../../support/free-port.ts';
import type { Pebble } from '../../../support/pebble.ts';
import {
  DOMAIN,
  ENGINES,
  get,
  openSite,
  type Replica,
  recordsOf,
  type Site,
  SUITE_MS,
  served,
} from './replicas.ts';

const RECORD = `_acme-challenge.${DOMAIN}`;

for (const engine of ENGINES) {
  for (const [title, start] of Object.entries(FAKE_PROVIDERS)) {
    suite(`DNS-01 by ${title}: ${engine}`, { timeout: SUITE_MS }, () => {
      const folder = mkdtempSync(join(tmpdir(), 'op-scim-dns01-'));
      const path = join(folder, 'dns01.json');
      let site: Site;
      let fake: FakeProvider;
      before(async () => {
        site = await openSite(engine);
      });
      after(async () => {
        await site.close();
        rmSync(folder, { recursive: true });
      });
      beforeEach(async () => {
        fake = await start('example.com');
        fake.onChange = (name, values) => publish(site.pebble, name, values);
        writeFileSync(path, JSON.stringify(fake.config));
        await site.client.flushall();
      });
      afterEach(() => fake.close());

      /** The authority looks at another port than the replica's: nothing but the record can help. */
      const startReplica = (spreadMs = 100, env = {}): Promise<Replica> =>
        site.start({
          env: {
            OP_DNS_CHALLENGE_CONFIG_FILE: path,
            GUARD_ALLOWED: `${site.pebble.host},127.0.0.1:${site.redis.port},${fake.host}`,
            ...env,
          },
          tuning: {
            dns: { spreadMs, pauseMs: 50, servers: fake.servers },
            retry: { checkMs: [1_000], networkMs: [1_000], operatorMs: [1_000] },
          },
        });

      test('a certificate comes, others keep their records, no secret is shown', async () => {
        fake.seed(RECORD, ['of-another']);
        const orders = site.pebble.orders();
        const replica = await startReplica();
        await served(replica);
        const ca = await site.pebble.rootPem();
        assert.equal((await get(replica.port, '/ping', { ca })).status, 200);
        assert.equal(site.pebble.orders(), orders + 1);
        await eventually(async () => assert.deepEqual(fake.values(RECORD), ['of-another']));
        assert.equal((await recordsOf(site.client, 'challenge')).size, 0);
        const stored = JSON.stringify(await site.client.hvals('{.bridge}:tls'));
        for (const secret of fake.secrets) {
          assert.ok(!replica.log().includes(secret) && !stored.includes(secret));
        }
        assert.match(replica.log(), /checks are answered by a DNS record at /);
        await replica.stop();
      });

      // The rest is the same for all, and tests take their time.
      if (title !== 'cloudflare') return;

      test('a provider that is away is said in the log and in health, and waited for', async () => {
        fake.replyWith(() => ({ status: 503, body: 'down' }));
        const port = await freePort();
        const probes = { OP_PING_SERVER: '1', OP_PING_PORT: String(port) };
        const replica = await startReplica(100, probes);
        const headers = { Authorization: `Bearer ${site.session.healthToken}` };
        const problem = /does not serve now \(503\): down\./;
        await eventually(async () => {
          const report = await fetch(`http://127.0.0.1:${port}/monitoring`, { headers });
          assert.match(await report.text(), problem);
        });
        assert.match(replica.log(), problem);
        const [failure] = (await recordsOf(site.client, 'failure')).values();
        assert.equal(failure?.['problem'], 'dnsProvider');
        fake.replyWith(() => undefined);
        await served(replica);
        await replica.stop();
      });

      test('the record of a process that died is removed by the next one', async () => {
        const first = await startReplica(100_000);
        await eventually(async () => assert.equal(fake.values(RECORD).length, 1));
        const [left] = fake.values(RECORD);
        await first.stop('SIGKILL');
        assert.deepEqual(fake.values(RECORD), [left]);
        const second = await startReplica();
        await served(second, 60_000);
        await eventually(async () => assert.deepEqual(fake.values(RECORD), []));
        await second.stop();
      });
    });
  }
}

/** Lets the authority see these values at the name, and no other. */
async function publish(
  { namesUrl }: Pebble,
  name: string,
  values: readonly string[],
): Promise<void> {
  const host = `${name}.`;
  const send = async (path: string, body: object): Promise<void> => {
    const { status } = await fetch(`${namesUrl}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    assert.equal(status, 200);
  };
  await send('/clear-txt', { host });
  for (const value of values) await send('/set-txt', { host, value });
}
