import * as kplus from 'cdk8s-plus-27';
import { set } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';

const { autoscaling, podDisruptionBudget } = values;

/** How many pods of the bridge there are, and how many may go at a time. */
export function scaling(chart: ReleaseChart, bridge: kplus.Deployment): void {
  const { synthesis } = chart;
  chart.optional(autoscaling.enabled, () => {
    const cpu = synthesis.number(autoscaling.targetCpuPercent);
    new kplus.HorizontalPodAutoscaler(chart, 'autoscaler', {
      metadata: chart.metadata('bridge'),
      target: bridge,
      minReplicas: synthesis.number(autoscaling.minReplicas),
      maxReplicas: synthesis.number(autoscaling.maxReplicas),
      metrics: [kplus.Metric.resourceCpu(kplus.MetricTarget.averageUtilization(cpu))],
    });
  });
  chart.optional(podDisruptionBudget.enabled, () => {
    const made = new kplus.k8s.KubePodDisruptionBudget(chart, 'disruption-budget', {
      metadata: chart.metadata('bridge'),
      spec: { selector: { matchLabels: chart.selector('bridge') } },
    });
    chart.patch(made, set('/spec/maxUnavailable', podDisruptionBudget.maxUnavailable));
  });
}
