import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, listOf, mapOf, podSpecOf } from './pods.ts';
import { defaultRelease, renderPlain } from './render.ts';

const UNITS: Readonly<Record<string, number>> = {
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  mb: 1024 ** 2,
  gb: 1024 ** 3,
};

function bytes(quantity: unknown): number {
  const [, number = '', unit = ''] = /^(\d+)([A-Za-z]{2})$/.exec(String(quantity)) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.NaN);
}

const cores = (quantity: unknown) =>
  String(quantity).endsWith('m') ? Number.parseInt(String(quantity), 10) / 1000 : Number(quantity);

function containers(values: object) {
  const { objects, refusal } = renderPlain({ values, release: defaultRelease });
  assert.equal(refusal, undefined);
  const of = (name: string) =>
    mapOf(listOf(podSpecOf(objects?.get(`apps/v1 Deployment ${name}`))?.['containers'])[0]);
  return { bridge: of('op-scim-bridge'), redis: of('op-scim-redis') };
}

function maxmemoryOf(redis: unknown): unknown {
  const args = mapOf(redis)['args'];
  return Array.isArray(args) ? args[args.indexOf('--maxmemory') + 1] : undefined;
}

/** Requests of the bridge by the number of people, as the vendor's guide has them. */
const rows = [
  ['small', 'less than 1,000', '125m', '512Mi', '256mb'],
  ['medium', '1,000 to 5,000', '500m', '1Gi', '256mb'],
  ['large', 'more than 5,000', '1', '1Gi', '1gb'],
] as const;

for (const [size, people, cpu, memoryLimit, maxmemory] of rows) {
  test(`size ${size}, for ${people} people: ${cpu} and ${memoryLimit}, Redis with ${maxmemory}`, () => {
    const { bridge, redis } = containers({ size });
    assert.equal(at(bridge, 'resources.requests.cpu'), cpu);
    assert.equal(at(bridge, 'resources.limits.memory'), memoryLimit);
    assert.equal(maxmemoryOf(redis), maxmemory);
    const share = bytes(maxmemory) / bytes(at(redis, 'resources.limits.memory'));
    assert.ok(share <= 0.6, `the data is ${share} of the limit: no room for the fork`);
    for (const each of [bridge, redis]) {
      const [wanted, limit] = ['requests', 'limits'].map((which) =>
        bytes(at(each, `resources.${which}.memory`)),
      );
      assert.ok((wanted ?? Number.NaN) <= (limit ?? Number.NaN));
    }
  });
}

test('own resources and maxmemory win over the size', () => {
  const own = { requests: { cpu: '2', memory: '2Gi' } };
  const { bridge, redis } = containers({
    bridge: { resources: own },
    redis: { maxmemory: '100mb' },
  });
  assert.deepEqual(bridge['resources'], own);
  assert.equal(maxmemoryOf(redis), '100mb');
});

test('the defaults fit one of two nodes of 2 vCPU and 4 GiB, and so does the pod of an update', () => {
  const { bridge, redis } = containers({});
  // What AKS leaves of such a node: docs/aks.md.
  const node = { cpu: 1.9 - 0.75, memory: 2.9 * 1024 ** 3 - 1024 ** 3 };
  const sum = (of: (quantity: unknown) => number, name: string) =>
    2 * of(at(bridge, `resources.requests.${name}`)) + of(at(redis, `resources.requests.${name}`));
  assert.ok(sum(cores, 'cpu') < node.cpu);
  assert.ok(sum(bytes, 'memory') < node.memory);
});
