import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, suite, test } from 'node:test';
import { AcmeError } from '#tls/acme/acme-engine.ts';
import { readDnsConfig } from '#tls/dns/dns-config.ts';
import type { DnsProvider } from '#tls/dns/dns-provider.ts';
import { openProvider } from '#tls/dns/open-dns-challenge.ts';
import { PROVIDER_SERVERS } from '#tls/dns/provider-parts.ts';
import type { ApiCall, ApiReply, FakeProvider } from '../../../support/dns/fake-api.ts';
import { FAKE_PROVIDERS } from '../../../support/dns/fake-providers.ts';

const ZONE = 'example.com';
const NAME = '_acme-challenge.scim.example.com';
const VALUE = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ';
const never = new AbortController().signal;

for (const [title, start] of Object.entries(FAKE_PROVIDERS)) {
  suite(`the provider ${title}`, { timeout: 200_000 }, () => {
    let fake: FakeProvider;
    let provider: DnsProvider;
    const open = (times: { requestMs?: number; pauseMs?: number } = {}): DnsProvider =>
      openFake(fake, times);
    const isWrite = ({ method, path }: ApiCall): boolean =>
      (method === 'POST' && !path.endsWith('/token')) || method === 'PUT';
    const fails = async (act: Promise<void>, message: RegExp): Promise<AcmeError> => {
      const error: unknown = await act.then(() => undefined).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof AcmeError, String(error));
      assert.equal(error.problem, 'dnsProvider');
      assert.match(error.message, message);
      for (const secret of fake.secrets) {
        for (const text of [secret, inForm({ '': secret }).slice(1)]) {
          assert.ok(!error.message.includes(text), error.message);
        }
      }
      return error;
    };
    beforeEach(async () => {
      await fake?.close();
      fake = await start(ZONE);
      provider = open();
    });
    after(() => fake.close());

    test('a value is put, once, and removed', async () => {
      await provider.put(NAME, VALUE, never);
      await provider.put(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), [VALUE]);
      await provider.remove(NAME, VALUE, never);
      await provider.remove(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), []);
    });

    test('what others have at the name is kept', async () => {
      fake.seed(NAME, ['of-another', 'of-a-third']);
      await provider.put(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), ['of-another', 'of-a-third', VALUE]);
      await provider.remove(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), ['of-another', 'of-a-third']);
    });

    test('the requests are these', async () => {
      fake.seed(NAME, ['of-another']);
      await provider.put(NAME, VALUE, never);
      assert.deepEqual(fake.calls.map(lineOf), REQUESTS[title]);
      assert.deepEqual(fake.calls.find(isWrite)?.body, BODIES[title]);
    });

    test('the longest zone counts', async () => {
      await fake.close();
      fake = await start('scim.example.com');
      await open().put(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), [VALUE]);
    });

    test('without a zone the operator is told what to check', async () => {
      const act = provider.put('_acme-challenge.scim.elsewhere.test', VALUE, never);
      await fails(act, /elsewhere\.test.*(?:Check|needs) /);
    });

    test('429 is waited for as it says, and kept by the order when that is long', async () => {
      let count = 0;
      fake.replyWith((call) => {
        if (!isWrite(call)) return undefined;
        count += 1;
        return count < 3 ? { status: 429, headers: { 'Retry-After': '0' } } : undefined;
      });
      // Its own pause would take longer than the test may. Google is also asked for its change then.
      await open({ pauseMs: title === 'googlecloud' ? 5 : 100_000 }).put(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), [VALUE]);
      fake.replyWith(() => ({ status: 429, headers: { 'Retry-After': '3600' } }));
      const calls = fake.calls.length;
      const error = await fails(open().remove(NAME, VALUE, never), /does not serve now \(429\)/);
      assert.equal(error.retryAfterMs, 3_600_000);
      assert.equal(fake.calls.length, calls + 1);
    });

    test('503 is tried four times', async () => {
      let left = 3;
      fake.replyWith(() => {
        left -= 1;
        return left >= 0 ? { status: 503, body: 'busy' } : undefined;
      });
      await provider.put(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), [VALUE]);
      fake.replyWith(() => ({ status: 503, body: 'busy' }));
      const calls = fake.calls.length;
      await fails(open().put(NAME, VALUE, never), /does not serve now \(503\): busy\./);
      assert.equal(fake.calls.length, calls + 4);
    });

    test('no answer in time, and no server', async () => {
      fake.replyWith(() => ({ status: 200, hangs: true }));
      const slow = open({ requestMs: 50 });
      await fails(slow.put(NAME, VALUE, never), /can not be reached: no answer came in time\./);
      await fake.close();
      await fails(open().put(NAME, VALUE, never), /can not be reached: .*ECONNREFUSED/);
    });

    test('an order that is given up ends the wait', async () => {
      fake.replyWith(() => ({ status: 200, hangs: true }));
      const stop = new AbortController();
      const act = provider.put(NAME, VALUE, stop.signal);
      stop.abort(new Error('the bridge ends'));
      await assert.rejects(act, /the bridge ends/);
    });

    const odd: Readonly<Record<string, readonly [ApiReply, RegExp]>> = {
      'a long answer': [{ status: 200, body: 'x'.repeat(1_100_000) }, /the answer is too long/],
      'a redirect': [{ status: 302, headers: { Location: '/elsewhere' } }, /was refused \(302\)/],
      'a web page': [
        { status: 200, body: '<html>' },
        /usable access token|refused \(200\): <html>/,
      ],
      'a refusal that repeats what it was sent': [{ status: 400 }, /\(hidden\)/],
    };
    for (const [what, [reply, message]] of Object.entries(odd)) {
      test(`${what} is a sentence for the operator`, async () => {
        const { secrets } = fake;
        fake.replyWith(({ headers, body }) =>
          reply.status === 400
            ? {
                ...reply,
                body: {
                  error: `${headers['authorization']} ${inForm(body)} ${JSON.stringify(body)}`,
                },
              }
            : reply,
        );
        await fails(provider.put(NAME, VALUE, never), message);
        assert.ok(fake.calls.every(({ path }) => path !== '/elsewhere'));
        assert.ok(secrets.length > 0);
      });
    }

    test('a lost answer to a write does no harm', async () => {
      let isLost = false;
      fake.replyWith((call) => {
        if (isLost || !isWrite(call)) return undefined;
        isLost = true;
        // The provider did what it was asked, and the answer did not arrive.
        fake.seed(NAME, [VALUE]);
        return { status: 502 };
      });
      await provider.put(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), [VALUE]);
    });

    if (title === 'cloudflare') {
      test('a token that is not taken is said, with what it needs', async () => {
        fake.endTokens();
        await fails(
          provider.put(NAME, VALUE, never),
          /refused \(403\): 9109 Invalid access token\. cloudflare\.api_token needs/,
        );
      });
      return;
    }

    test('a token that ended is replaced once', async () => {
      await provider.put(NAME, VALUE, never);
      fake.endTokens();
      await provider.remove(NAME, VALUE, never);
      const signIns = fake.calls.filter(({ path }) => path.endsWith('/token'));
      assert.equal(signIns.length, 2);
      fake.replyWith(({ path }) =>
        path.endsWith('/token') ? undefined : { status: 401, body: { error: 'no' } },
      );
      await fails(provider.put(NAME, VALUE, never), /was refused \(401\): no\./);
      assert.equal(fake.calls.filter(({ path }) => path.endsWith('/token')).length, 3);
    });

    test('credentials that are refused are said, with what to check', async () => {
      const body = { error: 'invalid_client', error_description: 'The secret has ended.' };
      fake.replyWith(({ path }) => (path.endsWith('/token') ? { status: 401, body } : undefined));
      await fails(
        provider.put(NAME, VALUE, never),
        /the sign-in was refused \(401\): invalid_client: The secret has ended\. Check /,
      );
    });

    test('another writer between reading and writing loses nothing', async () => {
      let isBetween = true;
      fake.replyWith((call) => {
        if (isBetween && isWrite(call)) {
          isBetween = false;
          fake.seed(NAME, ['of-another']);
        }
        return undefined;
      });
      await provider.put(NAME, VALUE, never);
      assert.deepEqual(fake.values(NAME), ['of-another', VALUE]);
    });

    if (title === 'azure') {
      test('a set that is not understood is not written over', async () => {
        fake.seed(NAME, ['of-another']);
        fake.replyWith(({ method, path }) =>
          method === 'GET' && path.includes('/TXT/')
            ? { status: 200, body: { etag: 'etag-1', properties: { txtRecords: [] } } }
            : undefined,
        );
        await fails(provider.put(NAME, VALUE, never), /without a usable set of records/);
        assert.deepEqual(fake.values(NAME), ['of-another']);
      });
    }

    test('a conflict that stays is given up', async () => {
      const body = { error: { code: 'Conflict', message: 'There is a CNAME.' } };
      fake.replyWith((call) => (isWrite(call) ? { status: 409, body } : undefined));
      await fails(provider.put(NAME, VALUE, never), /in conflict with .* There is a CNAME\./);
      assert.equal(fake.calls.filter(isWrite).length, 5);
    });
  });
}

const AZURE =
  '/subscriptions/31111111-2222-4333-8444-555555555555/resourceGroups/dns-group/providers/Microsoft.Network/dnsZones';
const GOOGLE = '/dns/v1/projects/example-project/managedZones';
const TXT = `${AZURE}/example.com/TXT/_acme-challenge.scim`;
const RECORDS = '/client/v4/zones/zone-1/dns_records';

/** The fakes look at tokens and grants themselves. */
const REQUESTS: Readonly<Record<string, readonly string[]>> = {
  googlecloud: [
    'POST /token',
    `GET ${GOOGLE} dnsName=_acme-challenge.scim.example.com.`,
    `GET ${GOOGLE} dnsName=scim.example.com.`,
    `GET ${GOOGLE} dnsName=example.com.`,
    `GET ${GOOGLE}/zone-1/rrsets name=_acme-challenge.scim.example.com.&type=TXT`,
    `POST ${GOOGLE}/zone-1/changes`,
    `GET ${GOOGLE}/zone-1/changes/1`,
  ],
  azure: [
    'POST /11111111-2222-4333-8444-555555555555/oauth2/v2.0/token',
    `GET ${AZURE}/_acme-challenge.scim.example.com api-version=2018-05-01`,
    `GET ${AZURE}/scim.example.com api-version=2018-05-01`,
    `GET ${AZURE}/example.com api-version=2018-05-01`,
    `GET ${TXT} api-version=2018-05-01`,
    `PUT ${TXT} api-version=2018-05-01 if-match: etag-1`,
  ],
  cloudflare: [
    'GET /client/v4/zones name=_acme-challenge.scim.example.com',
    'GET /client/v4/zones name=scim.example.com',
    'GET /client/v4/zones name=example.com',
    `GET ${RECORDS} type=TXT&name=_acme-challenge.scim.example.com&per_page=100`,
    `POST ${RECORDS}`,
  ],
};

const GOOGLE_SET = { name: `${NAME}.`, type: 'TXT', ttl: 300 };
const BODIES: Readonly<Record<string, object>> = {
  googlecloud: {
    deletions: [{ ...GOOGLE_SET, rrdatas: ['"of-another"'] }],
    additions: [{ ...GOOGLE_SET, rrdatas: ['"of-another"', `"${VALUE}"`] }],
  },
  azure: {
    properties: {
      TTL: 300,
      metadata: { owner: 'others' },
      TXTRecords: [{ value: ['of-another'] }, { value: [VALUE] }],
    },
  },
  cloudflare: { type: 'TXT', name: NAME, content: `"${VALUE}"`, ttl: 60 },
};

function lineOf({ method, path, query, headers }: ApiCall): string {
  const search = new URLSearchParams(query).toString();
  const match = headers['if-match'];
  const condition = match === undefined ? '' : `if-match: ${String(match)}`;
  return [method, path, search, condition].filter((part) => part !== '').join(' ');
}

/** Through the file of settings, as the bridge does. */
function openFake(
  { config, servers }: FakeProvider,
  times: { requestMs?: number; pauseMs?: number },
): DnsProvider {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-dns-'));
  const path = join(folder, 'dns01.json');
  writeFileSync(path, JSON.stringify(config));
  const read = readDnsConfig(path);
  rmSync(folder, { recursive: true });
  return openProvider(read, {
    times: { requestMs: 10_000, pauseMs: 5, ...times },
    servers: { ...PROVIDER_SERVERS, ...servers },
    now: Date.now,
  });
}

function inForm(fields: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(fields).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(pairs).toString();
}
