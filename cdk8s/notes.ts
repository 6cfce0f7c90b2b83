import { bridgeImage, fullname, redisSecret, sessionSecret } from './helpers.ts';
import { branch, deprecations, notes } from './lib/documents.ts';
import { chart, type Expression, release } from './lib/expression.ts';
import { f, text } from './lib/functions.ts';
import { definition, values } from './values.ts';

const { tlsDomain } = values.config;
const domain = f.default('scim.example.com', tlsDomain);
/** Without a slash at its end. */
const url = f.trimSuffix('/', f.default(text`https://${domain}`, values.config.publicUrl));
const isLoadBalancer = f.eq(values.service.type, 'LoadBalancer');
const namespace = notes`--namespace ${release.namespace}`;
const bridge = text`${fullname}-bridge`;
const { image, ingress, redis, service, session } = values;
const { persistence } = redis;

const secret = branch(
  f.not(f.or(session.create, session.keyVault.enabled)),
  notes`
Session: the bridge starts once its scimsession file is there. Unless you made the Secret already:

     kubectl create secret generic ${sessionSecret} ${namespace} --from-file=${session.key}=./scimsession
`,
);

const { acme, bearerToken, dns01, monitoring, tls } = values;
const { external } = redis;
const isOwnRedis = f.not(redis.enabled);
/** What the values name and the chart does not make: a pod does not start before it is there. */
const namedSecrets = [
  namedSecret(bearerToken.existingSecret, 'the bearer token'),
  namedSecret(tls.existingSecret, 'the certificate, of type kubernetes.io/tls'),
  namedSecret(tls.seal.existingSecret, 'the text that seals certificate keys'),
  namedSecret(dns01.existingSecret, 'the settings of DNS: docs/certificates.md'),
  namedSecret(acme.ca.existingSecret, 'the certificate of the ACME authority'),
  namedSecret(acme.eabHmac.existingSecret, 'the HMAC key of the ACME account'),
  namedSecret(external.existingSecret, 'the URL of Redis', isOwnRedis),
  namedSecret(external.ca.existingSecret, 'the certificate authority of Redis', isOwnRedis),
  namedSecret(external.sentinelPassword.existingSecret, 'the password of Sentinel', isOwnRedis),
  namedSecret(
    monitoring.serviceMonitor.token.existingSecret,
    'the health-only token',
    monitoring.serviceMonitor.enabled,
  ),
];
const secrets = branch(
  f.or(...namedSecrets.map(({ isNamed }) => isNamed)),
  notes`
Secrets: the values name these, which have to exist beside it:
`.concat(...namedSecrets.map(({ line }) => line)),
);
const ingressSecrets = branch(
  f.and(ingress.enabled, ingress.tls),
  notes`
The Secrets of ingress.tls are to be there too, unless the Ingress controller makes them.
`,
);

function namedSecret(name: Expression<string>, what: string, isUsed?: Expression) {
  const isNamed = isUsed === undefined ? name : f.and(isUsed, name);
  return { isNamed, line: branch(isNamed, notes`     ${name}: ${what}\n`) };
}

const address = branch(
  ingress.enabled,
  notes`
Address: the Ingress has an address as soon as this prints one:

     kubectl get ingress ${bridge} ${namespace}
`,
  branch(
    isLoadBalancer,
    notes`
Address: the load balancer has an address when EXTERNAL-IP is no longer <pending>:

     kubectl get service ${bridge} ${namespace} --watch
`,
    notes`
Address: the load balancer is yours to make, as service.type is ${service.type}. To look at it from here:

     kubectl port-forward service/${bridge}-probe ${namespace} 8080
     curl http://127.0.0.1:8080/ping
`,
  ),
);

const dns = branch(
  ingress.enabled,
  notes`
DNS: point the names of the Ingress at this address.
`,
  notes`
DNS: make a record that points ${domain} at this address.
`,
);

const certificate = branch(
  f.not(f.or(ingress.enabled, tlsDomain)),
  notes`
Certificate: then turn TLS on. It comes by itself, over port 443:

     helm upgrade ${release.name} CHART ${namespace} --reset-then-reuse-values --set config.tlsDomain=scim.example.com

CHART is what you installed from, such as ./charts/op-scim.
`,
  branch(
    f.not(f.or(ingress.enabled, tls.existingSecret)),
    notes`
Certificate: until it is there HTTPS refuses connections. It comes by itself, within minutes after DNS
is right and ${f.ternary('the settings of DNS are good', 'port 443 is reached', dns01.existingSecret)}. Doctor and the log say what is missing:

     kubectl logs deploy/${bridge} ${namespace} -c op-scim-bridge --follow
`,
  ),
);

const doctor = notes`
Check: let the bridge look at itself, then ask it from inside the cluster:

     kubectl exec deploy/${bridge} ${namespace} -c op-scim-bridge -- op-scim doctor
     helm test ${release.name} ${namespace}

Connect: open ${url}/ and see that the bridge runs. In your identity provider the SCIM address is
${url}/scim, and the secret is the bearer token.
`;

const warnings = [
  branch(
    f.not(f.or(image.registry, f.contains('/', image.repository))),
    notes`
! The image is ${bridgeImage}, without a registry: nodes have to have it already. Set
  image.registry to the registry that you pushed it to.
`,
  ),
  branch(
    f.and(redis.enabled, f.not(persistence.enabled)),
    notes`
! redis.persistence.enabled is false: a restart of Redis loses the directory and the certificate.
`,
  ),
  branch(
    f.and(
      redis.enabled,
      persistence.enabled,
      f.not(f.or(persistence.storageClass, persistence.existingClaim)),
    ),
    notes`
! Redis waits for a volume of the default storage class. If the cluster has none (kubectl get storageclass),
  set redis.persistence.storageClass, or redis.persistence.enabled=false for a trial.
`,
  ),
  branch(
    redis.enabled,
    notes`
! Redis asks for no password unless the Secret ${redisSecret} has one. Before the first install, or
  with a restart of both Deployments:

     kubectl create secret generic ${redisSecret} ${namespace} --from-literal=${redis.password.key}="$(openssl rand -hex 32)"
`,
  ),
  branch(
    f.or(
      f.and(redis.enabled, values.networkPolicy.redis),
      values.networkPolicy.bridgeIngress.enabled,
      values.networkPolicy.bridgeEgress.enabled,
    ),
    notes`
! NetworkPolicies do nothing in a cluster whose network plug-in does not heed them, such as an AKS cluster
  with network policy "None".
`,
  ),
  branch(
    f.and(f.not(f.le(values.replicaCount, 1)), f.not(values.bearerToken.existingSecret)),
    notes`
! Each pod of the bridge waits for a request with the bearer token before it works. With more than one,
  set bearerToken.existingSecret.
`,
  ),
];

/** What to do after `helm install`, from the address to the identity provider. */
export const NOTES = `${deprecations(definition)}${notes`op-scim ${chart.appVersion} is installed as ${release.name} in namespace ${release.namespace}.
`}${secret}${secrets}${ingressSecrets}${address}${dns}${certificate}${doctor}${warnings.join('')}`;
