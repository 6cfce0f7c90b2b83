import { isMap } from '../../cdk8s/lib/expression.ts';

type Map = Readonly<Record<string, unknown>>;

export const mapOf = (value: unknown): Map => (isMap(value) ? value : {});
export const listOf = (value: unknown): readonly Map[] =>
  Array.isArray(value) ? value.map(mapOf) : [];

/** What is at a path such as `spec.template.spec`. */
export function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => mapOf(value)[key], object);
}

/** The pod's spec of a Pod or of what makes pods. */
export function podSpecOf(object: unknown): Map | undefined {
  const paths: Readonly<Record<string, string>> = {
    CronJob: 'spec.jobTemplate.spec.template.spec',
    Deployment: 'spec.template.spec',
    Job: 'spec.template.spec',
    Pod: 'spec',
  };
  const path = paths[String(mapOf(object)['kind'])];
  return path === undefined ? undefined : mapOf(at(object, path));
}

/** Against the Pod Security Standard "restricted" of Kubernetes 1.25 and later. */
export function podSecurityMistakes(pod: Map): readonly string[] {
  const mistakes = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => pod[name] === true);
  const ofPod = mapOf(pod['securityContext']);
  for (const container of [...listOf(pod['containers']), ...listOf(pod['initContainers'])]) {
    const own = mapOf(container['securityContext']);
    const { add, drop } = mapOf(own['capabilities']);
    const wants: readonly (readonly [string, boolean])[] = [
      ['allowPrivilegeEscalation: false', own['allowPrivilegeEscalation'] === false],
      ['not privileged', own['privileged'] !== true],
      ['capabilities: drop ALL', Array.isArray(drop) && drop.includes('ALL')],
      ['capabilities: add none', add === undefined],
      ['runAsNonRoot: true', (own['runAsNonRoot'] ?? ofPod['runAsNonRoot']) === true],
      ['runAsUser is not 0', (own['runAsUser'] ?? ofPod['runAsUser']) !== 0],
      ['seccompProfile', at(ofPod, 'seccompProfile.type') === 'RuntimeDefault'],
      ['no hostPort', listOf(container['ports']).every(({ hostPort }) => hostPort === undefined)],
    ];
    const missing = wants
      .filter(([, isSo]) => !isSo)
      .map(([want]) => `${container['name']}: ${want}`);
    mistakes.push(...missing);
  }
  const allowed = [
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
  ];
  const kinds = listOf(pod['volumes']).flatMap((volume) =>
    Object.keys(volume).filter((key) => key !== 'name'),
  );
  const others = kinds.filter((kind) => ![...allowed, 'projected', 'secret'].includes(kind));
  return [...mistakes, ...others.map((kind) => `volume of kind ${kind}`)];
}
