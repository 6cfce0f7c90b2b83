import { group, type PartialValues, referencesOf, value } from './lib/values.ts';
import { NAME, secretValue, valuesOf } from './settings.ts';

interface Image {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/** No registry has it: users build it, and name theirs. */
const BRIDGE_IMAGE: Image = { registry: '', repository: 'op-scim-bridge', tag: '' };
const REDIS_IMAGE: Image = { registry: 'docker.io', repository: 'library/redis', tag: '8.2.3' };

/** What is left of the 63 characters of a Service's name when the longest ending is taken away. */
export const NAME_LENGTH = 63 - '-bridge-probe'.length;

const pullPolicy = value.choice('Always', 'IfNotPresent', 'Never');
const enabled = (help: string, fallback = false) => value.flag(fallback, help);
const CIDR = '^[0-9a-fA-F.:]+/[0-9]{1,3}$';
const QUANTITY = '^[0-9]+(\\.[0-9]+)?([kMGTPE]i?|m)?$';
const objects = { items: { type: 'object' } } as const;
const named = { items: { type: 'object', required: ['name'] } } as const;

function image({ registry, repository, tag }: Image, emptyTag: string) {
  return group('Container image: `registry/repository@digest`, or `:tag` without a digest.', {
    registry: value.text(registry, 'Registry of the image, such as example.azurecr.io.', {
      pattern: '^[A-Za-z0-9._:/-]*$',
    }),
    repository: value.text(repository, 'Repository of the image.', {
      minLength: 1,
      pattern: '^[a-z0-9._:/-]+$',
    }),
    tag: value.text(tag, `Tag. ${emptyTag}Quote it, or use --set-string.`, {
      pattern: '^[A-Za-z0-9_.-]*$',
      maxLength: 128,
    }),
    digest: value.text('', 'Digest, which wins over the tag.', {
      pattern: '^(sha256:[0-9a-f]{64})?$',
    }),
    pullPolicy: pullPolicy('IfNotPresent', 'When nodes pull the image.'),
  });
}

/** What both Deployments offer for their pods. */
function pods(of: string) {
  return {
    resources: value.map({}, `Requests and limits of ${of}. Empty: those of \`size\`.`, {
      example: 'requests: {cpu: 250m, memory: 256Mi}\nlimits: {memory: 512Mi}',
    }),
    deploymentAnnotations: value.texts({}, `Annotations of the Deployment of ${of}.`),
    podAnnotations: value.texts({}, `Annotations of the pods of ${of}.`),
    podLabels: value.texts({}, `Labels of the pods of ${of}, beside their own.`),
    nodeSelector: value.texts({}, `Labels that a node needs to run ${of}.`),
    tolerations: value.list([], `Taints that ${of} tolerates.`, objects),
    affinity: value.map({}, `Affinity of ${of}.`),
    priorityClassName: value.text('', `Priority class of ${of}.`, NAME),
    extraEnv: value.list([], `Environment of ${of} besides.`, {
      ...named,
      example: '- name: HTTPS_PROXY\n  value: http://proxy.example.com:3128',
    }),
    extraEnvFrom: value.list([], `Secrets and ConfigMaps with more environment of ${of}.`, {
      ...objects,
      example: '- secretRef: {name: op-scim-more}',
    }),
    extraVolumes: value.list([], `Volumes of ${of} besides.`, named),
    extraVolumeMounts: value.list([], `Mounts of ${of} besides.`, named),
    initContainers: value.list([], `Containers that run before ${of}.`, named),
    extraContainers: value.list([], `Containers beside ${of}.`, named),
  };
}

const bridge = group('Pods of the bridge.', {
  ...pods('the bridge'),
  topologySpreadConstraints: value.list(
    [],
    'How pods spread. Empty: over the nodes, where that is possible.',
    objects,
  ),
  lifecycle: value.map({}, 'Lifecycle hooks of the container. The image has no shell.'),
  hostAliases: value.list([], 'Lines of /etc/hosts.', objects),
  dnsPolicy: value.choice('ClusterFirst', 'Default', 'None')('ClusterFirst', 'How names resolve.'),
  dnsConfig: value.map({}, 'DNS settings of the pods.'),
  revisionHistoryLimit: value.integer(10, 'Old ReplicaSets that are kept.', {
    minimum: 0,
    maximum: 100,
  }),
  terminationGracePeriodSeconds: value.integer(
    60,
    'Seconds between SIGTERM and the end. More than `config.shutdownDelaySeconds`.',
    { minimum: 1, maximum: 3_600 },
  ),
  probes: group('All probes ask for /ping on the probe port, which answers with or without TLS.', {
    periodSeconds: value.integer(10, 'Seconds between two probes.', { minimum: 1, maximum: 300 }),
    timeoutSeconds: value.integer(3, 'Seconds that an answer may take.', {
      minimum: 1,
      maximum: 60,
    }),
    failureThreshold: value.integer(3, 'Failures in a row that count.', {
      minimum: 1,
      maximum: 100,
    }),
    startupFailureThreshold: value.integer(30, 'The same while the bridge starts.', {
      minimum: 1,
      maximum: 1_000,
    }),
  }),
});

const session = group('The scimsession file, from one of three sources.', {
  existingSecret: value.text('scimsession', 'Secret that has it, made before the chart.', {
    ...NAME,
    example: 'kubectl create secret generic scimsession --from-file=scimsession=./scimsession',
  }),
  key: value.text('scimsession', 'Key of the file in the Secret.', {
    pattern: '^[-._a-zA-Z0-9]+$',
  }),
  create: enabled('Makes the Secret from `session.content`, instead of `existingSecret`.'),
  content: value.text('', 'The file itself: --set-file session.content=./scimsession'),
  keyVault: group('Azure Key Vault by the Secrets Store CSI driver, instead of a Secret.', {
    enabled: enabled('Mounts the file from a Key Vault.'),
    name: value.text('', 'Name of the Key Vault.', { pattern: '^[A-Za-z0-9-]{0,24}$' }),
    tenantId: value.text('', 'Directory (tenant) id of the Key Vault.', {
      pattern: '^[0-9A-Za-z.-]*$',
    }),
    clientId: value.text('', 'Client id. Empty: `workloadIdentity.clientId`.', {
      pattern: '^[0-9a-fA-F-]*$',
    }),
    objectName: value.text('scimsession', 'Name of the secret in the Key Vault.', {
      pattern: '^[A-Za-z0-9-]{1,127}$',
    }),
  }),
});

const service = group('Service of the bridge: port 443 of the load balancer.', {
  type: value.choice('LoadBalancer', 'ClusterIP', 'NodePort')('LoadBalancer', 'Kind of Service.'),
  annotations: value.texts({}, 'Annotations of this Service alone.', {
    example: 'service.beta.kubernetes.io/azure-load-balancer-internal: "true"',
  }),
  port: value.port(443, 'Port for HTTPS.'),
  nodePort: value.integer(0, 'Port on the nodes. 0: the cluster chooses.', {
    minimum: 0,
    maximum: 32_767,
  }),
  http: group('Plain HTTP, for proxies inside the cluster.', {
    enabled: enabled('Adds a port for plain HTTP, which works while `config.tlsDomain` is empty.'),
    port: value.port(80, 'Port for plain HTTP.'),
  }),
  loadBalancerClass: value.text('', 'Which load balancer.', { pattern: '^[A-Za-z0-9./-]*$' }),
  loadBalancerSourceRanges: value.list([], 'Networks that may reach the load balancer.', {
    items: { type: 'string', pattern: CIDR },
    example: '- 203.0.113.0/24',
  }),
  externalTrafficPolicy: value.choice(
    '',
    'Cluster',
    'Local',
  )('', 'Local keeps the addresses of clients.'),
  ipFamilyPolicy: value.choice(
    '',
    'SingleStack',
    'PreferDualStack',
    'RequireDualStack',
  )('', 'IPv4, IPv6 or both.'),
});

const redis = group('Redis keeps the directory and the certificate.', {
  enabled: enabled('Runs Redis beside the bridge. Else set `redis.external`.', true),
  image: image(REDIS_IMAGE, ''),
  ...pods('Redis'),
  maxmemory: value.text(
    '',
    'Memory for data; at most 60 % of the memory limit. Empty: that of `size`.',
    { pattern: '^([0-9]+(k|m|g|kb|mb|gb))?$' },
  ),
  password: secretValue(
    'Password of Redis. The Secret need not be there: then Redis asks for none. Empty name: that of the Deployment of Redis. Make it before the first install, or restart both Deployments.',
    'password',
  ),
  persistence: group('Volume of Redis. Without it a restart loses directory and certificate.', {
    enabled: enabled('Keeps each write on a volume before it is answered.', true),
    existingClaim: value.text('', 'A claim of your own.', NAME),
    storageClass: value.text('', 'Storage class. Empty: that of the cluster.', NAME),
    size: value.text('2Gi', 'Size of the volume.', { pattern: QUANTITY }),
    annotations: value.texts({}, 'Annotations of the claim.'),
    keep: enabled('Keeps the claim when the release is uninstalled.', true),
  }),
  external: group('A Redis of your own, when `redis.enabled` is false.', {
    ...valuesOf('redis.external'),
    existingSecret: value.text(
      '',
      'Secret with the whole URL, for instance with a password. Instead of the settings here.',
      NAME,
    ),
    key: value.text('url', 'Key of the URL in it.', { pattern: '^[-._a-zA-Z0-9]+$' }),
    ca: secretValue('Authorities that signed the certificate of Redis (PEM).', 'ca.crt'),
    sentinelPassword: secretValue('Password of the Sentinels.', 'password'),
  }),
});

const networkPolicy = group('They need a network plug-in that heeds them.', {
  redis: enabled('Only the bridge reaches Redis.', true),
  bridgeIngress: group('Who may reach the ports of the bridge.', {
    enabled: enabled('Makes the policy.'),
    from: value.list([], 'Who may reach http and https. Empty: everyone.', objects),
    probeFrom: value.list([], 'Who may reach the probe port. Empty: everyone.', objects),
  }),
  bridgeEgress: group('What the bridge may reach: DNS, Redis and port 443.', {
    enabled: enabled('Makes the policy.'),
    redisPort: value.port(6379, 'Port of a Redis of your own.'),
    extra: value.list([], 'More egress rules.', objects),
  }),
});

const ingress = group('Ingress of the bridge; TLS ends there, not in the bridge.', {
  enabled: enabled(
    'Makes an Ingress. Needs `service.http.enabled`, and an empty `config.tlsDomain`.',
  ),
  className: value.text('', 'Class of the Ingress.', NAME),
  annotations: value.texts({}, 'Annotations of the Ingress.'),
  hosts: value.list(
    [{ host: 'scim.example.com', path: '/' }],
    'Names of the Ingress, each with a path.',
    {
      minItems: 1,
      items: {
        type: 'object',
        required: ['host', 'path'],
        additionalProperties: false,
        properties: {
          host: { type: 'string', pattern: '^[a-z0-9*.-]*$' },
          path: { type: 'string', pattern: '^/' },
        },
      },
    },
  ),
  tls: value.list([], 'TLS of the Ingress.', {
    ...objects,
    example: '- secretName: scim-tls\n  hosts: [scim.example.com]',
  }),
});

const monitoring = group('Prometheus operator and Grafana.', {
  serviceMonitor: group('Prometheus reads /metrics of each pod on the probe port.', {
    enabled: enabled('Makes a ServiceMonitor.'),
    labels: value.texts({}, 'Labels that your Prometheus selects by.'),
    interval: value.text('30s', 'Time between two readings.', { pattern: '^[0-9]+(ms|s|m)$' }),
    token: secretValue(
      'Health-only token, made by `op-scim session add-health-token`.',
      'token',
      'op-scim-health-token',
    ),
  }),
  prometheusRule: group('Alerts.', {
    enabled: enabled('Makes a PrometheusRule.'),
    labels: value.texts({}, 'Labels that your Prometheus selects by.'),
  }),
  dashboard: group('A dashboard for Grafana.', {
    enabled: enabled('Makes a ConfigMap with it.'),
    labels: value.texts({ grafana_dashboard: '1' }, 'Labels that Grafana’s sidecar selects by.'),
  }),
});

export const definition = {
  nameOverride: value.text('', 'Stands in labels instead of the name of the chart.', {
    pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$',
    maxLength: 63,
  }),
  fullnameOverride: value.text('', 'Begins the names of all objects, instead of the release.', {
    pattern: '^([a-z]([-a-z0-9]*[a-z0-9])?)?$',
    maxLength: NAME_LENGTH,
  }),
  commonLabels: value.texts({}, 'Labels of all objects.'),
  imagePullSecrets: value.list([], 'Secrets for pulling images, for all pods.', {
    ...named,
    example: '- name: registry',
  }),
  size: value.choice(
    'small',
    'medium',
    'large',
  )(
    'small',
    'Memory and CPU: small for less than 1,000 people, medium for 1,000 to 5,000, large for more, up to 100,000.',
  ),
  replicaCount: value.integer(1, 'Pods of the bridge. Not used with `autoscaling`.', {
    minimum: 0,
    maximum: 20,
  }),
  image: image(BRIDGE_IMAGE, 'Empty: the version of the chart. '),
  session,
  bearerToken: secretValue(
    'Unlocks the bridge at start instead of at the first request; wanted for more than one pod. It joins what the file and the token keep apart: let other people read this Secret than that of `session`.',
    'token',
  ),
  config: group('Settings of the bridge, in a ConfigMap.', valuesOf('config')),
  ports: group('Ports of the container. All are there with and without TLS.', {
    http: value.port(3002, 'Plain HTTP, while `config.tlsDomain` is empty. (OP_PORT)'),
    https: value.port(8443, 'HTTPS. (OP_TLS_PORT)'),
    probe: value.port(8080, 'Probes and metrics. (OP_PING_PORT)'),
  }),
  tls: group('A certificate of your own instead of one from Let’s Encrypt.', {
    existingSecret: value.text('', 'Secret of type kubernetes.io/tls; empty: none.', NAME),
    certificateKey: value.text('tls.crt', 'Key of the certificate. (OP_TLS_CERT_FILE)', {
      pattern: '^[-._a-zA-Z0-9]+$',
    }),
    privateKeyKey: value.text('tls.key', 'Key of its private key. (OP_TLS_KEY_FILE)', {
      pattern: '^[-._a-zA-Z0-9]+$',
    }),
    seal: secretValue('Text that seals certificate keys in Redis (OP_TLS_KEY_SECRET).', 'seal'),
  }),
  acme: group('The authority that certificates come from.', {
    ...valuesOf('acme'),
    ca: secretValue('Authorities that signed the certificate of directoryUrl (PEM).', 'ca.crt'),
    eabHmac: secretValue('Key of the external account binding (OP_ACME_EAB_HMAC).', 'hmac'),
  }),
  dns01: secretValue(
    'Certificates by a DNS record: the JSON file of OP_DNS_CHALLENGE_CONFIG_FILE.',
    'dns01.json',
  ),
  workspace: group('Google Workspace is used once both Secrets are there.', {
    credentials: secretValue(
      'Key of the service account.',
      'workspace-credentials.json',
      'workspace-credentials',
    ),
    settings: secretValue('Settings.', 'workspace-settings.json', 'workspace-settings'),
  }),
  service,
  bridge,
  redis,
  serviceAccount: group('Service account of the bridge. It has no rights and mounts no token.', {
    create: enabled('Makes a service account.', true),
    name: value.text('', 'Name of the service account. Empty: that of the Deployment.', NAME),
    annotations: value.texts({}, 'Annotations of the service account.'),
  }),
  workloadIdentity: group('Microsoft Entra Workload ID.', {
    clientId: value.text('', 'Client id of the identity; empty: none.', {
      pattern: '^[0-9a-fA-F-]*$',
    }),
  }),
  autoscaling: group('HorizontalPodAutoscaler of the bridge.', {
    enabled: enabled('Makes a HorizontalPodAutoscaler.'),
    minReplicas: value.integer(2, 'Fewest pods of the bridge.', { minimum: 1, maximum: 20 }),
    maxReplicas: value.integer(4, 'Most pods of the bridge.', { minimum: 1, maximum: 20 }),
    targetCpuPercent: value.integer(80, 'Wanted CPU use, in percent of the request.', {
      minimum: 1,
      maximum: 1_000,
    }),
  }),
  podDisruptionBudget: group('PodDisruptionBudget of the bridge.', {
    enabled: enabled('Makes a PodDisruptionBudget.'),
    maxUnavailable: value.integerOrPercent(1, 'Pods that may be away at a time.'),
  }),
  networkPolicy,
  ingress,
  monitoring,
  extraObjects: value.list([], 'More objects, as they are.', {
    items: { type: 'object', required: ['apiVersion', 'kind', 'metadata'] },
  }),
};

/** The values as expressions. */
export const values = referencesOf(definition);

/** Values for one installation: what is not given keeps its default. */
export type OpScimValues = PartialValues<typeof definition>;
