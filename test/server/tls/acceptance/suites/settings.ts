import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../../../support/eventually.ts';
import { freePort } from '../../../../support/free-port.ts';
import {
  DOMAIN,
  type EngineName,
  get,
  onSite,
  recordsOf,
  SUITE_MS,
  serialOf,
  served,
  withSite,
} from '../replicas.ts';

const EXTERNAL_ACCOUNT = {
  kid: 'kid-1',
  hmacKey: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
};

export function settingTests(engine: EngineName): void {
  suite(`other ways: ${engine}`, { timeout: SUITE_MS }, () => {
    onSite(
      engine,
      'external accounts: with one, and without, when the operator is told what to set',
      async (site) => {
        const without = await site.start({ port: site.tlsPort });
        await eventually(async () => {
          const [failure] = (await recordsOf(site.client, 'failure')).values();
          assert.equal(failure?.['problem'], 'externalAccountRequired');
        });
        assert.match(without.log(), /Set OP_ACME_EAB_KID and OP_ACME_EAB_HMAC/);
        await without.stop();
        // The process is new, so its settings may be.
        const { kid, hmacKey } = EXTERNAL_ACCOUNT;
        const env = { OP_ACME_EAB_KID: kid, OP_ACME_EAB_HMAC: hmacKey };
        const replica = await site.start({ port: site.tlsPort, env });
        await served(replica);
        await eventually(async () => {
          assert.equal((await recordsOf(site.client, 'failure')).size, 0);
        });
        assert.ok(!replica.log().includes(hmacKey));
      },
      { externalAccount: EXTERNAL_ACCOUNT },
    );

    test('HTTP-01: plain HTTP answers the challenge, and sends all else to HTTPS', async () => {
      const [httpPort, tlsPort] = [await freePort(), await freePort()];
      await withSite(engine, { httpPort, tlsPort }, async (site) => {
        const env = { OP_ACME_CHALLENGE: 'http-01', OP_PORT: String(httpPort) };
        // TLS is not where the authority would look.
        const replica = await site.start({ env });
        await served(replica);
        const { status, location } = await plainGet(httpPort, '/scim/Users?count=1');
        assert.equal(status, 307);
        assert.equal(location, `https://${DOMAIN}/scim/Users?count=1`);
        assert.equal((await plainGet(httpPort, '//evil.example/x')).location, `https://${DOMAIN}/`);
        assert.equal((await plainGet(httpPort, '/.well-known/acme-challenge/none')).status, 404);
      });
    });

    onSite(engine, 'SQLite in place of Redis, for a single process', async (site) => {
      const folder = site.redis.directory;
      const env = { OP_REDIS_URL: '', OP_DATA_DIR: folder };
      const first = await site.start({ port: site.tlsPort, env });
      const serial = await served(first);
      await first.stop();
      const second = await site.start({ port: site.tlsPort, env });
      assert.equal(await serialOf(second), serial);
      assert.equal(site.pebble.orders(), 1);
    });

    onSite(engine, 'a request that arrives slowly is answered after SIGTERM', async (site) => {
      const replica = await site.start({ port: site.tlsPort });
      await served(replica);
      const body = JSON.stringify({
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        userName: 'slow@example.com',
      });
      const sent = secureRequest({
        ...{ host: '127.0.0.1', port: replica.port, path: '/scim/Users', method: 'POST' },
        ...{ servername: DOMAIN, rejectUnauthorized: false, agent: false },
        headers: {
          Host: DOMAIN,
          Authorization: `Bearer ${site.session.token}`,
          'Content-Type': 'application/scim+json',
          'Content-Length': Buffer.byteLength(body),
        },
      });
      const answered = once(sent, 'response');
      sent.write(body.slice(0, 20));
      await sleep(300);
      const ended = replica.stop();
      await sleep(500);
      sent.end(body.slice(20));
      const [response] = await answered;
      assert.equal(response.statusCode, 201);
      assert.equal(await ended, 0);
    });

    onSite(engine, 'the probe server is served in clear beside HTTPS', async (site) => {
      const probePort = await freePort();
      const env = { OP_PING_SERVER: '1', OP_PING_PORT: String(probePort) };
      await site.pebble.stop();
      const retry = { checkMs: [1_000], networkMs: [1_000], operatorMs: [1_000] };
      const replica = await site.start({ port: site.tlsPort, env, tuning: { retry } });
      // Readiness never depends on a certificate, or no check could ever reach us.
      await assert.rejects(serialOf(replica));
      assert.equal((await plainGet(probePort, '/ping')).status, 200);
      await site.pebble.start();
      await served(replica);
      assert.equal((await get(replica.port, '/ping')).status, 200);
    });
  });
}

function plainGet(
  port: number,
  path: string,
): Promise<{ status: number; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume().once('end', () => {
        resolve({ status: response.statusCode ?? 0, location: response.headers.location });
      });
    });
    sent.once('error', reject);
    sent.end();
  });
}
