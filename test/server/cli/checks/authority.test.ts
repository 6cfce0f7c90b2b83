import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Network } from '#cli/checks/network.ts';
import { makeSession } from '../../../support/bridge.ts';
import {
  type FakeDirectory,
  type Reply,
  startFakeDirectory,
} from '../../../support/fake-directory.ts';
import { assertFinding, dnsError, type Expectation, runDoctor } from './run-doctor.ts';

const DOMAIN = 'scim.example.com';
const ISSUER = 'authority.example';

interface Row {
  readonly env?: Readonly<Record<string, string>>;
  readonly caa?: Network['caaRecordsOf'];
  /** What the directory answers instead. */
  readonly reply?: Reply;
  readonly expected: Expectation;
}

const issue = (text: string) => ({ critical: 0, issue: text });

const rows: Readonly<Record<string, Row>> = {
  'an account is wanted and there is none': {
    expected: {
      id: 'directory',
      state: 'failed',
      says: /Set OP_ACME_EAB_KID and OP_ACME_EAB_HMAC/,
    },
  },
  'an account is wanted and there is one, with a profile that is offered': {
    env: { OP_ACME_EAB_KID: 'kid', OP_ACME_EAB_HMAC: 'canary-hmac', OP_ACME_PROFILE: 'shortlived' },
    expected: { id: 'directory', state: 'ok', says: /Profiles: classic, shortlived\./ },
  },
  'the address is of something else': {
    reply: { body: { hello: 'world' } },
    expected: {
      id: 'directory',
      state: 'failed',
      says: /is not the directory of a certificate authority/,
    },
  },
  'the directory is out of order': {
    reply: { status: 503, body: { detail: 'Come back later.' } },
    expected: {
      id: 'directory',
      state: 'failed',
      says: /was refused \(503 \w+\): Come back later/,
    },
  },
  'the directory has another time': {
    reply: {
      headers: { Date: new Date(Date.now() - 7_200_000).toUTCString() },
      body: { newNonce: 'https://a/', newAccount: 'https://a/', newOrder: 'https://a/' },
    },
    expected: { id: 'clock', state: 'failed', says: /s ahead of that of the authority/ },
  },
  'no CAA records': {
    expected: { id: 'caa-records', state: 'ok', says: /There are none: each authority may issue/ },
  },
  'CAA records for another authority': {
    caa: async () => [issue('ca.example')],
    expected: {
      ...{ id: 'caa-records', state: 'failed' },
      says: /do not allow the authority with tls-alpn-01: ca\.example\. Add 0 issue "authority\.example"/,
    },
  },
  'CAA records of the name above, for another challenge': {
    caa: async (name) => {
      if (name === DOMAIN) throw dnsError('ENODATA');
      return [issue(`${ISSUER}; validationmethods=dns-01`)];
    },
    expected: { id: 'caa-records', state: 'failed', says: /Those of example\.com do not allow/ },
  },
  'CAA records that allow it among others': {
    caa: async () => [
      issue('ca.example'),
      issue(`${ISSUER}; validationmethods=http-01,tls-alpn-01`),
    ],
    expected: { id: 'caa-records', state: 'ok', says: /Those of scim\.example\.com allow/ },
  },
  'CAA records that only say whom to tell': {
    caa: async () => [{ critical: 0, iodef: 'mailto:a@example.com' }],
    expected: { id: 'caa-records', state: 'ok', says: /allow the authority/ },
  },
};

describe('doctor on the certificate authority', () => {
  let folder: string;
  let directory: FakeDirectory;
  let env: Record<string, string>;
  before(async () => {
    const meta = {
      profiles: { classic: 'a', shortlived: 'b' },
      caaIdentities: [ISSUER],
      externalAccountRequired: true,
    };
    directory = await startFakeDirectory({ directory: { meta } });
    folder = mkdtempSync(join(tmpdir(), 'op-scim-doctor-'));
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, directory.caPem);
    env = {
      OP_SESSION: makeSession('acme').base64,
      OP_DATA_DIR: join(folder, 'data'),
      OP_TLS_DOMAIN: DOMAIN,
      OP_ACME_DIRECTORY_URL: directory.url,
      OP_ACME_CA_FILE: caFile,
    };
  });
  after(async () => {
    await directory.close();
    rmSync(folder, { recursive: true });
  });

  for (const [name, { env: more = {}, caa, reply, expected }] of Object.entries(rows)) {
    test(`${name}: ${expected.state}`, async () => {
      directory.replyWith(() => reply);
      const network = caa === undefined ? {} : { caaRecordsOf: caa };
      const examined = await runDoctor({ env: { ...env, ...more }, network });
      assertFinding(examined, expected);
      assert.ok(!examined.stdout.includes('canary'));
    });
  }

  test('the directory was read, once each time, and nothing else was asked', () => {
    assert.deepEqual(new Set(directory.seen.map(({ path }) => path)), new Set(['/dir']));
    assert.equal(directory.count('/dir'), Object.keys(rows).length);
  });

  const files = {
    'JSON that is garbled': ['{"canary": ', 'failed', /holds no JSON object/],
    'a JSON object': ['{"canary": 1}', 'ok', /can be read/],
  } as const;
  for (const [name, [text, state, says]] of Object.entries(files)) {
    test(`a DNS challenge by ${name}: ${state}`, async () => {
      const file = join(folder, 'dns.json');
      writeFileSync(file, text);
      const examined = await runDoctor({ env: { ...env, OP_DNS_CHALLENGE_CONFIG_FILE: file } });
      assertFinding(examined, { id: 'dns-challenge', state, says });
      assert.ok(!examined.stdout.includes('canary'));
    });
  }
});
