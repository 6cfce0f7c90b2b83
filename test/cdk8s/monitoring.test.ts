import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '#http/metrics.ts';
import type { Keyring } from '#session/keyring.ts';
import type { StoreBackend } from '#store/store.ts';
import { at, listOf, mapOf } from './pods.ts';
import { defaultRelease, renderPlain } from './render.ts';

const enabled = { enabled: true };
const { objects } = renderPlain({
  values: { monitoring: { serviceMonitor: enabled, prometheusRule: enabled, dashboard: enabled } },
  release: defaultRelease,
});
const object = (id: string) => mapOf(objects?.get(id));

/** What the server answers at /metrics, by family with the names of its labels. */
async function families(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const health = { durability: 'durable', warning: undefined, memoryUse: undefined };
  // Only what metrics read is there.
  const backend = { kind: 'redis', health: async () => health } as unknown as StoreBackend;
  const metrics = createMetrics(backend, { unlocked: undefined } as Keyring, {
    status: () => ({ failures: 1, certificate: undefined, renewAtMs: undefined }) as never,
  });
  metrics.requests.count('GET', '/Users/{id}', 200, 3);
  const found = new Map<string, Set<string>>();
  for (const line of (await metrics.text()).split('\n')) {
    const family = /^# TYPE (\S+)/.exec(line)?.[1];
    if (family !== undefined) found.set(family, found.get(family) ?? new Set());
    const [, name = '', labels = ''] = /^([a-z_]\w*)\{(.*)\}/.exec(line) ?? [];
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
    if (name !== '') found.set(name, new Set(names));
  }
  return found;
}

const rule = object('monitoring.coreos.com/v1 PrometheusRule op-scim-bridge');
const alerts = listOf(at(rule, 'spec.groups')).flatMap((group) => listOf(group['rules']));
const dashboard: unknown = JSON.parse(
  String(mapOf(object('v1 ConfigMap op-scim-dashboard')['data'])['op-scim.json']),
);
const panels = listOf(at(dashboard, 'panels'));
const expressions = [
  ...alerts.map(({ expr }) => String(expr)),
  ...panels.flatMap(({ targets }) => listOf(targets).map(({ expr }) => String(expr))),
];

test('alerts and panels ask for metrics and labels that the bridge has', async () => {
  const known = await families();
  assert.ok(expressions.length > 8);
  for (const expression of expressions) {
    const names = expression.match(/\bop_scim_\w+/g) ?? [];
    assert.ok(names.length > 0, expression);
    for (const name of names) {
      const family = name.replace(/_(?:bucket|count|sum)$/, '');
      assert.ok(known.has(name) || known.has(family), `${name}: the bridge has no such metric`);
    }
  }
  const labels = expressions.flatMap((expression) =>
    [...expression.matchAll(/(\w+)=~?"/g)].map(([, label = '']) => label),
  );
  const ofRequests = known.get('op_scim_request_duration_seconds_count');
  assert.ok(labels.length > 0 && labels.every((label) => ofRequests?.has(label)), `${labels}`);
});

test('each alert says who has to act, and what about', () => {
  for (const alert of alerts) {
    assert.match(String(at(alert, 'labels.severity')), /^(?:page|ticket)$/);
    assert.match(String(at(alert, 'annotations.summary')), /\{\{ \$labels\.namespace \}\}.*\. /);
    assert.match(String(alert['for']), /^\d+[mh]$/);
  }
  const pages = alerts.filter((alert) => at(alert, 'labels.severity') === 'page');
  assert.deepEqual(
    pages.map(({ alert }) => alert),
    ['OpScimStoreUnavailable', 'OpScimStoreFull', 'OpScimCertificateEnds', 'OpScimNoCertificate'],
  );
});

test('Prometheus reads each pod once, by the Service that has the port', () => {
  const monitor = object('monitoring.coreos.com/v1 ServiceMonitor op-scim-bridge');
  const wanted = Object.entries(mapOf(at(monitor, 'spec.selector.matchLabels')));
  const [endpoint] = listOf(at(monitor, 'spec.endpoints'));
  const services = [...(objects?.values() ?? [])].map(mapOf).filter((each) => {
    const labels = mapOf(at(each, 'metadata.labels'));
    const ports = listOf(at(each, 'spec.ports'));
    const isChosen = wanted.every(([key, value]) => labels[key] === value);
    return (
      each['kind'] === 'Service' &&
      isChosen &&
      ports.some(({ name }) => name === endpoint?.['port'])
    );
  });
  assert.deepEqual(
    services.map((each) => at(each, 'metadata.name')),
    ['op-scim-bridge-probe'],
  );
});
