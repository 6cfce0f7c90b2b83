import { choice, domainName, email, file, namedUrl, option, text } from './option.ts';

/** Let’s Encrypt by name: staging issues certificates that no browser trusts, and has wide limits. */
const DIRECTORIES = {
  production: 'https://acme-v02.api.letsencrypt.org/directory',
  staging: 'https://acme-staging-v02.api.letsencrypt.org/directory',
} as const;

export const tlsOptions = {
  tlsDomain: option({
    env: 'OP_TLS_DOMAIN',
    oldNames: ['OP_LETSENCRYPT_DOMAIN'],
    chart: 'config.tlsDomain',
    parser: domainName,
    fallback: undefined,
    emptyIsSet: true,
    help: 'Public name of the bridge. Not empty: HTTPS on OP_TLS_PORT, with a certificate from Let’s Encrypt unless there are certificate files. Empty: plain HTTP. Only when it is unset does the domain in the scimsession file count.',
  }),
  chartTlsDomain: option({
    env: 'OP_CHART_TLS_DOMAIN',
    parser: domainName,
    fallback: undefined,
    emptyIsSet: true,
    help: 'Set by the chart to its own value of the domain, so that the bridge can warn when OP_TLS_DOMAIN was changed on the Deployment by hand.',
  }),
  tlsCertFile: option({
    env: 'OP_TLS_CERT_FILE',
    chart: 'tls.certificateKey',
    parser: file,
    fallback: undefined,
    help: 'PEM file of your own certificate, the intermediates after it. Needs OP_TLS_KEY_FILE; Let’s Encrypt is then not used.',
  }),
  tlsKeyFile: option({
    env: 'OP_TLS_KEY_FILE',
    chart: 'tls.privateKeyKey',
    parser: file,
    fallback: undefined,
    help: 'PEM file of the private key that belongs to OP_TLS_CERT_FILE.',
  }),
  tlsKeySecret: option({
    env: 'OP_TLS_KEY_SECRET',
    chart: 'tls.seal',
    parser: text,
    fallback: undefined,
    secret: true,
    help: 'Text from which the key is made that seals certificate keys in the store. Unset: the scimsession file brings one.',
  }),
  acmeEmail: option({
    env: 'OP_LETSENCRYPT_EMAIL',
    aliases: ['OP_TLS_EMAIL'],
    chart: 'config.letsencryptEmail',
    parser: email,
    fallback: undefined,
    help: 'Contact of the Let’s Encrypt account. Unset: 1pw@ followed by the domain.',
  }),
  acmeDirectoryUrl: option({
    env: 'OP_ACME_DIRECTORY_URL',
    chart: 'acme.directoryUrl',
    parser: namedUrl(DIRECTORIES, 'https:'),
    fallback: DIRECTORIES.production,
    help: 'Directory of the certificate authority (RFC 8555). `staging` is Let’s Encrypt’s for trials: browsers do not trust what it issues.',
  }),
  acmeCaFile: option({
    env: 'OP_ACME_CA_FILE',
    chart: 'acme.ca',
    parser: file,
    fallback: undefined,
    help: 'PEM file of the authorities that may have signed the certificate of OP_ACME_DIRECTORY_URL itself. Unset: those that Node knows.',
  }),
  acmeEabKid: option({
    env: 'OP_ACME_EAB_KID',
    chart: 'acme.eabKid',
    parser: text,
    fallback: undefined,
    help: 'Key id of the external account binding, where the certificate authority asks for one. Needs OP_ACME_EAB_HMAC.',
  }),
  acmeEabHmac: option({
    env: 'OP_ACME_EAB_HMAC',
    chart: 'acme.eabHmac',
    parser: text,
    fallback: undefined,
    secret: true,
    help: 'Key of the external account binding, in base64url.',
  }),
  acmeProfile: option({
    env: 'OP_ACME_PROFILE',
    chart: 'acme.profile',
    parser: text,
    fallback: undefined,
    help: 'Certificate profile to ask for, such as `shortlived`. Unset: the authority’s default.',
  }),
  acmeChallenge: option({
    env: 'OP_ACME_CHALLENGE',
    chart: 'acme.challenge',
    parser: choice('tls-alpn-01', 'http-01'),
    fallback: 'tls-alpn-01',
    help: 'How the authority sees that the domain is ours. `tls-alpn-01` needs port 443 alone; `http-01` needs port 80 to reach OP_PORT, which then answers challenges and sends everything else to HTTPS.',
  }),
  acmeEngine: option({
    env: 'OP_ACME_ENGINE',
    chart: 'acme.engine',
    parser: choice('native', 'greenlock'),
    fallback: 'native',
    help: 'Which implementation orders certificates. `native` is the bridge’s own; `greenlock` is the ACME core of greenlock-express with corrections, and knows neither profiles nor renewal windows.',
  }),
  dnsChallengeConfigFile: option({
    env: 'OP_DNS_CHALLENGE_CONFIG_FILE',
    chart: 'dns01',
    parser: file,
    fallback: undefined,
    help: 'JSON file that makes certificates come by a DNS record (DNS-01) at Google Cloud DNS, Azure DNS or Cloudflare instead of over port 443. docs/certificates.md has an example.',
  }),
};
