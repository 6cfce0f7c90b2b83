import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { pino } from 'pino';
import { type Certificate, readCertificate } from '#tls/certificate.ts';
import { openFileSource } from '#tls/file-source.ts';
import { type CertificateSource, certificateFinding } from '#tls/status.ts';
import { eventually } from '../../support/eventually.ts';
import { makeAuthority, type TestAuthority } from './certificates.ts';

const DAY_MS = 86_400_000;

suite('certificate files', () => {
  let authority: TestAuthority;
  let folder: string;
  let served: Certificate[];
  let lines: string[];
  before(() => {
    authority = makeAuthority();
    folder = mkdtempSync(join(tmpdir(), 'op-scim-files-'));
  });
  after(() => {
    authority.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    served = [];
    lines = [];
    rmSync(join(folder, 'cert.pem'), { force: true });
    rmSync(join(folder, 'key.pem'), { force: true });
  });

  test('they are served, and again when they have changed', async () => {
    const first = authority.make();
    put(first.certPem + authority.intermediatePem, first.keyPem);
    await withSource(async (source) => {
      assert.equal(served.length, 1);
      assert.equal(stateOf(source).state, 'healthy');
      const second = authority.make();
      put(second.certPem + authority.intermediatePem, second.keyPem);
      await eventually(async () => assert.equal(served.length, 2), 2_000);
      assert.equal(served[1]?.serial, readCertificate(second.certPem, second.keyPem).serial);
    });
  });

  const past = {
    notBefore: new Date(Date.now() - 9 * DAY_MS),
    notAfter: new Date(Date.now() - DAY_MS),
  };
  const wrongs: Readonly<Record<string, readonly [() => void, RegExp]>> = {
    'an expired one': [
      () => {
        const made = authority.make(past);
        put(made.certPem, made.keyPem);
      },
      /has expired on/,
    ],
    'one for another domain': [
      () => {
        const made = authority.make({ names: 'DNS:other.example.com' });
        put(made.certPem, made.keyPem);
      },
      /is for other\.example\.com, not for scim\.example\.com/,
    ],
    'a key that does not belong to it': [
      () => put(authority.make().certPem, authority.make().keyPem),
      /the private key does not belong to the certificate/,
    ],
    'a chain in the wrong order': [
      () => {
        const made = authority.make();
        put(authority.intermediatePem + made.certPem, made.keyPem);
      },
      /the chain is in the wrong order/,
    ],
    'no file': [() => rmSync(join(folder, 'cert.pem')), /cert\.pem can not be read \(ENOENT\)/],
  };
  for (const [title, [change, message]] of Object.entries(wrongs)) {
    test(`${title} takes the place of nothing, and is reported once`, async () => {
      const made = authority.make();
      put(made.certPem, made.keyPem);
      await withSource(async (source) => {
        change();
        await eventually(async () => {
          assert.equal(stateOf(source).state, 'degraded');
        }, 2_000);
        assert.match(stateOf(source).reason ?? '', message);
        assert.match(stateOf(source).reason ?? '', /read last goes on being served/);
        assert.equal(served.length, 1);
        await new Promise((resolve) => setTimeout(resolve, 100));
        assert.equal(lines.filter((line) => message.test(line)).length, 1);
        assert.equal(source.status().failures, 1);
        put(made.certPem, made.keyPem);
        await eventually(async () => assert.equal(stateOf(source).state, 'healthy'), 2_000);
      });
    });
  }

  test('nothing at the start: it is reported, and served once it is there', async () => {
    await withSource(async (source) => {
      assert.equal(stateOf(source).state, 'unhealthy');
      assert.match(stateOf(source).reason ?? '', /cert\.pem can not be read/);
      const made = authority.make();
      put(made.certPem, made.keyPem);
      await eventually(async () => assert.equal(served.length, 1), 2_000);
    });
  });

  test('an expired one at the start is better than none', async () => {
    const made = authority.make(past);
    put(made.certPem, made.keyPem);
    await withSource(async (source) => {
      assert.equal(served.length, 1);
      assert.equal(stateOf(source).state, 'unhealthy');
      assert.match(stateOf(source).reason ?? '', /has ended on/);
    });
  });

  function put(certPem: string, keyPem: string): void {
    writeFileSync(join(folder, 'cert.pem'), certPem);
    writeFileSync(join(folder, 'key.pem'), keyPem);
  }

  async function withSource(run: (source: CertificateSource) => Promise<void>): Promise<void> {
    const source = openFileSource({
      domain: 'scim.example.com',
      certFile: join(folder, 'cert.pem'),
      keyFile: join(folder, 'key.pem'),
      log: pino({ base: null }, { write: (line: string) => void lines.push(line) }),
      pollMs: 20,
      now: Date.now,
      serve(certificate) {
        createSecureContext({ key: certificate.keyPem, cert: certificate.chainPem });
        served.push(certificate);
      },
    });
    await source.start();
    try {
      await run(source);
    } finally {
      await source.close();
    }
  }

  function stateOf(source: CertificateSource) {
    return certificateFinding(source.status(), Date.now());
  }
});
