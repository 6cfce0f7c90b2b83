import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, listOf, mapOf } from './pods.ts';
import { defaultRelease, renderPlain } from './render.ts';

const policy = (values: object, name: string) => {
  const { objects, refusal } = renderPlain({ values, release: defaultRelease });
  assert.equal(refusal, undefined);
  return objects?.get(`networking.k8s.io/v1 NetworkPolicy ${name}`);
};

const labels = (component: string) => ({
  'app.kubernetes.io/component': component,
  'app.kubernetes.io/instance': 'op-scim',
  'app.kubernetes.io/name': 'op-scim',
});
const podsOf = (component: string) => [{ podSelector: { matchLabels: labels(component) } }];
const tcp = (port: unknown) => ({ port, protocol: 'TCP' });

test('only the bridge reaches Redis, unless that is turned off', () => {
  const spec = mapOf(at(policy({}, 'op-scim-redis'), 'spec'));
  assert.deepEqual(at(spec, 'podSelector.matchLabels'), labels('redis'));
  assert.deepEqual(spec['policyTypes'], ['Ingress']);
  assert.deepEqual(spec['ingress'], [{ from: podsOf('bridge'), ports: [tcp(6379)] }]);
  assert.equal(policy({ networkPolicy: { redis: false } }, 'op-scim-redis'), undefined);
  const external = { redis: { enabled: false, external: { host: 'redis.example' } } };
  assert.equal(policy(external, 'op-scim-redis'), undefined);
});

test('the bridge is open to everyone, or to whom the values name; the test pod always gets through', () => {
  assert.equal(policy({}, 'op-scim-bridge-ingress'), undefined);
  const ingress = (more: object) =>
    at(
      policy(
        { networkPolicy: { bridgeIngress: { enabled: true, ...more } } },
        'op-scim-bridge-ingress',
      ),
      'spec.ingress',
    );
  const open = [{ ports: [tcp('http'), tcp('https')] }, { ports: [tcp('probe')] }];
  assert.deepEqual(ingress({}), open);
  const from = [{ ipBlock: { cidr: '203.0.113.0/24' } }];
  const probeFrom = [{ namespaceSelector: { matchLabels: { team: 'prometheus' } } }];
  assert.deepEqual(ingress({ from, probeFrom }), [
    { from, ports: [tcp('http'), tcp('https')] },
    { from: probeFrom, ports: [tcp('probe')] },
    { from: podsOf('test'), ports: [tcp('probe')] },
  ]);
});

test('the bridge reaches DNS, port 443 and its Redis alone', () => {
  assert.equal(policy({}, 'op-scim-bridge-egress'), undefined);
  const bridgeEgress = { enabled: true, redisPort: 10_000, extra: [{ ports: [tcp(25)] }] };
  const egress = (values: object) =>
    listOf(
      at(
        policy({ networkPolicy: { bridgeEgress }, ...values }, 'op-scim-bridge-egress'),
        'spec.egress',
      ),
    );
  const world = [{ ports: [{ port: 53, protocol: 'UDP' }, tcp(53)] }, { ports: [tcp(443)] }];
  const [more] = bridgeEgress.extra;
  assert.deepEqual(egress({}), [...world, { ports: [tcp(6379)], to: podsOf('redis') }, more]);
  const external = { redis: { enabled: false, external: { host: 'redis.example' } } };
  assert.deepEqual(egress(external), [...world, { ports: [tcp(10_000)] }, more]);
});
