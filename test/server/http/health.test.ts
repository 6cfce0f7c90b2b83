import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildOf, type Finding, Health } from '#http/health.ts';
import { healthSources } from '#http/health-sources.ts';
import type { Keyring } from '#session/keyring.ts';
import { type StoreBackend, type StoreHealth, StoreUnavailable } from '#store/store.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00.987Z');

test('the report has the form of the vendor’s bridge, and a reason where there is one', async () => {
  const sources = [
    { source: 'SCIMServer', check: (): Finding => ({ state: 'healthy' }) },
    {
      source: 'RedisCache',
      check: async (): Promise<Finding> => ({ state: 'unhealthy', reason: 'It is down.' }),
    },
  ];
  const health = new Health('2.9.16', sources, () => NOW_MS);
  assert.deepEqual(JSON.parse(await health.reportText()), {
    build: '209161',
    version: '2.9.16',
    reports: [
      {
        source: 'SCIMServer',
        time: '2026-03-01T12:00:00Z',
        expires: '2026-03-01T12:10:00Z',
        state: 'healthy',
      },
      {
        source: 'RedisCache',
        time: '2026-03-01T12:00:00Z',
        expires: '2026-03-01T12:10:00Z',
        state: 'unhealthy',
        reason: 'It is down.',
      },
    ],
    retrievedAt: '2026-03-01T12:00:00Z',
  });
});

const builds = {
  '0.1.0': '001001',
  '2.9.16': '209161',
  '1.12.3': '112031',
  '1.0.0-rc.1': '100001',
};
for (const [version, build] of Object.entries(builds)) {
  test(`version ${version} is build ${build}`, () => assert.equal(buildOf(version), build));
}

const SOUND: StoreHealth = { durability: 'durable', warning: undefined, memoryUse: undefined };

function findings(
  health: () => Promise<StoreHealth>,
  keyring: { readonly unlocked: boolean; readonly byFile: boolean },
): Promise<readonly Finding[]> {
  // Only what health sources read is there.
  const backend = { kind: 'redis', health } as StoreBackend;
  const keys = {
    unlocked: keyring.unlocked ? {} : undefined,
    isUnlockedByFile: keyring.byFile,
  } as Keyring;
  return Promise.all(
    healthSources(backend, keys, { problem: undefined, look: async () => undefined }).map(
      ({ check }) => check(),
    ),
  );
}

const storeStates: Readonly<
  Record<string, readonly [() => Promise<StoreHealth>, string, RegExp | undefined]>
> = {
  'a sound store': [async () => SOUND, 'healthy', undefined],
  'a store with a warning': [
    async () => ({ ...SOUND, warning: 'Set appendonly.' }),
    'degraded',
    /^Set appendonly\.$/,
  ],
  'a store that is nearly full': [
    async () => ({ ...SOUND, memoryUse: 0.834 }),
    'degraded',
    /uses 83 % of its memory\. Give it more\.$/,
  ],
  'a store that is nearly full, with a warning': [
    async () => ({ ...SOUND, memoryUse: 0.9, warning: 'Set appendonly.' }),
    'degraded',
    /90 %.*Set appendonly\.$/,
  ],
  'a store that is down': [
    () => Promise.reject(new StoreUnavailable('Redis can not be reached.')),
    'unhealthy',
    /^Redis can not be reached\.$/,
  ],
  'a store that never answers': [() => new Promise(() => {}), 'unhealthy', /does not answer/],
};
for (const [name, [health, state, reason]] of Object.entries(storeStates)) {
  test(`${name} is ${state}`, { timeout: 5_000 }, async () => {
    const [, store] = await findings(health, { unlocked: true, byFile: false });
    assert.equal(store?.state, state);
    if (reason === undefined) assert.equal(store.reason, undefined);
    else assert.match(store.reason ?? '', reason);
  });
}

test('locked, unlocked by a request, unlocked by a file', async () => {
  const states = [
    { unlocked: false, byFile: false },
    { unlocked: true, byFile: false },
    { unlocked: true, byFile: true },
  ].map(async (keyring) => (await findings(async () => SOUND, keyring))[0]);
  const [locked, unlocked, byFile] = await Promise.all(states);
  assert.equal(locked?.state, 'locked');
  assert.match(locked.reason ?? '', /bearer token/);
  assert.deepEqual(unlocked, { state: 'healthy' });
  assert.equal(byFile?.state, 'healthy');
  assert.match(byFile.reason ?? '', /OP_BEARER_TOKEN_FILE/);
});
