import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';

const GROUPS: Readonly<Record<string, object>> = {
  v1: core,
  'apps/v1': apps,
  'autoscaling/v2': autoscaling,
  'batch/v1': batch,
  'networking.k8s.io/v1': networking,
  'policy/v1': policy,
};

/** Fields of the wrong type or out of their range, by the schemas of Kubernetes. Not unknown ones. */
export function wrongTypes(object: Readonly<Record<string, unknown>>): readonly string[] {
  const { apiVersion, kind } = object;
  const Model: unknown = Reflect.get(GROUPS[String(apiVersion)] ?? {}, String(kind));
  if (typeof Model !== 'function') return []; // A kind that is not of Kubernetes itself.
  try {
    Reflect.construct(Model, [object]).validate();
    return [];
  } catch (thrown) {
    return [`${kind}: ${String(thrown)}`];
  }
}
