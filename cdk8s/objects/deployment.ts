import * as kplus from 'cdk8s-plus-27';
import { f } from '../lib/functions.ts';
import { block, when } from '../lib/node.ts';
import { type Change, remove, set, spread } from '../lib/overlay.ts';
import type { Component, ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';

/** The user of both images, and of the volumes. */
const USER = 999;

/** kplus has no name for it, and lets any text through. */
const ALL = 'ALL' as kplus.Capability;

const CONTAINER_SECURITY: kplus.ContainerSecurityContextProps = {
  user: USER,
  group: USER,
  capabilities: { drop: [ALL] },
};

/** Pod Security "restricted", with what cdk8s-plus adds of itself taken away. */
export const podDefaults = {
  securityContext: {
    user: USER,
    group: USER,
    fsGroup: USER,
    fsGroupChangePolicy: kplus.FsGroupChangePolicy.ON_ROOT_MISMATCH,
  },
  container: { securityContext: CONTAINER_SECURITY, resources: {} },
} as const;

interface Requests {
  readonly cpu: string;
  readonly memory: string;
  readonly memoryLimit: string;
}
export type Sizes = Readonly<Record<'small' | 'medium' | 'large', Requests>>;

/** A Deployment with `own` laid over it, and then all of the values that both have in common. */
export function deployment(
  chart: ReleaseChart,
  component: Component & ('bridge' | 'redis'),
  container: kplus.ContainerProps,
  sizes: Sizes,
  own: readonly Change[],
): kplus.Deployment {
  const labels = chart.selector(component);
  const made = new kplus.Deployment(chart, `${component}-deployment`, {
    metadata: chart.metadata(component),
    podMetadata: { labels },
    select: false,
    securityContext: podDefaults.securityContext,
    containers: [{ ...podDefaults.container, ...container }],
  });
  made.select(kplus.LabelSelector.of({ labels }));
  const options = values[component];
  const pod = '/spec/template/spec';
  const inner = `${pod}/containers/0`;
  chart.patch(
    made,
    ...own,
    ...restricted(pod, '/spec/template/metadata'),
    remove('/spec/minReadySeconds'),
    remove('/spec/progressDeadlineSeconds'),
    remove(`${pod}/restartPolicy`),
    set('/metadata/annotations', block(options.deploymentAnnotations)),
    spread('/spec/template/metadata/labels', options.podLabels),
    spread('/spec/template/metadata/labels', values.commonLabels),
    set(`${inner}/resources`, block(options.resources, resourcesOf(sizes))),
    spread(`${inner}/env`, options.extraEnv),
    spread(`${inner}/envFrom`, options.extraEnvFrom),
    spread(`${inner}/volumeMounts`, options.extraVolumeMounts),
    spread(`${pod}/volumes`, options.extraVolumes),
    spread(`${pod}/containers`, options.extraContainers),
    set(`${pod}/initContainers`, block(options.initContainers)),
    set(`${pod}/imagePullSecrets`, block(values.imagePullSecrets)),
    set(`${pod}/nodeSelector`, block(options.nodeSelector)),
    set(`${pod}/tolerations`, block(options.tolerations)),
    set(`${pod}/affinity`, block(options.affinity)),
    set(`${pod}/priorityClassName`, when(options.priorityClassName, options.priorityClassName)),
  );
  return made;
}

/** What the constructs can not say of a pod; a label of theirs that nothing selects by, and what is so anyway. */
export function restricted(pod: string, metadata: string): readonly Change[] {
  return [
    set(`${pod}/securityContext/seccompProfile`, { type: 'RuntimeDefault' }),
    // Links would put OP_SCIM_… variables of the Services into the pod.
    set(`${pod}/enableServiceLinks`, false),
    remove(`${metadata}/labels/cdk8s.io~1metadata.addr`),
    remove(`${pod}/hostNetwork`),
    remove(`${pod}/setHostnameAsFQDN`),
  ];
}

function resourcesOf(sizes: Sizes): unknown {
  const of = (field: keyof Requests) => {
    const { small, medium, large } = sizes;
    const names = { small: small[field], medium: medium[field], large: large[field] };
    return f.get(f.dict(names), values.size);
  };
  return {
    requests: { cpu: of('cpu'), memory: of('memory') },
    limits: { memory: of('memoryLimit') },
  };
}
