import * as client from '@kubernetes/client-node';
import { isMap } from '../../cdk8s/lib/expression.ts';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/** Kinds of our objects and the client's names for them. */
const TYPES: Readonly<Record<string, string>> = {
  'v1 ConfigMap': 'V1ConfigMap',
  'v1 PersistentVolumeClaim': 'V1PersistentVolumeClaim',
  'v1 Pod': 'V1Pod',
  'v1 Secret': 'V1Secret',
  'v1 Service': 'V1Service',
  'v1 ServiceAccount': 'V1ServiceAccount',
  'apps/v1 Deployment': 'V1Deployment',
  'batch/v1 CronJob': 'V1CronJob',
  'batch/v1 Job': 'V1Job',
  'autoscaling/v2 HorizontalPodAutoscaler': 'V2HorizontalPodAutoscaler',
  'networking.k8s.io/v1 Ingress': 'V1Ingress',
  'networking.k8s.io/v1 NetworkPolicy': 'V1NetworkPolicy',
  'policy/v1 PodDisruptionBudget': 'V1PodDisruptionBudget',
};
/** Their definitions are in no client. */
const CUSTOM = ['ServiceMonitor', 'PrometheusRule', 'SecretProviderClass'];

/** Fields that Kubernetes does not know, which it drops in silence or refuses. */
export function unknownFields(object: Readonly<Record<string, unknown>>): readonly string[] {
  const { apiVersion, kind } = object;
  if (CUSTOM.includes(String(kind))) return [];
  const type = TYPES[`${apiVersion} ${kind}`];
  return type === undefined ? [`${apiVersion} ${kind}: unknown kind`] : unknownIn(object, type, '');
}

function unknownIn(value: unknown, type: string, path: string): readonly string[] {
  const inner = /^Array<(.*)>$/.exec(type)?.[1];
  if (inner !== undefined) {
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    return items.flatMap((each, index) => unknownIn(each, inner, `${path}/${index}`));
  }
  const attributes = attributesOf(type);
  if (attributes === undefined || !isMap(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    const known = attributes.find(({ baseName }) => baseName === name);
    const here = `${path}/${name}`;
    return known === undefined
      ? [`${here}: unknown field of ${type}`]
      : unknownIn(each, known.type, here);
  });
}

function attributesOf(type: string): readonly Attribute[] | undefined {
  const model: unknown = Reflect.get(client, type);
  if (typeof model !== 'function' || !('getAttributeTypeMap' in model)) return undefined;
  const { getAttributeTypeMap } = model;
  return typeof getAttributeTypeMap === 'function' ? getAttributeTypeMap.call(model) : undefined;
}
