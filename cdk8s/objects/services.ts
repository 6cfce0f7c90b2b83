import * as kplus from 'cdk8s-plus-27';
import { fullname } from '../helpers.ts';
import { item } from '../lib/expression.ts';
import { f, text } from '../lib/functions.ts';
import { block, each, when } from '../lib/node.ts';
import { remove, set } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';

const { ingress, service } = values;

/** How the bridge is reached: from outside, by Prometheus and the test, and through an Ingress. */
export function services(chart: ReleaseChart): void {
  publicService(chart);
  const probe = new kplus.Service(chart, 'probe-service', {
    metadata: chart.metadata('bridge', 'bridge-probe'),
    type: kplus.ServiceType.CLUSTER_IP,
    selector: chart.pods('bridge', chart, 'probe-pods'),
    ports: [{ name: 'probe', port: 8080, targetPort: 8080, protocol: kplus.Protocol.TCP }],
  });
  chart.patch(probe, remove('/spec/externalIPs'), set('/spec/ports/0/targetPort', 'probe'));
  chart.optional(ingress.enabled, () => makeIngress(chart));
}

function publicService(chart: ReleaseChart): void {
  const { synthesis } = chart;
  const port = synthesis.number(service.port);
  const made = new kplus.Service(chart, 'bridge-service', {
    metadata: chart.metadata('bridge'),
    selector: chart.pods('bridge', chart),
    ports: [{ name: 'https', port, targetPort: port, protocol: kplus.Protocol.TCP }],
  });
  const plainHttp = {
    name: 'http',
    port: service.http.port,
    targetPort: 'http',
    protocol: kplus.Protocol.TCP,
  };
  const isLoadBalancer = f.eq(service.type, 'LoadBalancer');
  const text = (value: typeof service.loadBalancerClass) => when(value, value);
  chart.patch(
    made,
    remove('/spec/externalIPs'),
    set('/spec/type', service.type),
    set('/metadata/annotations', block(service.annotations)),
    // The target is a name that is there with and without TLS.
    set('/spec/ports/0/targetPort', 'https'),
    set('/spec/ports/0/nodePort', when(service.nodePort, service.nodePort)),
    set('/spec/ports/-', when(service.http.enabled, plainHttp)),
    set('/spec/loadBalancerClass', text(service.loadBalancerClass)),
    set(
      '/spec/loadBalancerSourceRanges',
      when(isLoadBalancer, block(service.loadBalancerSourceRanges)),
    ),
    set('/spec/externalTrafficPolicy', text(service.externalTrafficPolicy)),
    set('/spec/ipFamilyPolicy', text(service.ipFamilyPolicy)),
  );
}

function makeIngress(chart: ReleaseChart): void {
  const made = new kplus.k8s.KubeIngress(chart, 'ingress', {
    metadata: chart.metadata('bridge'),
    spec: {},
  });
  const backend = { service: { name: text`${fullname}-bridge`, port: { name: 'http' } } };
  const host = each(ingress.hosts, 'host', {
    host: item('string', 'host', 'host'),
    http: { paths: [{ path: item('string', 'host', 'path'), pathType: 'Prefix', backend }] },
  });
  chart.patch(
    made,
    set('/metadata/annotations', block(ingress.annotations)),
    set('/spec/ingressClassName', when(ingress.className, ingress.className)),
    set('/spec/rules', [host]),
    set('/spec/tls', block(ingress.tls)),
  );
}
