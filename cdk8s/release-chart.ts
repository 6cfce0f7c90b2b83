import * as kplus from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { chartLabel, fullname, name } from './helpers.ts';
import { HelmChart } from './lib/chart.ts';
import { chart, release } from './lib/expression.ts';
import { spread } from './lib/overlay.ts';
import { rules } from './rules.ts';
import { values } from './values.ts';

export type Component = 'bridge' | 'redis' | 'test';

/** Names, labels and selectors that all objects of one release have in common. */
export class ReleaseChart extends HelmChart {
  checkRules(): void {
    for (const { wrong, message } of rules) this.refuse(wrong, message);
  }

  /** `op-scim-bridge`, and `op-scim-bridge-probe` with an ending. */
  objectName(suffix: string): string {
    return `${this.synthesis.string(fullname)}-${suffix}`;
  }

  metadata(component: Component, suffix: string = component) {
    const { synthesis } = this;
    const labels = {
      ...this.selector(component),
      'app.kubernetes.io/version': synthesis.string(chart.appVersion),
      'app.kubernetes.io/managed-by': synthesis.string(release.service),
      'helm.sh/chart': synthesis.string(chartLabel),
    };
    return { name: this.objectName(suffix), labels };
  }

  /** A Deployment keeps its selector for ever: nothing that changes between versions is in here. */
  selector(component: Component): Record<string, string> {
    return {
      'app.kubernetes.io/name': this.synthesis.string(name),
      'app.kubernetes.io/instance': this.synthesis.string(release.name),
      'app.kubernetes.io/component': component,
    };
  }

  pods(component: Component, scope: Construct, id = `${component}-pods`): kplus.Pods {
    return kplus.Pods.select(scope, id, { labels: this.selector(component) });
  }

  labelAll(): void {
    for (const object of this.objects) {
      this.patch(object, spread('/metadata/labels', values.commonLabels));
    }
  }
}
