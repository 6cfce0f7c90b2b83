/** One kind of object that the API serves. */
export interface Resource {
  readonly groupVersion: string;
  readonly name: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
  readonly shortNames: readonly string[];
  /** Name of the type in the official client; undefined for custom resources, whose fields are free. */
  readonly type: string | undefined;
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const resource = (
  groupVersion: string,
  name: string,
  kind: string,
  options: Partial<Pick<Resource, 'isNamespaced' | 'shortNames' | 'type'>> = {},
): Resource => ({
  groupVersion,
  name,
  kind,
  isNamespaced: true,
  shortNames: [],
  type: `V1${kind}`,
  ...options,
});

export const RESOURCES: readonly Resource[] = [
  resource('v1', 'namespaces', 'Namespace', { isNamespaced: false, shortNames: ['ns'] }),
  resource('v1', 'pods', 'Pod', { shortNames: ['po'] }),
  resource('v1', 'services', 'Service', { shortNames: ['svc'] }),
  resource('v1', 'secrets', 'Secret'),
  resource('v1', 'configmaps', 'ConfigMap', { shortNames: ['cm'] }),
  resource('v1', 'serviceaccounts', 'ServiceAccount', { shortNames: ['sa'] }),
  resource('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', { shortNames: ['pvc'] }),
  resource('v1', 'replicationcontrollers', 'ReplicationController'),
  resource('v1', 'events', 'Event', { type: 'CoreV1Event' }),
  resource('apps/v1', 'deployments', 'Deployment', { shortNames: ['deploy'] }),
  resource('apps/v1', 'replicasets', 'ReplicaSet', { shortNames: ['rs'] }),
  resource('apps/v1', 'statefulsets', 'StatefulSet', { shortNames: ['sts'] }),
  resource('apps/v1', 'daemonsets', 'DaemonSet', { shortNames: ['ds'] }),
  resource('batch/v1', 'jobs', 'Job'),
  resource('batch/v1', 'cronjobs', 'CronJob', { shortNames: ['cj'] }),
  resource('networking.k8s.io/v1', 'ingresses', 'Ingress', { shortNames: ['ing'] }),
  resource('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', { shortNames: ['netpol'] }),
  resource('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', { shortNames: ['pdb'] }),
  resource('autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', {
    shortNames: ['hpa'],
    type: 'V2HorizontalPodAutoscaler',
  }),
  resource('monitoring.coreos.com/v1', 'servicemonitors', 'ServiceMonitor', { type: undefined }),
  resource('monitoring.coreos.com/v1', 'podmonitors', 'PodMonitor', { type: undefined }),
  resource('monitoring.coreos.com/v1', 'prometheusrules', 'PrometheusRule', { type: undefined }),
  resource('secrets-store.csi.x-k8s.io/v1', 'secretproviderclasses', 'SecretProviderClass', {
    type: undefined,
  }),
];

/** Answers of the discovery paths, by path. */
export function discovery(): ReadonlyMap<string, object> {
  const versions = [...new Set(RESOURCES.map(({ groupVersion }) => groupVersion))];
  const groups = versions
    .filter((each) => each !== 'v1')
    .map((groupVersion) => {
      const [name, version] = groupVersion.split('/');
      const described = { groupVersion, version };
      return { name, versions: [described], preferredVersion: described };
    });
  const lists = versions.map((groupVersion): [string, object] => [
    groupVersion === 'v1' ? '/api/v1' : `/apis/${groupVersion}`,
    {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion,
      resources: RESOURCES.filter((each) => each.groupVersion === groupVersion).map(
        ({ name, kind, isNamespaced, shortNames }) => ({
          name,
          singularName: kind.toLowerCase(),
          namespaced: isNamespaced,
          kind,
          verbs: VERBS,
          shortNames,
        }),
      ),
    },
  ]);
  return new Map<string, object>([
    ['/version', { major: '1', minor: '35', gitVersion: 'v1.35.0' }],
    ['/api', { kind: 'APIVersions', versions: ['v1'] }],
    ['/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups }],
    ...lists,
  ]);
}
