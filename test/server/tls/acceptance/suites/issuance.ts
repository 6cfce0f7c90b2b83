import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { eventually } from '../../../../support/eventually.ts';
import { startPebble } from '../../../../support/pebble.ts';
import {
  DOMAIN,
  type EngineName,
  get,
  handshake,
  ISSUANCE_MS,
  openSite,
  type Replica,
  recordsOf,
  type Site,
  SUITE_MS,
  serialOf,
  served,
} from '../replicas.ts';

export function issuanceTests(engine: EngineName): void {
  suite(`a certificate by itself: ${engine}`, { timeout: SUITE_MS }, () => {
    let site: Site;
    let replica: Replica;
    let serial: string;
    before(async () => {
      site = await openSite(engine);
    });
    after(() => site.close());

    test(`the first one comes in under ${ISSUANCE_MS[engine]} ms`, async (context) => {
      const beganMs = performance.now();
      replica = await site.start({ port: site.tlsPort });
      serial = await served(replica);
      const tookMs = performance.now() - beganMs;
      const orderMs = Number(/"ms":(\d+),"msg":"certificate: issued/.exec(replica.log())?.[1]);
      context.diagnostic(
        `${orderMs} ms, and ${Math.round(tookMs)} ms from the spawn to the first handshake`,
      );
      assert.ok(orderMs < ISSUANCE_MS[engine], `${orderMs} ms`);
      const ca = await site.pebble.rootPem();
      assert.equal((await get(replica.port, '/ping', { ca })).status, 200);
      const { certificate } = await handshake(replica.port);
      assert.equal(certificate.subjectAltName, `DNS:${DOMAIN}`);
      assert.equal(site.pebble.orders(), 1);
    });

    test('it serves SCIM, health and metrics', async () => {
      const { token, healthToken } = site.session;
      const headers = { Authorization: `Bearer ${token}` };
      const people = await get(replica.port, '/scim/Users', { headers });
      assert.equal(people.status, 200);
      const health = await get(replica.port, '/monitoring', {
        headers: { Authorization: `Bearer ${healthToken}` },
      });
      const report = /\{"source":"CertificateManager".*?\}/.exec(health.text)?.[0] ?? '';
      assert.match(report, /"state":"healthy"/);
      const metrics = await get(replica.port, '/metrics', { headers });
      assert.match(metrics.text, /^op_scim_certificate_served 1$/m);
      assert.match(metrics.text, /^op_scim_certificate_expiry_seconds 7\d{6}/m);
      assert.match(metrics.text, /^op_scim_certificate_renewal_seconds 5\d{6}/m);
      assert.match(metrics.text, /^op_scim_certificate_failures_total 0$/m);
    });

    test('a foreign Host gets 421, a probe by address its answer', async () => {
      const foreign = await get(replica.port, '/scim/Users', { headers: { Host: 'evil.example' } });
      assert.equal(foreign.status, 421);
      assert.match(foreign.text, /serves https:\/\/scim\.example\.com alone/);
      const own = await get(replica.port, '/scim/Users', {
        headers: { Host: 'SCIM.example.com.:443' },
      });
      assert.equal(own.status, 401);
      const ping = await get(replica.port, '/ping', { headers: { Host: '10.0.0.7' } });
      assert.equal(ping.status, 200);
    });

    test('there is no HSTS for an authority that browsers do not know', async () => {
      const { headers } = await get(replica.port, '/ping');
      assert.equal(headers['strict-transport-security'], undefined);
    });

    test('other names, none, and addresses get the ordinary certificate', async () => {
      for (const serverName of ['other.example', undefined, 'scim.example.com.evil.example']) {
        const { certificate } = await handshake(replica.port, { serverName });
        assert.equal(certificate.serialNumber, serial, String(serverName));
      }
    });

    test('an address in place of a name gets the ordinary certificate', async () => {
      // Node sends none by itself (RFC 6066 §3): it takes the place of a name as long as it.
      const hello = await recordClientHello('a.example');
      await sendHello(replica.port, renamed(hello, 'a.example', '127.0.0.1'));
    });

    test('ALPN: HTTP/1.1 or none is served, anything else gets an alert', async () => {
      assert.equal((await handshake(replica.port, { alpn: ['h2', 'http/1.1'] })).alpn, 'http/1.1');
      assert.equal((await handshake(replica.port)).alpn, false);
      await assert.rejects(handshake(replica.port, { alpn: ['h2'] }), /no application protocol/);
    });

    test('acme-tls/1 with no challenge pending is refused, and costs the store little', async () => {
      const readsOf = async (): Promise<number> => {
        const stats = await site.client.info('commandstats');
        return Number(/cmdstat_hmget:calls=(\d+)/.exec(stats)?.[1]);
      };
      const before = await readsOf();
      const beganMs = performance.now();
      for (let n = 0; n < 20; n += 1) {
        const alpn = ['acme-tls/1'];
        await assert.rejects(
          handshake(replica.port, { alpn, version: 'TLSv1.2' }),
          /no application/,
        );
        await assert.rejects(handshake(replica.port, { alpn, version: 'TLSv1.3' }));
        await assert.rejects(handshake(replica.port, { alpn, serverName: 'other.example' }));
      }
      const seconds = (performance.now() - beganMs) / 1000;
      const reads = (await readsOf()) - before;
      // It looks twice a second by itself here.
      assert.ok(reads <= 1 + seconds * 3 + 2, `${reads} reads in ${seconds} s`);
      assert.equal(site.pebble.orders(), 1);
    });

    test('a challenge that is not for our account is not answered', async () => {
      const [id = ''] = (await recordsOf(site.client, 'certificate')).keys();
      const challenge = { v: 1, type: 'tls-alpn-01', domain: DOMAIN, token: 'token' };
      const body = JSON.stringify({ ...challenge, keyAuthorization: 'token.of-another-account' });
      const key = id.replace('certificate', 'challenge');
      await site.client.hset('{.bridge}:tls', key, `1 1 0 0\n${body}`);
      await sleep(1_500);
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        await assert.rejects(handshake(replica.port, { alpn: ['acme-tls/1'], version }), version);
      }
      await site.client.hdel('{.bridge}:tls', key);
    });

    test('TLS 1.1 is refused', async () => {
      await assert.rejects(handshake(replica.port, { version: 'TLSv1.1' }));
    });

    test('10,000 random names cause no order and no growth', async (context) => {
      const hello = await recordClientHello(nameOf(0));
      const knock = async (from: number, to: number): Promise<void> => {
        for (let n = from; n < to; n += 10) {
          const lanes = Array.from({ length: 10 }, (_, lane) =>
            sendHello(replica.port, renamed(hello, nameOf(0), nameOf(n + lane))),
          );
          await Promise.all(lanes);
        }
      };
      await knock(0, 1_000);
      const before = await replica.heapBytes();
      await knock(1_000, 10_000);
      const grownKib = ((await replica.heapBytes()) - before) / 1024;
      context.diagnostic(`9,000 names: the heap grew by ${Math.round(grownKib)} KiB`);
      assert.ok(grownKib < 1_024, `grew by ${grownKib} KiB`);
      assert.equal(await serialOf(replica), serial);
      assert.equal(site.pebble.orders(), 1);
    });

    test('a restart serves the same certificate while still locked, without an order', async () => {
      assert.equal(await replica.stop(), 0);
      replica = await site.start({ port: site.tlsPort });
      assert.equal(await serialOf(replica), serial);
      const headers = { Authorization: `Bearer ${site.session.healthToken}` };
      assert.match((await get(replica.port, '/monitoring', { headers })).text, /"state":"locked"/);
      await sleep(1_500);
      assert.equal(site.pebble.orders(), 1);
    });

    test('another domain gets its own; back again, the old one serves without an order', async () => {
      await replica.stop();
      replica = await site.start({
        port: site.tlsPort,
        env: { OP_TLS_DOMAIN: 'other.example.com' },
      });
      const other = await served(replica);
      assert.notEqual(other, serial);
      assert.equal(site.pebble.orders(), 2);
      await replica.stop();
      replica = await site.start({ port: site.tlsPort });
      assert.equal(await serialOf(replica), serial);
      assert.equal((await recordsOf(site.client, 'certificate')).size, 2);
      assert.equal((await recordsOf(site.client, 'account')).size, 1);
    });

    test('another directory gets its own account and certificate; the old ones stay', async () => {
      const another = await startPebble({ tlsPort: site.tlsPort });
      await replica.stop();
      try {
        replica = await site.start({
          port: site.tlsPort,
          env: {
            OP_ACME_DIRECTORY_URL: another.directoryUrl,
            OP_ACME_CA_FILE: another.caFile,
            GUARD_ALLOWED: `${another.host},127.0.0.1:${site.redis.port}`,
          },
        });
        await served(replica);
        const { certificate } = await handshake(replica.port);
        const root = new X509Certificate(await another.rootPem());
        assert.ok((await get(replica.port, '/ping', { ca: root.toString() })).status === 200);
        assert.notEqual(certificate.serialNumber, serial);
        assert.equal((await recordsOf(site.client, 'account')).size, 2);
        assert.equal((await recordsOf(site.client, 'certificate')).size, 3);
      } finally {
        await replica.stop();
        await another.close();
      }
    });

    test('SIGTERM: what is accepted is answered, the lease is given back, the process ends', async () => {
      replica = await site.start({ port: site.tlsPort });
      const answered = get(replica.port, '/scim/Users?count=1', {
        headers: { Authorization: `Bearer ${site.session.token}` },
      });
      await sleep(5);
      const code = replica.stop();
      assert.equal((await answered).status, 200);
      assert.equal(await code, 0);
      await eventually(async () => {
        const leases = Object.values(await site.client.hgetall('{.bridge}:leases'));
        assert.ok(
          leases.every((lease) => lease.split(' ')[1] === '0'),
          leases.join(),
        );
      });
    });
  });
}

/** All names of this test are of one length, so that a recorded hello fits each. */
const nameOf = (n: number): string => `name-${String(n).padStart(5, '0')}.example`;

/** What Node sends first to a server of that name. */
async function recordClientHello(name: string): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  const accepted = once(server, 'connection');
  const client = connectTls({ port: address.port, host: '127.0.0.1', servername: name });
  client.on('error', () => {});
  const [socket] = await accepted;
  const [hello] = await once(socket, 'data');
  assert.ok(hello.includes(name));
  client.destroy();
  server.close();
  return hello;
}

/** The same hello to another name of the same length. */
function renamed(recorded: Buffer, name: string, other: string): Buffer {
  const hello = Buffer.from(recorded);
  hello.write(other, hello.indexOf(name));
  return hello;
}

/** Half a handshake: resolves when the server has chosen its certificate and answered. */
async function sendHello(port: number, hello: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write(hello);
  const [answer] = await once(socket, 'data', { signal: AbortSignal.timeout(60_000) });
  socket.destroy();
  assert.equal(answer[0], 0x16, 'The answer is no handshake.');
}
