import { ApiObject } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { set, spread } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';

const { dashboard, prometheusRule, serviceMonitor } = values.monitoring;

/** For the Prometheus operator and for Grafana's sidecar. */
export function monitoring(chart: ReleaseChart): void {
  chart.optional(serviceMonitor.enabled, () => {
    const made = new ApiObject(chart, 'service-monitor', {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: chart.metadata('bridge'),
      spec: { selector: { matchLabels: chart.selector('bridge') } },
    });
    const { existingSecret, key } = serviceMonitor.token;
    const endpoint = {
      port: 'probe',
      path: '/metrics',
      interval: serviceMonitor.interval,
      authorization: { type: 'Bearer', credentials: { name: existingSecret, key } },
    };
    chart.patch(
      made,
      set('/spec/endpoints', [endpoint]),
      spread('/metadata/labels', serviceMonitor.labels),
    );
  });
  chart.optional(prometheusRule.enabled, () => {
    const made = new ApiObject(chart, 'prometheus-rule', {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: chart.metadata('bridge'),
      spec: { groups: [{ name: 'op-scim', rules: alerts() }] },
    });
    chart.patch(made, spread('/metadata/labels', prometheusRule.labels));
  });
  chart.optional(dashboard.enabled, () => {
    const made = new kplus.ConfigMap(chart, 'dashboard', {
      metadata: chart.metadata('bridge', 'dashboard'),
      data: { 'op-scim.json': JSON.stringify(dashboardModel(), null, 2) },
    });
    chart.patch(made, spread('/metadata/labels', dashboard.labels));
  });
}

function alerts(): readonly object[] {
  const alert = (
    name: string,
    expression: string,
    wait: string,
    severity: string,
    text: string,
  ) => ({
    alert: name,
    expr: expression,
    for: wait,
    labels: { severity },
    annotations: { summary: text },
  });
  return [
    alert(
      'OpScimStoreUnavailable',
      'min by (namespace) (op_scim_store_up) == 0',
      '5m',
      'page',
      'The bridge in {{ $labels.namespace }} can not reach its Redis. Nothing is provisioned.',
    ),
    alert(
      'OpScimStoreFull',
      'max by (namespace) (op_scim_store_memory_ratio) > 0.8',
      '5m',
      'page',
      'The Redis of the bridge in {{ $labels.namespace }} has more than four fifths of its memory in use. When it is full, writes get 503: give it a larger maxmemory and memory limit.',
    ),
    alert(
      'OpScimCertificateEnds',
      'min by (namespace) (op_scim_certificate_expiry_seconds / op_scim_certificate_lifetime_seconds) < 0.2',
      '15m',
      'page',
      'The certificate of the bridge in {{ $labels.namespace }} has less than a fifth of its life left. Its log and /monitoring say what keeps the new one away.',
    ),
    alert(
      'OpScimNoCertificate',
      'max by (namespace) (op_scim_certificate_served) == 0',
      '15m',
      'page',
      'The bridge in {{ $labels.namespace }} has a domain and no certificate. Its log and /monitoring say what is wrong.',
    ),
    alert(
      'OpScimLocked',
      'min by (namespace) (op_scim_locked) == 1',
      '1h',
      'ticket',
      'All pods of the bridge in {{ $labels.namespace }} wait for the bearer token. Let the identity provider send a request.',
    ),
    alert(
      'OpScimErrors',
      'sum by (namespace) (rate(op_scim_request_duration_seconds_count{status=~"5.."}[10m])) > 0.05',
      '15m',
      'ticket',
      'The bridge in {{ $labels.namespace }} answers requests with 5xx. Look at its log.',
    ),
  ];
}

function dashboardModel(): object {
  const panel = (id: number, title: string, expr: string, legendFormat: string) => ({
    id,
    title,
    type: 'timeseries',
    datasource: { type: 'prometheus', uid: '$datasource' },
    gridPos: { x: ((id - 1) % 2) * 12, y: Math.floor((id - 1) / 2) * 8, w: 12, h: 8 },
    targets: [{ expr, legendFormat, refId: 'A' }],
  });
  return {
    uid: 'op-scim',
    title: 'op-scim',
    schemaVersion: 39,
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
    panels: [
      panel(
        1,
        'Requests a second',
        'sum by (status) (rate(op_scim_request_duration_seconds_count[5m]))',
        '__auto',
      ),
      panel(
        2,
        'Seconds for 99 of 100 requests',
        'histogram_quantile(0.99, sum by (le) (rate(op_scim_request_duration_seconds_bucket[5m])))',
        'p99',
      ),
      panel(3, 'Locked pods', 'sum(op_scim_locked)', 'locked'),
      panel(4, 'Store answers', 'min(op_scim_store_up)', 'up'),
      panel(
        5,
        'Days until the certificate ends',
        'min(op_scim_certificate_expiry_seconds) / 86400',
        'days',
      ),
      panel(6, 'Failed orders', 'sum(increase(op_scim_certificate_failures_total[1d]))', 'a day'),
    ],
  };
}
