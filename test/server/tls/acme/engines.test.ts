import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { createServer, type TLSSocket } from 'node:tls';
import {
  type AcmeEngine,
  AcmeError,
  type CertificateOrder,
  type Challenge,
} from '#tls/acme/acme-engine.ts';
import { loadEngine } from '#tls/engines.ts';
import { challengeCertificate, newKeyPem } from '#tls/signing.ts';
import { freePort } from '../../../support/free-port.ts';
import { type Pebble, startPebble } from '../../../support/pebble.ts';

const DOMAIN = 'scim.example.com';

for (const name of ['native', 'greenlock'] as const) {
  suite(`the ${name} engine against Pebble`, { timeout: 120_000 }, () => {
    let engine: AcmeEngine;
    let pebble: Pebble;
    let tlsPort: number;
    before(async () => {
      engine = await loadEngine(name);
      tlsPort = await freePort();
      pebble = await startPebble({ tlsPort, nonceReject: 50 });
    });
    after(() => pebble.close());

    test('issues ten times of ten by TLS-ALPN-01, though every second nonce is refused', async () => {
      const certificateKeyPem = await newKeyPem();
      const answering = await answerChallenges(tlsPort);
      try {
        for (let n = 0; n < 9; n += 1) await engine.issue(await orderOf(pebble, answering));
        const order = { ...(await orderOf(pebble, answering)), certificateKeyPem };
        const { chainPem } = await engine.issue(order);
        const leaf = new X509Certificate(chainPem);
        assert.equal(leaf.checkHost(DOMAIN), DOMAIN);
        assert.ok(chainPem.split('BEGIN CERTIFICATE').length > 2, 'The intermediate is missing.');
        assert.deepEqual(answering.dropped, answering.put);
      } finally {
        await answering.stop();
      }
    });

    test('says why a check failed, and drops the challenge', async () => {
      const answering = await answerChallenges(await freePort());
      try {
        const issued = engine.issue(await orderOf(pebble, answering));
        await assert.rejects(issued, (error) => {
          assert.ok(error instanceof AcmeError);
          assert.equal(error.problem, 'unauthorized');
          assert.match(error.message, /scim\.example\.com was not found to be ours/);
          return true;
        });
        assert.deepEqual(answering.dropped, answering.put);
        assert.equal(answering.put.length, 1);
      } finally {
        await answering.stop();
      }
    });

    test('ends at once when it is aborted', async () => {
      const reason = new Error('the lease is lost');
      const answering = await answerChallenges(await freePort());
      const order = { ...(await orderOf(pebble, answering)), signal: AbortSignal.abort(reason) };
      await assert.rejects(engine.issue(order), reason);
      await answering.stop();
    });

    test('drops the challenge when it is aborted in the middle', async () => {
      const reason = new Error('the lease is lost');
      const stop = new AbortController();
      const answering = await answerChallenges(await freePort());
      const { solver, ...order } = await orderOf(pebble, answering);
      const put = async (challenge: Challenge): Promise<void> => {
        await solver.put(challenge);
        stop.abort(reason);
      };
      const aborted = { ...order, solver: { ...solver, put }, signal: stop.signal };
      const before = pebble.challenges();
      await assert.rejects(engine.issue(aborted), reason);
      assert.equal(answering.put.length, 1);
      assert.deepEqual(answering.dropped, answering.put);
      assert.equal(pebble.challenges(), before);
      await answering.stop();
    });

    test('drops the challenge when it can not be put', async () => {
      const reason = new Error('the store is away');
      const answering = await answerChallenges(await freePort());
      const { solver, ...order } = await orderOf(pebble, answering);
      const put = async (challenge: Challenge): Promise<void> => {
        await solver.put(challenge);
        throw reason;
      };
      await assert.rejects(engine.issue({ ...order, solver: { ...solver, put } }), reason);
      assert.deepEqual(answering.dropped, answering.put);
      await answering.stop();
    });

    test('a directory whose certificate is not trusted', async () => {
      const answering = await answerChallenges(await freePort());
      const order = await orderOf(pebble, answering);
      const untrusted = { ...order, directory: { url: pebble.directoryUrl } };
      await assert.rejects(engine.issue(untrusted), /Set OP_ACME_CA_FILE/);
      await answering.stop();
    });
  });
}

interface Answering {
  readonly put: Challenge[];
  readonly dropped: Challenge[];
  stop(): Promise<void>;
}

async function orderOf(
  { directoryUrl, caPem }: Pebble,
  answering: Answering,
): Promise<CertificateOrder> {
  return {
    directory: { url: directoryUrl, caPem },
    accountKeyPem: await newKeyPem(),
    certificateKeyPem: await newKeyPem(),
    domain: DOMAIN,
    solver: {
      type: 'tls-alpn-01',
      put: async (challenge) => void answering.put.push(challenge),
      drop: async (challenge) => void answering.dropped.push(challenge),
    },
    signal: AbortSignal.timeout(30_000),
  };
}

/** Answers `acme-tls/1` with the certificate of the challenge that was put last. */
async function answerChallenges(port: number): Promise<Answering> {
  const keyPem = await newKeyPem();
  const put: Challenge[] = [];
  const server = createServer({
    ALPNCallback(this: TLSSocket) {
      const { domain = '', keyAuthorization = '' } = put.at(-1) ?? {};
      const cert = challengeCertificate(domain, keyAuthorization, keyPem, Date.now());
      this.setKeyCert({ key: keyPem, cert });
      return 'acme-tls/1';
    },
  });
  server.on('secureConnection', (socket) => socket.end());
  server.on('tlsClientError', () => {});
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    put,
    dropped: [],
    async stop() {
      server.close();
      await once(server, 'close');
    },
  };
}
