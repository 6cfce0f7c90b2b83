import type { Expression } from './lib/expression.ts';
import { f } from './lib/functions.ts';
import { values as v } from './values.ts';

interface Rule {
  readonly wrong: Expression;
  readonly message: string;
}

/** Labels that the chart itself sets. */
export const RESERVED_LABELS = [
  'app.kubernetes.io/component',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/name',
  'app.kubernetes.io/version',
  'helm.sh/chart',
] as const;

const { external } = v.redis;
const isExternalSet = f.or(
  external.existingSecret,
  external.url,
  external.host,
  external.sentinels,
);
const isClusterIp = f.eq(v.service.type, 'ClusterIP');
const isLoadBalancer = f.eq(v.service.type, 'LoadBalancer');

/** What the schema can not say, since it takes more than one value. */
export const rules: readonly Rule[] = [
  rule(
    f.and(v.session.create, v.session.keyVault.enabled),
    'session.create and session.keyVault.enabled exclude each other: choose one source of the scimsession file',
  ),
  rule(
    f.and(v.session.create, f.not(v.session.content)),
    'session.content is empty: add --set-file session.content=./scimsession, or leave session.create false and make the Secret yourself',
  ),
  rule(
    f.and(v.session.content, f.not(v.session.create)),
    'session.content is set and not used: set session.create to true, or remove it',
  ),
  rule(
    f.not(f.or(v.session.create, v.session.keyVault.enabled, v.session.existingSecret)),
    'session.existingSecret is empty: name the Secret that has the scimsession file',
  ),
  rule(
    f.and(
      v.session.keyVault.enabled,
      f.not(f.and(v.session.keyVault.name, v.session.keyVault.tenantId)),
    ),
    'session.keyVault.name and session.keyVault.tenantId are needed: name the Key Vault and its tenant',
  ),
  rule(
    f.and(
      v.session.keyVault.enabled,
      f.not(f.or(v.session.keyVault.clientId, v.workloadIdentity.clientId)),
    ),
    'session.keyVault.clientId is empty: set it or workloadIdentity.clientId to an identity that may read the Key Vault',
  ),
  rule(
    f.and(
      v.bearerToken.existingSecret,
      f.eq(v.bearerToken.existingSecret, v.session.existingSecret),
    ),
    'bearerToken.existingSecret is the Secret of the scimsession file: keep the token in another one, or whoever reads it has both halves',
  ),
  rule(
    f.not(f.or(v.redis.enabled, isExternalSet)),
    'redis.enabled is false: set redis.external.existingSecret, redis.external.url, redis.external.host or redis.external.sentinels to your own Redis',
  ),
  rule(
    f.and(v.redis.enabled, isExternalSet),
    'redis.external is set and not used: set redis.enabled to false, or remove it',
  ),
  rule(
    f.and(external.existingSecret, f.or(external.url, external.host, external.sentinels)),
    'redis.external.existingSecret has the whole URL: remove redis.external.url, redis.external.host and redis.external.sentinels',
  ),
  rule(
    f.and(external.sentinels, f.or(external.url, external.host)),
    'redis.external.sentinels find Redis by themselves: remove redis.external.url and redis.external.host',
  ),
  rule(
    f.contains('@', external.url),
    'redis.external.url has a user name or password: put the whole URL into a Secret and name it in redis.external.existingSecret',
  ),
  rule(
    differ(external.sentinels, external.sentinelName),
    'redis.external.sentinels and redis.external.sentinelName belong together: set both or neither',
  ),
  rule(
    f.and(external.sentinels, external.cluster),
    'redis.external.sentinels and redis.external.cluster exclude each other: set the one that your Redis is',
  ),
  rule(
    f.and(external.insecureTls, external.ca.existingSecret),
    'redis.external.insecureTls turns off the check that redis.external.ca is for: remove one of them',
  ),
  rule(
    f.not(f.or(f.not(v.redis.enabled), v.redis.image.tag, v.redis.image.digest)),
    'redis.image.tag is empty: set it or redis.image.digest',
  ),
  rule(
    f.and(v.redis.persistence.existingClaim, f.not(v.redis.persistence.enabled)),
    'redis.persistence.existingClaim is set and not used: set redis.persistence.enabled to true, or remove it',
  ),
  rule(f.eq(v.ports.http, v.ports.https), 'ports.http and ports.https are the same: change one'),
  rule(f.eq(v.ports.http, v.ports.probe), 'ports.http and ports.probe are the same: change one'),
  rule(f.eq(v.ports.https, v.ports.probe), 'ports.https and ports.probe are the same: change one'),
  rule(
    f.and(v.service.http.enabled, f.eq(v.service.port, v.service.http.port)),
    'service.port and service.http.port are the same: change one',
  ),
  rule(
    f.and(isClusterIp, v.service.nodePort),
    'service.nodePort is set and service.type is ClusterIP: choose NodePort or LoadBalancer, or remove it',
  ),
  rule(
    f.and(isClusterIp, v.service.externalTrafficPolicy),
    'service.externalTrafficPolicy is set and service.type is ClusterIP: choose NodePort or LoadBalancer, or remove it',
  ),
  rule(
    f.and(f.not(isLoadBalancer), v.service.loadBalancerSourceRanges),
    'service.loadBalancerSourceRanges protects nothing unless service.type is LoadBalancer: change the type, or use networkPolicy.bridgeIngress',
  ),
  rule(
    f.and(f.not(isLoadBalancer), v.service.loadBalancerClass),
    'service.loadBalancerClass is set and service.type is not LoadBalancer: change the type, or remove it',
  ),
  rule(
    f.and(v.ingress.enabled, v.config.tlsDomain),
    'ingress.enabled and config.tlsDomain exclude each other: TLS ends in the Ingress or in the bridge',
  ),
  rule(
    f.and(v.ingress.enabled, f.not(v.service.http.enabled)),
    'ingress.enabled needs service.http.enabled: the Ingress speaks plain HTTP to the bridge',
  ),
  rule(
    f.and(v.autoscaling.enabled, f.not(f.le(v.autoscaling.minReplicas, v.autoscaling.maxReplicas))),
    'autoscaling.minReplicas is above autoscaling.maxReplicas: change one',
  ),
  rule(
    f.le(v.bridge.terminationGracePeriodSeconds, v.config.shutdownDelaySeconds),
    'bridge.terminationGracePeriodSeconds must be above config.shutdownDelaySeconds, or requests are cut',
  ),
  rule(
    differ(v.acme.eabKid, v.acme.eabHmac.existingSecret),
    'acme.eabKid and acme.eabHmac.existingSecret belong together: set both or neither',
  ),
  rule(
    f.and(v.tls.existingSecret, v.dns01.existingSecret),
    'tls.existingSecret and dns01.existingSecret exclude each other: bring a certificate, or let one come by DNS',
  ),
  rule(
    f.and(
      v.monitoring.serviceMonitor.enabled,
      f.not(v.monitoring.serviceMonitor.token.existingSecret),
    ),
    'monitoring.serviceMonitor.token.existingSecret is empty: name the Secret with the health-only token',
  ),
  rule(
    f.contains('"OP_TLS_DOMAIN"', f.toJson(v.bridge.extraEnv)),
    'bridge.extraEnv has OP_TLS_DOMAIN: set config.tlsDomain instead',
  ),
  noReservedLabel('commonLabels', v.commonLabels),
  noReservedLabel('bridge.podLabels', v.bridge.podLabels),
  noReservedLabel('redis.podLabels', v.redis.podLabels),
];

function rule(wrong: Expression, message: string): Rule {
  return { wrong, message };
}

function differ(a: Expression, b: Expression): Expression {
  return f.and(f.or(a, b), f.not(f.and(a, b)));
}

function noReservedLabel(
  name: string,
  labels: Expression<Readonly<Record<string, unknown>>>,
): Rule {
  return {
    wrong: f.not(f.eq(f.toJson(f.omit(labels, ...RESERVED_LABELS)), f.toJson(labels))),
    message: `${name} has a label that the chart sets itself (${RESERVED_LABELS.join(', ')}): remove it`,
  };
}
