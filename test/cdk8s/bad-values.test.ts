import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { helms } from '../support/kubernetes-tools.ts';
import { defaultRelease, renderHelm, renderPlain } from './render.ts';

interface Row {
  readonly values: object;
  /** The value that both messages name. */
  readonly names: string;
  /** Set for a rule, whose message is the same in both. */
  readonly says?: string;
}

const existingSecret = 'op-scim-x';
const keyVault = { enabled: true, name: 'vault', tenantId: 'tenant', clientId: 'c' };
const external = { enabled: false } as const;

/** One mistake each. */
const rows: readonly Row[] = [
  { values: { replicaCount: 'two' }, names: 'replicaCount' },
  { values: { replicaCount: 1.5 }, names: 'replicaCount' },
  { values: { replicaCount: -1 }, names: 'replicaCount' },
  { values: { replicaCount: 21 }, names: 'replicaCount' },
  { values: { replicaCount: null }, names: 'replicaCount' },
  { values: { replicas: 2 }, names: 'replicas' },
  { values: { size: 'huge' }, names: 'size' },
  { values: { nameOverride: '-x' }, names: 'nameOverride' },
  { values: { fullnameOverride: 'Bridge' }, names: 'fullnameOverride' },
  { values: { fullnameOverride: 'a'.repeat(51) }, names: 'fullnameOverride' },
  { values: { commonLabels: { team: 1 } }, names: 'commonLabels.team' },
  { values: { imagePullSecrets: ['registry'] }, names: 'imagePullSecrets.0' },
  { values: { imagePullSecrets: [{ secret: 'registry' }] }, names: 'imagePullSecrets.0' },
  { values: { image: { tag: 1.1 } }, names: 'image.tag' },
  { values: { image: { tag: 'a b' } }, names: 'image.tag' },
  { values: { image: { repository: '' } }, names: 'image.repository' },
  { values: { image: { digest: 'sha256:12' } }, names: 'image.digest' },
  { values: { image: { pullPolicy: 'Sometimes' } }, names: 'image.pullPolicy' },
  { values: { session: { existingSecret: 'My_Secret' } }, names: 'session.existingSecret' },
  { values: { session: { key: 'a/b' } }, names: 'session.key' },
  { values: { config: { tlsDomain: 'https://scim.example.com' } }, names: 'config.tlsDomain' },
  { values: { config: { tlsDomain: '203.0.113.7' } }, names: 'config.tlsDomain' },
  { values: { config: { tlsDomian: 'scim.example.com' } }, names: 'tlsDomian' },
  { values: { config: { letsencryptEmail: 'nobody' } }, names: 'config.letsencryptEmail' },
  { values: { config: { confirmationIntervalSeconds: 5 } }, names: 'confirmationIntervalSeconds' },
  { values: { config: { debug: 'yes' } }, names: 'config.debug' },
  { values: { config: { maxBody: 'much' } }, names: 'config.maxBody' },
  { values: { config: { unknownMembers: 'guess' } }, names: 'config.unknownMembers' },
  { values: { config: { publicUrl: 'https://a.example/path' } }, names: 'config.publicUrl' },
  { values: { acme: { directoryUrl: 'http://ca.example' } }, names: 'acme.directoryUrl' },
  { values: { ports: { http: 0 } }, names: 'ports.http' },
  { values: { ports: { probe: 65_536 } }, names: 'ports.probe' },
  { values: { service: { type: 'External' } }, names: 'service.type' },
  { values: { service: { prot: 443 } }, names: 'prot' },
  { values: { service: { port: null } }, names: 'port' },
  { values: { service: { annotations: { a: true } } }, names: 'service.annotations.a' },
  {
    values: { service: { loadBalancerSourceRanges: ['10.0.0.0'] } },
    names: 'service.loadBalancerSourceRanges.0',
  },
  { values: { bridge: { resources: '1Gi' } }, names: 'bridge.resources' },
  { values: { bridge: { extraEnv: [{ value: 'x' }] } }, names: 'bridge.extraEnv.0' },
  { values: { bridge: { tolerations: {} } }, names: 'bridge.tolerations' },
  { values: { bridge: { probes: { periodSeconds: 0 } } }, names: 'bridge.probes.periodSeconds' },
  { values: { redis: { maxmemory: '50%' } }, names: 'redis.maxmemory' },
  { values: { redis: { persistence: { size: 'big' } } }, names: 'redis.persistence.size' },
  {
    values: { redis: { ...external, external: { url: 'http://redis' } } },
    names: 'redis.external.url',
  },
  { values: { redis: { external: { port: 70_000 } } }, names: 'redis.external.port' },
  {
    values: { podDisruptionBudget: { maxUnavailable: 'half' } },
    names: 'podDisruptionBudget.maxUnavailable',
  },
  { values: { ingress: { hosts: [] } }, names: 'ingress.hosts' },
  { values: { ingress: { hosts: [{ host: 'a.example' }] } }, names: 'ingress.hosts.0' },
  {
    values: { monitoring: { serviceMonitor: { interval: 'often' } } },
    names: 'monitoring.serviceMonitor.interval',
  },
  { values: { extraObjects: [{ kind: 'ConfigMap' }] }, names: 'extraObjects.0' },
  {
    values: { session: { create: true, content: 'x', keyVault } },
    names: 'session.create',
    says: 'session.create and session.keyVault.enabled exclude each other',
  },
  {
    values: { session: { create: true } },
    names: 'session.content',
    says: 'session.content is empty',
  },
  { values: { session: { content: '{}' } }, names: 'session.content', says: 'set and not used' },
  {
    values: { session: { existingSecret: '' } },
    names: 'session.existingSecret',
    says: 'session.existingSecret is empty',
  },
  {
    values: { session: { keyVault: { ...keyVault, tenantId: '' } } },
    names: 'session.keyVault.tenantId',
    says: 'are needed',
  },
  {
    values: { session: { keyVault: { ...keyVault, clientId: '' } } },
    names: 'session.keyVault.clientId',
    says: 'may read the Key Vault',
  },
  {
    values: { bearerToken: { existingSecret: 'scimsession' } },
    names: 'bearerToken.existingSecret',
    says: 'keep the token in another one',
  },
  { values: { redis: external }, names: 'redis.external.url', says: 'redis.enabled is false' },
  {
    values: { redis: { external: { host: 'redis' } } },
    names: 'redis.external',
    says: 'set and not used',
  },
  {
    values: { redis: { ...external, external: { url: 'redis://redis', existingSecret } } },
    names: 'redis.external.existingSecret',
    says: 'has the whole URL',
  },
  {
    values: { redis: { ...external, external: { url: 'redis://:hunter2@redis' } } },
    names: 'redis.external.url',
    says: 'put the whole URL into a Secret',
  },
  {
    values: {
      redis: { ...external, external: { sentinels: 'a:1', host: 'b', sentinelName: 'c' } },
    },
    names: 'redis.external.sentinels',
    says: 'find Redis by themselves',
  },
  {
    values: { redis: { ...external, external: { sentinels: 'a:1' } } },
    names: 'redis.external.sentinelName',
    says: 'belong together',
  },
  {
    values: {
      redis: { ...external, external: { sentinels: 'a:1', sentinelName: 'b', cluster: true } },
    },
    names: 'redis.external.cluster',
    says: 'exclude each other',
  },
  {
    values: {
      redis: { ...external, external: { host: 'a', insecureTls: true, ca: { existingSecret } } },
    },
    names: 'redis.external.insecureTls',
    says: 'remove one of them',
  },
  { values: { redis: { image: { tag: '' } } }, names: 'redis.image.tag', says: 'is empty' },
  {
    values: { redis: { persistence: { enabled: false, existingClaim: 'mine' } } },
    names: 'redis.persistence.existingClaim',
    says: 'set and not used',
  },
  { values: { ports: { http: 8443 } }, names: 'ports.http', says: 'ports.https are the same' },
  { values: { ports: { http: 8080 } }, names: 'ports.http', says: 'ports.probe are the same' },
  { values: { ports: { https: 8080 } }, names: 'ports.https', says: 'are the same' },
  {
    values: { service: { port: 80, http: { enabled: true } } },
    names: 'service.http.port',
    says: 'are the same',
  },
  {
    values: { service: { type: 'ClusterIP', nodePort: 30_000 } },
    names: 'service.nodePort',
    says: 'choose NodePort or LoadBalancer',
  },
  {
    values: { service: { type: 'ClusterIP', externalTrafficPolicy: 'Local' } },
    names: 'service.externalTrafficPolicy',
    says: 'choose NodePort or LoadBalancer',
  },
  {
    values: { service: { type: 'NodePort', loadBalancerSourceRanges: ['10.0.0.0/8'] } },
    names: 'service.loadBalancerSourceRanges',
    says: 'protects nothing',
  },
  {
    values: { service: { type: 'NodePort', loadBalancerClass: 'x' } },
    names: 'service.loadBalancerClass',
    says: 'is not LoadBalancer',
  },
  {
    values: {
      service: { http: { enabled: true } },
      ingress: { enabled: true },
      config: { tlsDomain: 'a.example' },
    },
    names: 'config.tlsDomain',
    says: 'exclude each other',
  },
  {
    values: { ingress: { enabled: true } },
    names: 'service.http.enabled',
    says: 'ingress.enabled needs',
  },
  {
    values: { autoscaling: { enabled: true, minReplicas: 5 } },
    names: 'autoscaling.minReplicas',
    says: 'is above autoscaling.maxReplicas',
  },
  {
    values: { config: { shutdownDelaySeconds: 60 } },
    names: 'bridge.terminationGracePeriodSeconds',
    says: 'must be above config.shutdownDelaySeconds',
  },
  { values: { acme: { eabKid: 'kid' } }, names: 'acme.eabHmac', says: 'belong together' },
  {
    values: { tls: { existingSecret }, dns01: { existingSecret } },
    names: 'dns01.existingSecret',
    says: 'exclude each other',
  },
  {
    values: { monitoring: { serviceMonitor: { enabled: true, token: { existingSecret: '' } } } },
    names: 'monitoring.serviceMonitor.token.existingSecret',
    says: 'is empty',
  },
  {
    values: { bridge: { extraEnv: [{ name: 'OP_TLS_DOMAIN', value: 'a.example' }] } },
    names: 'bridge.extraEnv',
    says: 'set config.tlsDomain instead',
  },
  {
    values: { commonLabels: { 'app.kubernetes.io/name': 'x' } },
    names: 'commonLabels',
    says: 'a label that the chart sets itself',
  },
  {
    values: { bridge: { podLabels: { 'app.kubernetes.io/component': 'x' } } },
    names: 'bridge.podLabels',
    says: 'a label that the chart sets itself',
  },
  {
    values: { redis: { podLabels: { 'app.kubernetes.io/instance': 'x' } } },
    names: 'redis.podLabels',
    says: 'a label that the chart sets itself',
  },
];

const folder = mkdtempSync(join(tmpdir(), 'op-scim-bad-values-'));
after(() => rmSync(folder, { recursive: true }));

for (const { values, names, says } of rows) {
  const shown = JSON.stringify(values).slice(0, 90);
  test(`${shown} is refused, naming ${names}`, async () => {
    const subject = { values, release: defaultRelease };
    const plain = renderPlain(subject).refusal ?? 'accepted';
    assertNames(plain, names, says);
    for (const { layer } of helms) {
      const file = join(folder, `${layer}.yaml`);
      const { refusal } = await renderHelm(subject, layer, 'charts/op-scim', file);
      assertNames(refusal ?? 'accepted', names, says);
    }
    assert.ok(!plain.includes('hunter2'), 'the message shows a secret');
  });
}

/** Helm 4 writes paths with slashes; either names a missing value after its group. */
function assertNames(message: string, names: string, says = ''): void {
  const plain = message.replaceAll(/'\/([^']*)'/g, (_, path: string) => path.replaceAll('/', '.'));
  assert.ok(plain.includes(names), `${names} is not in: ${message}`);
  assert.ok(plain.includes(says), `"${says}" is not in: ${message}`);
}
