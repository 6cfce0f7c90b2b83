import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knownCases } from './differential.ts';
import { at, listOf, mapOf, podSpecOf } from './pods.ts';
import { defaultRelease, differences, renderPlain } from './render.ts';

const render = (values: object) => renderPlain({ values, release: defaultRelease });
const object = (values: object, id: string) => mapOf(render(values).objects?.get(id));
const BRIDGE = 'apps/v1 Deployment op-scim-bridge';
const REDIS = 'apps/v1 Deployment op-scim-redis';
const CLAIM = 'v1 PersistentVolumeClaim op-scim-redis';

test('a domain changes the ConfigMap and restarts the pods, so kubectl set env can do the same', () => {
  const networkPolicy = { bridgeIngress: { enabled: true }, bridgeEgress: { enabled: true } };
  const before = render({ networkPolicy });
  const after = render({ networkPolicy, config: { tlsDomain: 'scim.example.com' } });
  const places = differences(before, after).map((each) => each.split(': Helm ')[0]);
  assert.deepEqual(places.toSorted(), [
    `${BRIDGE} › spec › template › metadata › annotations › checksum/config`,
    'v1 ConfigMap op-scim-configmap › data › OP_TLS_DOMAIN',
  ]);
});

test('OP_TLS_DOMAIN is in the ConfigMap alone; the pod has a copy under another name', () => {
  const bridge = object({ config: { tlsDomain: 'scim.example.com' } }, BRIDGE);
  const [container] = listOf(podSpecOf(bridge)?.['containers']);
  const names = listOf(container?.['env']).map(({ name }) => name);
  assert.deepEqual(names, ['OP_CHART_TLS_DOMAIN', 'OP_REDIS_PASSWORD']);
});

test('a pod that ends has time to be taken out and to drain, without a command in the image', () => {
  const bridge = object({}, BRIDGE);
  assert.equal(podSpecOf(bridge)?.['terminationGracePeriodSeconds'], 60);
  assert.equal(listOf(podSpecOf(bridge)?.['containers'])[0]?.['lifecycle'], undefined);
  const config = object({}, 'v1 ConfigMap op-scim-configmap');
  assert.equal(at(config, 'data.OP_SHUTDOWN_DELAY'), '10');
});

test('one Redis at a time, whose volume outlives the release', () => {
  const redis = object({}, REDIS);
  assert.equal(at(redis, 'spec.replicas'), 1);
  assert.deepEqual(at(redis, 'spec.strategy'), { type: 'Recreate' });
  const annotations = (values: object) => at(object(values, CLAIM), 'metadata.annotations');
  assert.deepEqual(annotations({}), { 'helm.sh/resource-policy': 'keep' });
  assert.equal(annotations({ redis: { persistence: { keep: false } } }), undefined);
  assert.deepEqual(object({ redis: { persistence: { existingClaim: 'mine' } } }, CLAIM), {});
});

test('both read one password of Redis, which need not be there', () => {
  for (const [id, name] of [
    [BRIDGE, 'OP_REDIS_PASSWORD'],
    [REDIS, 'REDISCLI_AUTH'],
  ] as const) {
    const [container] = listOf(podSpecOf(object({}, id))?.['containers']);
    const variable = listOf(container?.['env']).find((each) => each['name'] === name);
    const key = { name: 'op-scim-redis', key: 'password', optional: true };
    assert.deepEqual(at(variable, 'valueFrom.secretKeyRef'), key);
  }
});

test('a budget for disruptions lets one pod of the bridge go, and says nothing of Redis', () => {
  const values = { podDisruptionBudget: { enabled: true } };
  const budgets = [...(render(values).objects ?? [])].filter(([id]) => id.startsWith('policy/'));
  assert.equal(budgets.length, 1);
  const [[, budget] = []] = budgets;
  assert.equal(at(budget, 'spec.maxUnavailable'), 1);
  assert.equal(
    mapOf(at(budget, 'spec.selector.matchLabels'))['app.kubernetes.io/component'],
    'bridge',
  );
});

for (const [name, { values }] of knownCases()) {
  test(`${name}: no pod has rights in the cluster`, () => {
    const kinds = [...(render(values).objects?.keys() ?? [])].map((id) => id.split(' ')[1]);
    assert.deepEqual(
      kinds.filter((kind) => /Role|Binding/.test(kind ?? '')),
      [],
    );
  });
}
