import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, afterEach, before, suite, test } from 'node:test';
import type { AcmeEngine, CertificateOrder, Challenge } from '#tls/acme/acme-engine.ts';
import { nativeEngine } from '#tls/acme/native-engine.ts';
import { renewalIdOf } from '#tls/acme/renewal-id.ts';
import { loadEngine } from '#tls/engines.ts';
import { newKeyPem } from '#tls/signing.ts';
import {
  type FakeDirectory,
  type Reply,
  startFakeDirectory,
} from '../../../support/fake-directory.ts';

const DOMAIN = 'scim.example.com';

for (const name of ['native', 'greenlock'] as const) {
  suite(`authorities that make things hard: ${name}`, { timeout: 120_000 }, () => {
    let engine: AcmeEngine;
    let directory: FakeDirectory;
    before(async () => {
      engine = await loadEngine(name);
      directory = await startFakeDirectory();
    });
    afterEach(() => directory.replyWith(() => undefined));
    after(() => directory.close());

    test('an order that is "processing" is read again, and finalized once', async () => {
      const finalized = directory.count('/finalize');
      let processing = 0;
      directory.replyWith(({ path }) => {
        if (path !== '/order/1' || directory.count('/finalize') === finalized) return undefined;
        processing += 1;
        const body = {
          status: 'processing',
          finalize: `${new URL(directory.url).origin}/finalize`,
        };
        return processing > 2 ? undefined : { headers: { 'Retry-After': '1' }, body };
      });
      const beganMs = performance.now();
      const { chainPem } = await engine.issue(await orderOf(directory));
      assert.equal(new X509Certificate(chainPem).checkHost(DOMAIN), DOMAIN);
      assert.equal(directory.count('/finalize'), finalized + 1);
      assert.ok(performance.now() - beganMs > 1_900, 'Retry-After was not kept.');
    });

    for (const type of ['tls-alpn-01', 'http-01', 'dns-01'] as const) {
      test(`a check by ${type} that takes its time is asked for once`, async () => {
        const answers = (): number =>
          directory.seen.filter(
            ({ path, payload }) => path === '/challenge' && payload !== undefined,
          ).length;
        const before = answers();
        const { origin } = new URL(directory.url);
        let reads = 0;
        directory.replyWith(({ path, payload }) => {
          if (path !== '/authz' && path !== '/challenge') return undefined;
          if (answers() > before && payload === undefined) reads += 1;
          const status = reads > 2 ? 'valid' : 'pending';
          const challenge = { type, url: `${origin}/challenge`, token: 'token', status };
          const others = ['http-01', 'dns-01', 'tls-alpn-01'].map((other) => ({
            ...{ type: other, url: `${origin}/other`, token: 'other', status: 'pending' },
          }));
          const challenges = [...others.filter((other) => other.type !== type), challenge];
          const identifier = { type: 'dns', value: DOMAIN };
          return { body: path === '/authz' ? { identifier, status, challenges } : challenge };
        });
        const put: Challenge[] = [];
        const dropped: Challenge[] = [];
        const solver = {
          type,
          put: async (challenge: Challenge) => void put.push(challenge),
          drop: async (challenge: Challenge) => void dropped.push(challenge),
        };
        await engine.issue({ ...(await orderOf(directory)), solver });
        assert.equal(answers() - before, 1);
        assert.equal(directory.count('/other'), 0);
        assert.equal(put.length, 1);
        assert.deepEqual(dropped, put);
        assert.deepEqual(
          { ...put[0], keyAuthorization: '' },
          { type, domain: DOMAIN, token: 'token', keyAuthorization: '' },
        );
      });
    }

    for (const path of ['/account', '/certificate']) {
      test(`what ${path} says of a refused nonce in an answer that is no refusal counts nothing`, async () => {
        const { origin } = new URL(directory.url);
        const before = directory.count(path);
        directory.replyWith((seen) =>
          seen.path === path && directory.count(path) === before + 1
            ? {
                headers: { Location: `${origin}/account/1` },
                body: { status: 400, type: 'urn:ietf:params:acme:error:badNonce' },
              }
            : undefined,
        );
        await engine.issue(await orderOf(directory)).catch(() => undefined);
        assert.equal(directory.count(path), before + 1);
      });
    }

    const refusals: Readonly<Record<string, readonly [Reply, string, number | undefined]>> = {
      'a rate limit': [problem(429, 'rateLimited', '7200'), 'rateLimited', 7_200_000],
      'a rate limit without a type': [{ status: 429 }, 'rateLimited', undefined],
      'a server error': [{ status: 503, body: 'down' }, 'network', undefined],
      'a name that it does not serve': [
        problem(400, 'rejectedIdentifier'),
        'rejectedIdentifier',
        undefined,
      ],
    };
    for (const [title, [reply, expected, retryAfterMs]] of Object.entries(refusals)) {
      test(`${title} is said once, with its problem and its Retry-After`, async () => {
        const orders = directory.count('/order');
        directory.replyWith(({ path }) => (path === '/order' ? reply : undefined));
        await assert.rejects(engine.issue(await orderOf(directory)), {
          name: 'AcmeError',
          problem: expected,
          retryAfterMs,
        });
        assert.equal(directory.count('/order'), orders + 1);
      });
    }

    const odd: Readonly<Record<string, readonly [string, Reply, RegExp]>> = {
      'no directory': ['/dir', { body: { hello: 'world' } }, /is not the directory of/],
      'a web page': ['/dir', { body: '<html>' }, /is not the directory of/],
      'an address elsewhere': [
        '/dir',
        { body: { newNonce: 'https://evil.example/', newAccount: 'x', newOrder: 'x' } },
        /another server than its directory: https:\/\/evil\.example/,
      ],
      'a redirect': [
        '/dir',
        { status: 301, headers: { Location: 'https://evil.example/' } },
        /301/,
      ],
      'an account without an address': ['/account', { body: {} }, /without a usable account/],
      'an order without an address': [
        '/order',
        { body: { status: 'pending', authorizations: [] } },
        /without a usable order/,
      ],
      'no check of our type': [
        '/authz',
        {
          body: {
            ...{ status: 'pending', identifier: { type: 'dns', value: DOMAIN } },
            challenges: [{ type: 'dns-01', url: 'x', token: 'x', status: 'pending' }],
          },
        },
        /does not check scim\.example\.com by tls-alpn-01/,
      ],
      'no nonce, from a server that is down': [
        '/nonce',
        { status: 503 },
        /refused \(503 network\)/,
      ],
      'a nonce that is never right': ['/order', problem(400, 'badNonce'), /badNonce/],
      'a token that is none': [
        '/authz',
        {
          body: {
            ...{ status: 'pending', identifier: { type: 'dns', value: DOMAIN } },
            challenges: [{ type: 'tls-alpn-01', url: 'x', token: {}, status: 'pending' }],
          },
        },
        /does not check scim\.example\.com by tls-alpn-01/,
      ],
      'an order that fails': [
        '/order/1',
        {
          body: {
            status: 'invalid',
            error: { type: 'urn:ietf:params:acme:error:caa', detail: 'CAA forbids' },
          },
        },
        /CAA forbids/,
      ],
      'a long answer': ['/dir', { body: 'x'.repeat(1_100_000) }, /too long/],
    };
    for (const [title, [path, reply, message]] of Object.entries(odd)) {
      test(`${title} is a sentence for the operator`, async () => {
        directory.replyWith((seen) => (seen.path === path ? reply : undefined));
        await assert.rejects(engine.issue(await orderOf(directory)), (error) => {
          assert.ok(error instanceof Error);
          assert.equal(error.name, 'AcmeError');
          assert.match(error.message, message);
          assert.match(error.message, /[.!?]$/);
          return true;
        });
      });
    }
  });
}

suite('what only the native engine knows', { timeout: 120_000 }, () => {
  let directory: FakeDirectory;
  before(async () => {
    const meta = { profiles: { shortlived: 'Six days' } };
    directory = await startFakeDirectory({ directory: { meta } });
  });
  afterEach(() => directory.replyWith(() => undefined));
  after(() => directory.close());

  test('a profile is asked for only when it is offered', async () => {
    for (const [profile, sent] of [
      ['shortlived', 'shortlived'],
      ['unknown', undefined],
    ]) {
      await nativeEngine.issue({ ...(await orderOf(directory)), ...(profile && { profile }) });
      assert.equal(lastOrder(directory)?.['profile'], sent);
    }
  });

  test('what was replaced already is ordered once more, without saying so', async () => {
    const { chainPem } = await nativeEngine.issue(await orderOf(directory));
    const order = { ...(await orderOf(directory)), replaces: chainPem };
    await nativeEngine.issue(order);
    assert.equal(lastOrder(directory)?.['replaces'], renewalIdOf(chainPem));
    const orders = directory.count('/order');
    directory.replyWith(({ path, payload }) =>
      path === '/order' && payload?.['replaces'] !== undefined
        ? problem(409, 'alreadyReplaced')
        : undefined,
    );
    await nativeEngine.issue(order);
    assert.equal(directory.count('/order'), orders + 2);
    assert.equal(lastOrder(directory)?.['replaces'], undefined);
  });

  test('the renewal window, and an authority that has none', async () => {
    const { chainPem } = await nativeEngine.issue(await orderOf(directory));
    const query = {
      directory: { url: directory.url, caPem: directory.caPem },
      chainPem,
      signal: AbortSignal.timeout(10_000),
    };
    const suggestedWindow = { start: '2030-01-01T00:00:00Z', end: '2030-01-03T00:00:00Z' };
    directory.replyWith(({ path }) =>
      path === `/ari/${renewalIdOf(chainPem)}`
        ? { headers: { 'Retry-After': '21600' }, body: { suggestedWindow } }
        : undefined,
    );
    assert.deepEqual(await nativeEngine.renewalWindow?.(query), {
      startMs: Date.parse(suggestedWindow.start),
      endMs: Date.parse(suggestedWindow.end),
      againMs: 21_600_000,
    });
    const without = await startFakeDirectory({ directory: { renewalInfo: undefined } });
    const own = { url: without.url, caPem: without.caPem };
    assert.equal(await nativeEngine.renewalWindow?.({ ...query, directory: own }), undefined);
    await without.close();
  });
});

function problem(status: number, type: string, retryAfter?: string): Reply {
  return {
    status,
    headers: retryAfter === undefined ? {} : { 'Retry-After': retryAfter },
    body: { type: `urn:ietf:params:acme:error:${type}`, detail: `because of ${type}` },
  };
}

function lastOrder(directory: FakeDirectory): Readonly<Record<string, unknown>> | undefined {
  return directory.seen.findLast(({ path }) => path === '/order')?.payload;
}

async function orderOf({ url, caPem }: FakeDirectory): Promise<CertificateOrder> {
  return {
    directory: { url, caPem },
    accountKeyPem: await newKeyPem(),
    certificateKeyPem: await newKeyPem(),
    domain: DOMAIN,
    solver: { type: 'tls-alpn-01', put: async () => {}, drop: async () => {} },
    signal: AbortSignal.timeout(30_000),
  };
}
