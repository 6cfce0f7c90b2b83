import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type {
  V1ConfigMap,
  V1Container,
  V1Deployment,
  V1EnvVar,
  V1Probe,
  V1Secret,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node';

/** What a node of a cluster needs to know to run the pods of the manifests. */
export interface Node {
  /** Files of volumes go below here; claims below `claims`, which outlives pods. */
  readonly folder: string;
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Texts by key. */
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

export interface ContainerPlan {
  readonly image: string;
  /** Options of `podman run`, before the image. */
  readonly options: readonly string[];
  /** What comes after the image. */
  readonly command: readonly string[];
}

/**
 * What a kubelet makes of the one container of a Deployment, as options of `podman run`. A field that is not known here
 * is an error: it would be left out in silence, and the test would run something else.
 */
export function planContainer(
  node: Node,
  deployment: V1Deployment,
  podName: string,
): ContainerPlan {
  const pod = deployment.spec?.template.spec;
  assert.ok(pod);
  known('pod', pod, POD_FIELDS);
  assert.equal(pod.containers.length, 1);
  assert.equal(pod.initContainers ?? undefined, undefined);
  const [container] = pod.containers;
  assert.ok(container?.image);
  known('container', container, CONTAINER_FIELDS);
  const security = { ...pod.securityContext, ...container.securityContext };
  known('securityContext', security, SECURITY_FIELDS);
  const volumes = new Map(
    (pod.volumes ?? []).map((volume) => [
      volume.name,
      writeVolume(node, podName, volume, pod.securityContext?.fsGroup),
    ]),
  );
  return {
    image: container.image,
    options: [
      ...environment(node, container, podName),
      ...(container.volumeMounts ?? []).flatMap((mount) => mountOption(mount, volumes)),
      ...securityOptions(security, pod.securityContext?.fsGroup),
      ...resourceOptions(container),
      ...(container.workingDir === undefined ? [] : ['--workdir', container.workingDir]),
      ...(container.command === undefined
        ? []
        : ['--entrypoint', JSON.stringify(container.command)]),
    ],
    command: container.args ?? [],
  };
}

/** The port number that a probe or a Service means by a name. */
export function portOf(container: V1Container, port: string | number | undefined): number {
  if (typeof port === 'number') return port;
  const found = container.ports?.find(({ name }) => name === port);
  assert.ok(found, `the container has no port "${port}"`);
  return found.containerPort;
}

export interface HttpProbe {
  readonly path: string;
  readonly port: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

export function httpProbe(container: V1Container, probe: V1Probe | undefined): HttpProbe {
  assert.ok(probe?.httpGet, 'the probe asks over HTTP');
  return {
    path: probe.httpGet.path ?? '/',
    port: portOf(container, probe.httpGet.port),
    periodMs: (probe.periodSeconds ?? 10) * 1000,
    timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
    failureThreshold: probe.failureThreshold ?? 3,
  };
}

export function textsOf(object: V1ConfigMap | V1Secret): Readonly<Record<string, string>> {
  if (object.kind !== 'Secret') return object.data ?? {};
  const decoded = Object.entries(object.data ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value, 'base64').toString(),
  ]);
  return { ...Object.fromEntries(decoded), ...('stringData' in object ? object.stringData : {}) };
}

// Scheduling, names and probes mean nothing to one container, or are used by the test itself.
const POD_FIELDS = [
  'affinity',
  'automountServiceAccountToken',
  'containers',
  'dnsPolicy',
  'enableServiceLinks',
  'hostNetwork',
  'nodeSelector',
  'restartPolicy',
  'securityContext',
  'serviceAccountName',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'terminationGracePeriodSeconds',
  'tolerations',
  'topologySpreadConstraints',
  'volumes',
];
const CONTAINER_FIELDS = [
  'args',
  'command',
  'env',
  'envFrom',
  'image',
  'imagePullPolicy',
  'livenessProbe',
  'name',
  'ports',
  'readinessProbe',
  'resources',
  'securityContext',
  'startupProbe',
  'volumeMounts',
  'workingDir',
];
const SECURITY_FIELDS = [
  'allowPrivilegeEscalation',
  'capabilities',
  'fsGroup',
  'fsGroupChangePolicy',
  'privileged',
  'readOnlyRootFilesystem',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'seccompProfile',
];

function known(place: string, object: object, fields: readonly string[]): void {
  const others = Object.keys(object).filter((field) => !fields.includes(field));
  assert.deepEqual(others, [], `fields of the ${place} that this test does not know`);
}

function environment(node: Node, container: V1Container, podName: string): string[] {
  const fromMaps = (container.envFrom ?? []).flatMap(({ configMapRef, secretRef, prefix }) => {
    const source =
      configMapRef === undefined
        ? find(node.secrets, secretRef?.name, secretRef?.optional)
        : find(node.configMaps, configMapRef.name, configMapRef.optional);
    return Object.entries(source).map(([name, value]) => [`${prefix ?? ''}${name}`, value]);
  });
  const own = (container.env ?? []).flatMap((variable) => {
    const value = variableValue(node, variable, podName);
    return value === undefined ? [] : [[variable.name, value]];
  });
  // A variable of `env` wins over one of `envFrom`.
  const all = Object.fromEntries([...fromMaps, ...own]);
  return Object.entries(all).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
}

function variableValue(node: Node, { name, value, valueFrom }: V1EnvVar, podName: string) {
  if (valueFrom === undefined) {
    assert.doesNotMatch(value ?? '', /\$\(/, `${name}: references are not known here`);
    return value ?? '';
  }
  const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom;
  if (fieldRef !== undefined) {
    const fields: Readonly<Record<string, string>> = {
      'metadata.name': podName,
      'metadata.namespace': 'default',
      'status.podIP': '127.0.0.1',
    };
    const found = fields[fieldRef.fieldPath];
    assert.ok(found !== undefined, `${name}: ${fieldRef.fieldPath} is not known here`);
    return found;
  }
  const reference = configMapKeyRef ?? secretKeyRef;
  assert.ok(reference, `${name}: no known source`);
  const sources = configMapKeyRef === undefined ? node.secrets : node.configMaps;
  const found = find(sources, reference.name, reference.optional)[reference.key];
  assert.ok(found !== undefined || reference.optional, `${name}: no key ${reference.key}`);
  return found;
}

function find(sources: Node['secrets'], name: string | undefined, isOptional: boolean | undefined) {
  const found = sources.get(name ?? '');
  assert.ok(found !== undefined || isOptional, `no ConfigMap or Secret "${name}"`);
  return found ?? {};
}

/** Writes the files of a volume, owned as the kubelet leaves them. Returns the folder. */
function writeVolume(node: Node, podName: string, volume: V1Volume, fsGroup = 0): string {
  const { name, configMap, secret, projected, emptyDir, persistentVolumeClaim, ...others } = volume;
  known(`volume ${name}`, others, []);
  if (persistentVolumeClaim !== undefined) {
    return writableFolder(join(node.folder, 'claims', persistentVolumeClaim.claimName), fsGroup);
  }
  const folder = join(node.folder, 'volumes', podName, name);
  rmSync(folder, { recursive: true, force: true });
  if (emptyDir !== undefined) return writableFolder(folder, fsGroup);
  mkdirSync(folder, { recursive: true });
  const defaultMode = (configMap ?? secret ?? projected)?.defaultMode ?? 0o644;
  const sources = projected?.sources ?? [
    ...(configMap === undefined ? [] : [{ configMap }]),
    ...(secret === undefined ? [] : [{ secret: { ...secret, name: secret.secretName } }]),
  ];
  for (const source of sources) {
    known(`source of volume ${name}`, source, ['configMap', 'secret']);
    const { configMap: map, secret: sealed } = source;
    const texts =
      map === undefined
        ? find(node.secrets, sealed?.name ?? '', sealed?.optional)
        : find(node.configMaps, map.name, map.optional);
    const items =
      (map ?? sealed)?.items ??
      Object.keys(texts).map((key) => ({ key, path: key, mode: undefined }));
    for (const { key, path, mode } of items) {
      const text = texts[key];
      if (text === undefined) continue;
      writeOwned(join(folder, path), text, mode ?? defaultMode, fsGroup);
    }
  }
  return folder;
}

function writableFolder(folder: string, fsGroup: number): string {
  mkdirSync(folder, { recursive: true });
  chownSync(folder, 0, fsGroup);
  chmodSync(folder, 0o2777);
  return folder;
}

function writeOwned(path: string, text: string, mode: number, fsGroup: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chownSync(path, 0, fsGroup);
  // With fsGroup the kubelet lets the group read.
  chmodSync(path, fsGroup === 0 ? mode : mode | 0o440);
}

function mountOption(mount: V1VolumeMount, volumes: ReadonlyMap<string, string>): string[] {
  known(`mount ${mount.name}`, mount, ['name', 'mountPath', 'readOnly', 'subPath']);
  const folder = volumes.get(mount.name);
  assert.ok(folder, `there is no volume ${mount.name}`);
  const source = mount.subPath === undefined ? folder : join(folder, mount.subPath);
  return ['--volume', `${source}:${mount.mountPath}${mount.readOnly === true ? ':ro' : ''}`];
}

function securityOptions(
  security: NonNullable<V1Container['securityContext']>,
  fsGroup: number | undefined,
): string[] {
  const { runAsUser, runAsGroup, capabilities } = security;
  assert.ok(runAsUser !== undefined && runAsUser > 0, 'the user has a number and is not root');
  assert.equal(security.privileged ?? false, false);
  assert.equal(capabilities?.add ?? undefined, undefined);
  const user = runAsGroup === undefined ? String(runAsUser) : `${runAsUser}:${runAsGroup}`;
  return [
    ...['--user', user],
    ...(fsGroup === undefined ? [] : ['--group-add', String(fsGroup)]),
    ...(security.readOnlyRootFilesystem === true ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...(capabilities?.drop ?? []).flatMap((name) => ['--cap-drop', name]),
    ...(security.allowPrivilegeEscalation === false ? ['--security-opt', 'no-new-privileges'] : []),
  ];
}

function resourceOptions({ resources }: V1Container): string[] {
  const memory = resources?.limits?.['memory'];
  const cpus = resources?.limits?.['cpu'];
  const shares = resources?.requests?.['cpu'];
  return [
    ...(memory === undefined
      ? []
      : ['--memory', String(quantity(memory)), '--memory-swap', String(quantity(memory))]),
    ...(cpus === undefined ? [] : ['--cpus', String(quantity(cpus))]),
    ...(shares === undefined
      ? []
      : ['--cpu-shares', String(Math.max(2, Math.round(quantity(shares) * 1024)))]),
  ];
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  m: 0.001,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
};

/** A Kubernetes quantity such as 125m or 256Mi as a number. */
export function quantity(text: string | number): number {
  const [, digits, unit = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(String(text)) ?? [];
  const factor = UNITS[unit];
  assert.ok(digits !== undefined && factor !== undefined, `${text} is no quantity`);
  return Number(digits) * factor;
}
