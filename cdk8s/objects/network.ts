import * as kplus from 'cdk8s-plus-27';
import { f } from '../lib/functions.ts';
import { block, when } from '../lib/node.ts';
import { set, spread } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';

const { networkPolicy: policy } = values;

/** Who may speak to whom. Ports go by their names, so that they hold whatever the numbers are. */
export function networkPolicies(chart: ReleaseChart): void {
  chart.optional(f.and(policy.redis, values.redis.enabled), () => {
    new kplus.NetworkPolicy(chart, 'redis-network-policy', {
      metadata: chart.metadata('redis'),
      selector: chart.pods('redis', chart, 'guarded-redis'),
      ingress: {
        rules: [
          {
            peer: chart.pods('bridge', chart, 'redis-client'),
            ports: [kplus.NetworkPolicyPort.tcp(6379)],
          },
        ],
      },
    });
  });
  chart.optional(policy.bridgeIngress.enabled, () => ingressPolicy(chart));
  chart.optional(policy.bridgeEgress.enabled, () => egressPolicy(chart));
}

function ingressPolicy(chart: ReleaseChart): void {
  const made = bridgePolicy(chart, 'ingress');
  const { from, probeFrom } = policy.bridgeIngress;
  const tcp = (port: string) => ({ port, protocol: 'TCP' });
  const test = { podSelector: { matchLabels: chart.selector('test') } };
  chart.patch(
    made,
    set('/spec/policyTypes', ['Ingress']),
    set('/spec/ingress', [
      { ports: [tcp('http'), tcp('https')], from: block(from) },
      { ports: [tcp('probe')], from: block(probeFrom) },
      when(probeFrom, { ports: [tcp('probe')], from: [test] }),
    ]),
  );
}

function egressPolicy(chart: ReleaseChart): void {
  const made = bridgePolicy(chart, 'egress');
  const { extra, redisPort } = policy.bridgeEgress;
  const port = (number: unknown, protocol: string) => ({ port: number, protocol });
  const redis = { podSelector: { matchLabels: chart.selector('redis') } };
  chart.patch(
    made,
    set('/spec/policyTypes', ['Egress']),
    set('/spec/egress', [
      { ports: [port(53, 'UDP'), port(53, 'TCP')] },
      { ports: [port(443, 'TCP')] },
      when(
        values.redis.enabled,
        { ports: [port(6379, 'TCP')], to: [redis] },
        { ports: [port(redisPort, 'TCP')] },
      ),
    ]),
    spread('/spec/egress', extra),
  );
}

function bridgePolicy(chart: ReleaseChart, direction: string) {
  return new kplus.k8s.KubeNetworkPolicy(chart, `bridge-${direction}-network-policy`, {
    metadata: chart.metadata('bridge', `bridge-${direction}`),
    spec: { podSelector: { matchLabels: chart.selector('bridge') } },
  });
}
