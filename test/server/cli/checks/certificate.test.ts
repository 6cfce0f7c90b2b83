import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Network } from '#cli/checks/network.ts';
import { makeSession } from '../../../support/bridge.ts';
import { freePort } from '../../../support/free-port.ts';
import {
  DOMAIN,
  openSite,
  type Replica,
  recordsOf,
  type Site,
  SUITE_MS,
  serialOf,
  served,
  tamper,
} from '../../tls/acceptance/replicas.ts';
import { makeAuthority } from '../../tls/certificates.ts';
import {
  assertFinding,
  dnsError,
  type Examination,
  type Examined,
  type Expectation,
  fakeNetwork,
  PUBLIC_ADDRESS,
  runDoctor,
} from './run-doctor.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const IPV6 = '2001:db8::10';

describe('doctor on the domain and the certificate', { timeout: SUITE_MS }, () => {
  let site: Site;
  let replica: Replica;
  let env: Record<string, string>;
  let network: Network;
  before(async () => {
    site = await openSite('native');
    const first = await site.start({ port: site.tlsPort });
    await served(first);
    await first.stop('SIGKILL');
    // Which does not look at the store again, or it would put right what tests change there.
    const pollMs = 10 * HOUR_MS;
    replica = await site.start({ port: site.tlsPort, tuning: { pollMs } });
    await served(replica);
    network = { ...fakeNetwork(replica.port), trustedRoots: [await site.pebble.rootPem()] };
    env = {
      OP_SESSION: site.session.base64,
      OP_LISTEN: '127.0.0.1',
      OP_TLS_PORT: String(replica.port),
      OP_REDIS_URL: site.redis.url,
      OP_TLS_DOMAIN: DOMAIN,
      OP_ACME_DIRECTORY_URL: site.pebble.directoryUrl,
      OP_ACME_CA_FILE: site.pebble.caFile,
    };
  });
  after(() => site.close());

  test('all is well with a bridge that has its certificate and is still locked', async () => {
    const orders = site.pebble.orders();
    const examined = await runDoctor({
      env,
      network,
      args: ['--health-token-file', '-'],
      stdin: site.session.healthToken,
    });
    const serial = await serialOf(replica);
    assertAll(examined, [
      { id: 'bridge', state: 'ok', says: /https:\/\/127\.0\.0\.1:\d+\/ping/ },
      { id: 'bridge-health', state: 'warning', says: /SCIMServer is locked: .*first request/ },
      { id: 'domain', state: 'ok', says: /^scim\.example\.com has A 203\.0\.113\.10\. $/ },
      {
        id: 'port-443',
        state: 'ok',
        says: /Only a look from outside proves.*curl -v https:\/\/scim\.example\.com\/ping/,
      },
      {
        id: 'served-certificate',
        state: 'ok',
        says: new RegExp(`shows the certificate ${serial} of .*Pebble`),
      },
      {
        id: 'certificate',
        state: 'ok',
        says: new RegExp(`^${serial} is good for \\d+ more days.*renewal is planned for 20`),
      },
      { id: 'last-order', state: 'ok', says: /None has failed/ },
      {
        id: 'rate-limits',
        state: 'ok',
        says: /1 certificates issued in the last 7 days, 0 orders failed/,
      },
      { id: 'dns-challenge', state: 'skipped', says: /is not set/ },
      { id: 'directory', state: 'ok', says: /\/dir answers in \d+ ms/ },
      { id: 'clock', state: 'ok', says: /agrees with that of the authority/ },
      { id: 'caa-records', state: 'ok', says: /There are none/ },
    ]);
    assert.equal(examined.exitCode, 0, examined.stdout);
    assert.equal(site.pebble.orders(), orders, 'nothing was ordered');
    for (const secret of [site.session.token, site.session.healthToken, site.session.base64]) {
      assert.ok(!examined.stdout.includes(secret));
    }
  });

  const lookUps: Readonly<Record<string, readonly [Partial<Network>, ...Expectation[]]>> = {
    'a domain without records': [
      { addressesOf: () => Promise.reject(dnsError('ENOTFOUND')) },
      {
        id: 'domain',
        state: 'failed',
        says: /has neither an A nor an AAAA record.*Make an A record/,
      },
      { id: 'port-443', state: 'skipped', says: /has no address/ },
      { id: 'served-certificate', state: 'skipped', says: /is not reached from here/ },
    ],
    'name servers that fail': [
      {
        addressesOf: () => Promise.reject(dnsError('ESERVFAIL')),
        caaRecordsOf: () => Promise.reject(dnsError('ESERVFAIL')),
      },
      { id: 'domain', state: 'failed', says: /could not be looked up \(ESERVFAIL\)/ },
      { id: 'caa-records', state: 'warning', says: /ESERVFAIL.*issues nothing/ },
    ],
    'a private address': [
      { addressesOf: async (_name, family) => (family === 4 ? ['10.0.0.7'] : []) },
      { id: 'domain', state: 'warning', says: /10\.0\.0\.7 can not be reached from the internet/ },
    ],
    'an address of this machine': [
      { ownAddresses: () => [PUBLIC_ADDRESS] },
      { id: 'domain', state: 'ok', says: /203\.0\.113\.10 \(this machine\)/ },
    ],
    'an AAAA record that leads to the bridge': [
      { addressesOf: async (_name, family) => [family === 4 ? PUBLIC_ADDRESS : IPV6] },
      {
        id: 'domain',
        state: 'ok',
        says: /AAAA 2001:db8::10\. All of IPv6 show the same certificate/,
      },
    ],
    'an authority that clients do not know': [
      { trustedRoots: [] },
      {
        id: 'served-certificate',
        state: 'warning',
        says: /Clients do not trust it \(\w+\).*missing intermediate/,
      },
    ],
  };
  for (const [name, [change, ...expectations]] of Object.entries(lookUps)) {
    test(`${name} is told`, async () => {
      assertAll(await examine({ network: { ...network, ...change } }), expectations);
    });
  }

  test('an AAAA record that leads elsewhere is a warning, with each address told', async () => {
    const closed = await freePort();
    const examined = await examine({
      network: {
        ...network,
        addressesOf: async (_name, family) => [family === 4 ? PUBLIC_ADDRESS : IPV6],
        connect: (address) =>
          connect({ host: '127.0.0.1', port: address === IPV6 ? closed : replica.port }),
      },
    });
    assertAll(examined, [
      {
        id: 'domain',
        state: 'warning',
        says: /tries IPv6 first.*Remove the AAAA record unless it does/,
      },
      {
        id: 'port-443',
        state: 'warning',
        says: /Not every address.*2001:db8::10: the connection is refused/,
      },
      { id: 'served-certificate', state: 'ok', says: /203\.0\.113\.10 shows/ },
    ]);
  });

  test('another certificate for the same domain is told: a proxy, or another bridge', async () => {
    const other = makeAuthority();
    const { certPem: cert, keyPem: key } = other.make();
    const server = createTlsServer({ cert, key }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // A listening TCP server has one.
    try {
      const says =
        /shows the certificate \w+ of CN=intermediate.*That of the bridge is \w+\. Something else answers/;
      const examined = await examine({ network: { ...network, ...connecting(port) } });
      assertFinding(examined, { id: 'served-certificate', state: 'failed', says });
    } finally {
      server.close();
      other.close();
    }
  });

  test('a port 443 that is closed, or behind which something else answers, is told', async () => {
    const closed = await examine({ network: { ...network, ...connecting(await freePort()) } });
    assertFinding(closed, {
      ...{ id: 'port-443', state: 'failed' },
      says: /can not be reached from here\. 203\.0\.113\.10: the connection is refused.*Only a look from outside proves/,
    });
    const plain = await answering((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const silent = await answering((socket) => socket.destroy());
    try {
      const clear = await examine({ network: { ...network, ...connecting(plain.port) } });
      const says = /203\.0\.113\.10: the server does not speak TLS there/;
      assertFinding(clear, { id: 'served-certificate', state: 'failed', says });
      const cut = await examine({ network: { ...network, ...connecting(silent.port) } });
      assertFinding(cut, { id: 'served-certificate', state: 'failed', says: /the connection/ });
    } finally {
      plain.server.close();
      silent.server.close();
    }
  });

  const clocks: readonly (readonly [number, Expectation])[] = [
    [
      120_000,
      {
        id: 'clock',
        state: 'warning',
        says: /It is 1[12]\d s ahead of that of the authority.*Set the clock/,
      },
    ],
    [
      -HOUR_MS,
      { id: 'clock', state: 'failed', says: /It is 3[56]\d\d s behind that of the authority/ },
    ],
    [80 * DAY_MS, { id: 'certificate', state: 'failed', says: /ends on/ }],
    [4_000 * DAY_MS, { id: 'certificate', state: 'failed', says: /has expired on/ }],
    [4_000 * DAY_MS, { id: 'served-certificate', state: 'failed', says: /It has expired on/ }],
  ];
  for (const [aheadMs, expectation] of clocks) {
    test(`${aheadMs / 1_000} s later: ${expectation.id} is told`, async () => {
      assertFinding(await examine({ now: () => Date.now() + aheadMs }), expectation);
    });
  }

  const settings: readonly (readonly [Readonly<Record<string, string>>, ...Expectation[]])[] = [
    [
      { OP_ACME_PROFILE: 'no-such-profile' },
      {
        id: 'directory',
        state: 'warning',
        says: /does not offer the profile no-such-profile.*Correct OP_ACME_PROFILE/,
      },
    ],
    [
      { OP_ACME_CA_FILE: '' },
      { id: 'directory', state: 'failed', says: /Set OP_ACME_CA_FILE/ },
      { id: 'clock', state: 'skipped', says: /did not tell the time/ },
    ],
    [
      { OP_SESSION: makeSession('tls').base64 },
      {
        id: 'certificate',
        state: 'failed',
        says: /was sealed by another key, that of another scimsession file/,
      },
    ],
    [
      { OP_TLS_KEY_SECRET: 'canary-seal' },
      { id: 'certificate', state: 'failed', says: /was sealed by another key/ },
    ],
    [
      { OP_TLS_DOMAIN: 'other.example.com' },
      {
        id: 'certificate',
        state: 'warning',
        says: /There is no certificate for other\.example\.com yet/,
      },
      {
        id: 'served-certificate',
        state: 'failed',
        says: /It is for scim\.example\.com, not for other\.example\.com/,
      },
    ],
    [
      { OP_REDIS_URL: 'redis://127.0.0.1:9' },
      { id: 'certificate', state: 'skipped', says: /The store can not be read/ },
      { id: 'served-certificate', state: 'ok', says: /shows the certificate/ },
    ],
    [
      { OP_TLS_DOMAIN: '' },
      { id: 'domain', state: 'skipped', says: /OP_TLS_DOMAIN is empty or unset/ },
      { id: 'directory', state: 'skipped', says: /plain HTTP/ },
    ],
  ];
  for (const [change, ...expectations] of settings) {
    test(`${JSON.stringify(Object.keys(change))} for ${expectations[0]?.id} is told`, async () => {
      const examined = await examine({ env: { ...env, ...change } });
      assertAll(examined, expectations);
      assert.ok(!examined.stdout.includes('canary'));
    });
  }

  test('a record that was changed is told', async () => {
    const certificate = await certificateBody(site);
    try {
      await tamper(site.client, 'certificate', (body) =>
        body.replace(/"key":"....../, '"key":"AAAAAA'),
      );
      const says = /There is no certificate.*was changed: its key does not open/;
      assertFinding(await examine({}), { id: 'certificate', state: 'failed', says });
    } finally {
      await tamper(site.client, 'certificate', () => certificate);
    }
  });

  test('orders that failed, a rate limit and many certificates are told', async () => {
    const [id = ''] = (await recordsOf(site.client, 'certificate')).keys();
    const key = id.replace('certificate:', 'failure:');
    const nowMs = Date.now();
    const failure = { v: 1, problem: 'unauthorized', message: 'The check failed.', count: 3 };
    const put = (body: object) =>
      site.client.hset('{.bridge}:tls', key, `1 9 ${nowMs} ${nowMs}\n${JSON.stringify(body)}`);
    const issued = JSON.stringify({ operation: 'certificate.issued', domain: DOMAIN, serial: 'A' });
    const failedOrder = JSON.stringify({ operation: 'certificate.failed', domain: DOMAIN });
    const add = (body: string) => site.client.xadd('{.bridge}:events', '*', 'body', body);
    try {
      await put({ ...failure, atMs: nowMs, nextMs: nowMs + HOUR_MS });
      await add(failedOrder);
      await add(issued.replace(DOMAIN, 'other.example.com'));
      const first = await examine({});
      assertAll(first, [
        {
          id: 'last-order',
          state: 'warning',
          says: /3 in a row failed.*\(unauthorized\): The check failed\. The next try is at 20/,
        },
        { id: 'certificate', state: 'warning', says: /The last order failed: The check failed/ },
        {
          id: 'rate-limits',
          state: 'ok',
          says: /1 certificates issued in the last 7 days, 1 orders failed/,
        },
      ]);
      assert.equal(first.exitCode, 0);
      for (let n = 0; n < 4; n += 1) await add(issued);
      const says =
        /5 certificates issued.*issues 5 certificates for the same name in 7 days: it may refuse the next one until 20/;
      assertFinding(await examine({}), { id: 'rate-limits', state: 'warning', says });
      await put({ ...failure, problem: 'rateLimited', atMs: nowMs, nextMs: nowMs + HOUR_MS });
      const refuses =
        /refuses more orders for now: The check failed\. The next one is placed at 20/;
      assertFinding(await examine({}), { id: 'rate-limits', state: 'failed', says: refuses });
    } finally {
      await site.client.hdel('{.bridge}:tls', key);
    }
  });

  function examine(change: Partial<Examination>) {
    return runDoctor({ env, network, ...change });
  }
});

describe('doctor on certificate files', () => {
  const authority = makeAuthority();
  after(() => authority.close());
  const past = {
    notBefore: new Date(Date.now() - 9 * DAY_MS),
    notAfter: new Date(Date.now() - DAY_MS),
  };
  const good = authority.make();
  const chain = good.certPem + authority.intermediatePem;
  const old = authority.make(past);
  const foreign = authority.make({ names: 'DNS:other.example.com' });
  const rows: Readonly<Record<string, readonly [string, string, Expectation]>> = {
    'a good one': [
      chain,
      good.keyPem,
      {
        id: 'certificate',
        state: 'ok',
        says: /is good for \d+ more days.*Nobody renews it but you/,
      },
    ],
    'the key of another': [
      chain,
      old.keyPem,
      {
        id: 'certificate',
        state: 'failed',
        says: /cert\.pem with .*key\.pem: the private key does not belong/,
      },
    ],
    'a chain in the wrong order': [
      authority.intermediatePem + good.certPem,
      good.keyPem,
      { id: 'certificate', state: 'failed', says: /the chain is in the wrong order/ },
    ],
    'one for another domain': [
      foreign.certPem,
      foreign.keyPem,
      {
        id: 'certificate',
        state: 'failed',
        says: /is for other\.example\.com, not for scim\.example\.com/,
      },
    ],
    'an expired one': [
      old.certPem,
      old.keyPem,
      { id: 'certificate', state: 'failed', says: /has expired on/ },
    ],
  };
  for (const [name, [certPem, keyPem, expectation]] of Object.entries(rows)) {
    test(`${name} is told, and no authority is asked`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'op-scim-doctor-'));
      try {
        const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
        writeFileSync(certFile, certPem);
        writeFileSync(keyFile, keyPem);
        const examined = await runDoctor({
          env: {
            OP_SESSION: makeSession('files').base64,
            OP_DATA_DIR: folder,
            OP_TLS_DOMAIN: DOMAIN,
            OP_TLS_CERT_FILE: certFile,
            OP_TLS_KEY_FILE: keyFile,
          },
        });
        assertFinding(examined, expectation);
        for (const id of ['last-order', 'rate-limits', 'directory', 'clock', 'caa-records']) {
          assertFinding(examined, { id, state: 'skipped', says: /OP_TLS_CERT_FILE is set/ });
        }
        assert.ok(!examined.stdout.includes(keyPem.split('\n')[1] ?? ''));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

function connecting(port: number): Pick<Network, 'connect'> {
  return { connect: () => connect({ host: '127.0.0.1', port }) };
}

async function answering(answer: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // A listening TCP server has one.
  return { server, port };
}

/** The certificate's record as it is stored. */
async function certificateBody(site: Site): Promise<string> {
  const [body] = (await recordsOf(site.client, 'certificate')).values();
  return JSON.stringify(body);
}

function assertAll(examined: Examined, expectations: readonly Expectation[]): void {
  for (const expectation of expectations) assertFinding(examined, expectation);
}
