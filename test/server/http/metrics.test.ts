import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '#http/metrics.ts';
import type { Keyring } from '#session/keyring.ts';
import { type StoreBackend, type StoreHealth, StoreUnavailable } from '#store/store.ts';

const SOUND: StoreHealth = { durability: 'durable', warning: undefined, memoryUse: undefined };

function metricsOf(health: () => Promise<StoreHealth>, isUnlocked = true) {
  // Only what metrics read is there.
  const backend = { kind: 'redis', health } as StoreBackend;
  return createMetrics(backend, { unlocked: isUnlocked ? {} : undefined } as Keyring);
}

test('the text is what Prometheus takes: each family once, declared before its samples', async () => {
  const metrics = metricsOf(async () => SOUND);
  metrics.requests.count('GET', '/Users/{id}', 200, 3);
  assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  const text = await metrics.text();
  assert.ok(text.endsWith('\n'));
  const declared = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, family = '', type = ''] =
      /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
    if (family !== '') {
      assert.ok(!declared.has(family), `${family} is declared twice`);
      declared.set(family, type);
    }
    if (line === '' || line.startsWith('#')) continue;
    const match =
      /^([a-z_:][\w:]*)(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (?:[-+.\de]+|NaN|[+-]Inf)$/i.exec(
        line,
      );
    assert.ok(match, `no sample: ${line}`);
    const name = match[1] ?? '';
    const isDeclared =
      declared.has(name) || declared.has(name.replace(/_(?:bucket|sum|count)$/, ''));
    assert.ok(isDeclared, `${name} is not declared`);
  }
  for (const family of ['op_scim_locked', 'op_scim_store_up', 'process_cpu_seconds_total']) {
    assert.ok(declared.has(family), family);
  }
  assert.equal(declared.get('op_scim_request_duration_seconds'), 'histogram');
  assert.match(text, /^op_scim_request_duration_seconds_count\{.*route="\/Users\/\{id\}".*\} 1$/m);
});

test('locked or not', async () => {
  assert.match(await metricsOf(async () => SOUND).text(), /^op_scim_locked 0$/m);
  assert.match(await metricsOf(async () => SOUND, false).text(), /^op_scim_locked 1$/m);
});

const stores = {
  'that answers': [async () => SOUND, 1],
  'that is down': [() => Promise.reject(new StoreUnavailable('Redis can not be reached.')), 0],
  'that never answers': [() => new Promise<StoreHealth>(() => {}), 0],
} as const;
for (const [name, [health, up]] of Object.entries(stores)) {
  test(`a store ${name} shows ${up}, before a scrape gives up`, { timeout: 5_000 }, async () => {
    assert.match(await metricsOf(health).text(), new RegExp(`^op_scim_store_up ${up}$`, 'm'));
  });
}

test('durability and memory of the store have samples where they are known', async () => {
  const full = await metricsOf(async () => ({ ...SOUND, memoryUse: 0.75 })).text();
  assert.match(full, /^op_scim_store_durable 1$/m);
  assert.match(full, /^op_scim_store_memory_ratio 0\.75$/m);
  const metrics = metricsOf(async () => ({ ...SOUND, durability: 'may-lose-seconds' }));
  assert.match(await metrics.text(), /^op_scim_store_durable 0$/m);
  assert.doesNotMatch(await metrics.text(), /^op_scim_store_memory_ratio \d/m);
  const away = metricsOf(() => Promise.reject(new StoreUnavailable('Redis can not be reached.')));
  assert.doesNotMatch(await away.text(), /^op_scim_store_(?:durable|memory_ratio) \d/m);
});
