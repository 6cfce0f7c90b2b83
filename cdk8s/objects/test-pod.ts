import { ApiObject } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { bridgeImage } from '../helpers.ts';
import { block } from '../lib/node.ts';
import { set } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';
import { podDefaults, restricted } from './deployment.ts';

/** `helm test`: asks for /ping where the probes do. It has no secret. */
export function testPod(chart: ReleaseChart): void {
  const { synthesis } = chart;
  const url = `http://${chart.objectName('bridge-probe')}:8080/ping`;
  const script = `fetch("${url}", { signal: AbortSignal.timeout(10000) }).then((answer) => { console.log(answer.status); process.exit(answer.ok ? 0 : 1); })`;
  const metadata = chart.metadata('test', 'test-ping');
  const made = new kplus.Pod(chart, 'test-ping', {
    metadata: {
      ...metadata,
      annotations: {
        'helm.sh/hook': 'test',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
      },
    },
    restartPolicy: kplus.RestartPolicy.NEVER,
    securityContext: podDefaults.securityContext,
    containers: [
      {
        ...podDefaults.container,
        name: 'ping',
        image: synthesis.string(bridgeImage),
        command: ['node', '-e'],
        args: [script],
      },
    ],
  });
  chart.patch(
    ApiObject.of(made),
    ...restricted('/spec', '/metadata'),
    set('/spec/containers/0/imagePullPolicy', values.image.pullPolicy),
    set('/spec/containers/0/resources', {
      requests: { cpu: '10m', memory: '64Mi' },
      limits: { memory: '128Mi' },
    }),
    set('/spec/imagePullSecrets', block(values.imagePullSecrets)),
    set('/spec/nodeSelector', block(values.bridge.nodeSelector)),
    set('/spec/tolerations', block(values.bridge.tolerations)),
  );
}
