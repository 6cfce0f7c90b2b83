import * as kplus from 'cdk8s-plus-27';
import {
  bridgeImage,
  fullname,
  redisSecret,
  serviceAccountName,
  sessionSecret,
} from '../helpers.ts';
import { reference } from '../lib/expression.ts';
import { f, text } from '../lib/functions.ts';
import { block, when } from '../lib/node.ts';
import { type Change, set, spread } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { type Setting, secretSettings } from '../settings.ts';
import { values } from '../values.ts';
import { isFile, KEY_VAULT_FOLDER, SESSION_FOLDER, secretFile, TLS_FOLDER } from './config.ts';
import { deployment, type Sizes } from './deployment.ts';

const { bridge, session, tls, workspace } = values;
const POD = '/spec/template/spec';
const CONTAINER = `${POD}/containers/[name=op-scim-bridge]`;

const SIZES: Sizes = {
  small: { cpu: '125m', memory: '256Mi', memoryLimit: '512Mi' },
  medium: { cpu: '500m', memory: '512Mi', memoryLimit: '1Gi' },
  large: { cpu: '1', memory: '512Mi', memoryLimit: '1Gi' },
};

/** The pods of the bridge. */
export function bridgeDeployment(chart: ReleaseChart): kplus.Deployment {
  const { synthesis } = chart;
  const config = kplus.ConfigMap.fromConfigMapName(chart, 'config', chart.objectName('configmap'));
  const port = (name: 'http' | 'https' | 'probe') => ({
    name,
    number: synthesis.number(values.ports[name]),
    protocol: kplus.Protocol.TCP,
  });
  const probe = kplus.Probe.fromHttpGet('/ping', { port: synthesis.number(values.ports.probe) });
  const tmp = kplus.Volume.fromEmptyDir(chart, 'tmp', 'tmp', {
    medium: kplus.EmptyDirMedium.MEMORY,
  });
  return deployment(
    chart,
    'bridge',
    {
      name: 'op-scim-bridge',
      image: synthesis.string(bridgeImage),
      ports: [port('http'), port('https'), port('probe')],
      envFrom: [kplus.Env.fromConfigMap(config)],
      // Lets the bridge notice that `kubectl set env` hides the value of the ConfigMap.
      envVariables: {
        OP_CHART_TLS_DOMAIN: kplus.EnvValue.fromConfigMap(config, 'OP_TLS_DOMAIN'),
      },
      startup: probe,
      liveness: probe,
      readiness: probe,
      volumeMounts: [{ path: '/tmp', volume: tmp }],
    },
    SIZES,
    [
      ...rollout(),
      ...probes(),
      ...sessionFiles(),
      ...secretSettings.flatMap((setting) => secretOf(setting)),
      ...ownCertificate(),
      ...redisAccess(),
      ...podOptions(chart),
    ],
  );
}

/** A new pod comes before an old one goes. It restarts when its settings change. */
function rollout(): readonly Change[] {
  const settings = ['config', 'acme', 'ports', 'tls', 'dns01', 'bearerToken', 'redis.external'];
  const maps = settings.map((path) => reference('map', ['Values', ...path.split('.')]));
  const switches = [values.redis.enabled, session.keyVault.enabled];
  const checksum = f.sha256sum(f.toJson(f.list(...maps, ...switches)));
  return [
    set('/spec/replicas', when(f.not(values.autoscaling.enabled), values.replicaCount)),
    set('/spec/revisionHistoryLimit', bridge.revisionHistoryLimit),
    set('/spec/strategy', {
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
    }),
    set('/spec/template/metadata/annotations', { 'checksum/config': checksum }),
    spread('/spec/template/metadata/annotations', bridge.podAnnotations),
    set(
      '/spec/template/metadata/labels/azure.workload.identity~1use',
      when(values.workloadIdentity.clientId, 'true'),
    ),
  ];
}

function probes(): readonly Change[] {
  const { probes } = bridge;
  const one = (name: string, failureThreshold: typeof probes.failureThreshold): Change[] => [
    set(`${CONTAINER}/${name}/httpGet/port`, 'probe'),
    set(`${CONTAINER}/${name}/periodSeconds`, probes.periodSeconds),
    set(`${CONTAINER}/${name}/timeoutSeconds`, probes.timeoutSeconds),
    set(`${CONTAINER}/${name}/failureThreshold`, failureThreshold),
  ];
  return [
    ...one('startupProbe', probes.startupFailureThreshold),
    ...one('livenessProbe', probes.failureThreshold),
    ...one('readinessProbe', probes.failureThreshold),
  ];
}

/** Files appear here as soon as their Secrets do, without a restart. */
function sessionFiles(): readonly Change[] {
  const optional = (secret: typeof workspace.settings, file: string) => ({
    secret: {
      name: secret.existingSecret,
      items: [{ key: secret.key, path: file }],
      optional: true,
    },
  });
  const sources = [
    when(f.not(session.keyVault.enabled), {
      secret: { name: sessionSecret, items: [{ key: session.key, path: 'scimsession' }] },
    }),
    when(
      workspace.credentials.existingSecret,
      optional(workspace.credentials, 'workspace-credentials.json'),
    ),
    when(
      workspace.settings.existingSecret,
      optional(workspace.settings, 'workspace-settings.json'),
    ),
  ];
  const vault = {
    driver: 'secrets-store.csi.k8s.io',
    readOnly: true,
    volumeAttributes: { secretProviderClass: text`${fullname}-key-vault` },
  };
  const hasFiles = f.or(
    f.not(session.keyVault.enabled),
    workspace.credentials.existingSecret,
    workspace.settings.existingSecret,
  );
  return [
    ...volume('session', SESSION_FOLDER, { projected: { defaultMode: 0o440, sources } }, hasFiles),
    ...volume('key-vault', KEY_VAULT_FOLDER, { csi: vault }, session.keyVault.enabled),
  ];
}

/** A setting that comes from a Secret: as a file, or as a variable. */
function secretOf(setting: Setting): readonly Change[] {
  const at = ['Values', ...setting.path.split('.')];
  const secretName = reference<string>('string', [...at, 'existingSecret']);
  const key = reference<string>('string', [...at, 'key']);
  if (isFile(setting)) {
    const { name, folder } = secretFile(setting);
    const secret = { secretName, defaultMode: 0o440, items: [{ key, path: 'file' }] };
    return volume(name, folder, { secret }, secretName);
  }
  const variable = { name: setting.env, valueFrom: { secretKeyRef: { name: secretName, key } } };
  return [set(`${CONTAINER}/env/-`, when(secretName, variable))];
}

function ownCertificate(): readonly Change[] {
  const items = [tls.certificateKey, tls.privateKeyKey].map((key) => ({ key, path: key }));
  const secret = { secretName: tls.existingSecret, defaultMode: 0o440, items };
  return volume('tls', TLS_FOLDER, { secret }, tls.existingSecret);
}

function redisAccess(): readonly Change[] {
  const { external, password } = values.redis;
  const url = { secretKeyRef: { name: external.existingSecret, key: external.key } };
  const own = { secretKeyRef: { name: redisSecret, key: password.key, optional: true } };
  return [
    set(
      `${CONTAINER}/env/-`,
      when(external.existingSecret, { name: 'OP_REDIS_URL', valueFrom: url }),
    ),
    set(`${CONTAINER}/env/-`, { name: 'OP_REDIS_PASSWORD', valueFrom: own }),
  ];
}

function podOptions(chart: ReleaseChart): readonly Change[] {
  const overNodes = {
    labelSelector: { matchLabels: chart.selector('bridge') },
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
  };
  return [
    set(`${CONTAINER}/imagePullPolicy`, values.image.pullPolicy),
    set(`${CONTAINER}/lifecycle`, block(bridge.lifecycle)),
    set(`${POD}/volumes/[name=tmp]/emptyDir/sizeLimit`, '64Mi'),
    set(`${POD}/serviceAccountName`, serviceAccountName),
    set(`${POD}/terminationGracePeriodSeconds`, bridge.terminationGracePeriodSeconds),
    set(`${POD}/hostAliases`, block(bridge.hostAliases)),
    set(`${POD}/dnsPolicy`, bridge.dnsPolicy),
    set(`${POD}/dnsConfig`, block(bridge.dnsConfig)),
    set(`${POD}/topologySpreadConstraints`, block(bridge.topologySpreadConstraints, [overNodes])),
  ];
}

/** A volume with its read-only mount, under a condition. */
function volume(
  name: string,
  mountPath: string,
  source: object,
  condition: Parameters<typeof when>[0],
): readonly Change[] {
  return [
    set(`${POD}/volumes/-`, when(condition, { name, ...source })),
    set(`${CONTAINER}/volumeMounts/-`, when(condition, { name, mountPath, readOnly: true })),
  ];
}
