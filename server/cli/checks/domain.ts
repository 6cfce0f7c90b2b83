import { BlockList, isIPv6 } from 'node:net';
import { timeText, wrongName, wrongTime } from '#tls/certificate.ts';
import { type Check, type Finding, failed, ok, skipped, warning } from './check.ts';
import type { Handshake } from './network.ts';
import type { Addresses, Subject } from './subject.ts';

export const PLAIN_HTTP = skipped(
  'OP_TLS_DOMAIN is empty or unset: the bridge serves plain HTTP, and needs no certificate.',
);

/** Addresses that no authority on the internet reaches (RFC 6890). */
const PRIVATE = privateNetworks();

export const domainChecks: readonly Check[] = [
  {
    id: 'domain',
    title: 'Domain',
    about:
      'The addresses that DNS has for `OP_TLS_DOMAIN`. Let’s Encrypt and clients go there, and try IPv6 first: an AAAA record that leads elsewhere spoils everything although IPv4 works.',
    remedy:
      'Make an A record with the address of the load balancer (`kubectl get services`), remove AAAA records that do not lead to the bridge, and wait until the time to live of the old records has passed.',
    async run(subject) {
      if (subject.domain === undefined) return PLAIN_HTTP;
      const { found, problem } = await subject.addresses();
      if (found !== undefined) return addressFinding(found, subject);
      return failed(problem, 'Make an A record with the address of the load balancer.');
    },
  },
  {
    id: 'port-443',
    title: 'Port 443',
    about:
      'Each address of the domain takes connections on port 443, as seen from here. Only a look from outside proves it: a firewall may let this machine through and others not, and a router may keep a machine from reaching itself by its public address though everybody else gets through.',
    remedy:
      'Port 443 of the domain has to lead to `OP_TLS_PORT` (8443) of the bridge, through firewalls, security groups and the load balancer. From a machine elsewhere: `curl -v https://scim.example.com/ping`.',
    async run(subject) {
      if (subject.domain === undefined) return PLAIN_HTTP;
      const handshakes = await subject.handshakes();
      return handshakes.length === 0
        ? skipped('The domain has no address.')
        : portFinding(handshakes, subject.domain);
    },
  },
  {
    id: 'served-certificate',
    title: 'Served certificate',
    about:
      'The certificate that clients of the domain are shown: it is the one of the bridge, for this domain, in its time, and from an authority that clients know.',
    remedy:
      'Another certificate than that of the bridge means that something else answers: the domain leads elsewhere, or a proxy ends TLS before the bridge. Then let the proxy pass TCP through, or empty `OP_TLS_DOMAIN` and set `OP_PUBLIC_URL`. Staging and private authorities are not known to clients.',
    async run(subject) {
      const { domain } = subject;
      if (domain === undefined) return PLAIN_HTTP;
      const reached = (await subject.handshakes()).filter(({ refusal }) => refusal === undefined);
      if (reached.length === 0) return skipped('Port 443 of the domain is not reached from here.');
      const stored = (await subject.certificate()).found?.certificate?.serial;
      const findings = reached.map((handshake) =>
        servedFinding(handshake, domain, stored, subject),
      );
      const order = ['failed', 'warning', 'ok'];
      const [worst = skipped('')] = findings.toSorted(
        (a, b) => order.indexOf(a.state) - order.indexOf(b.state),
      );
      return worst;
    },
  },
];

async function addressFinding({ ipv4, ipv6 }: Addresses, subject: Subject): Promise<Finding> {
  const { domain = '', options } = subject;
  const own = options.network.ownAddresses();
  const show = (address: string): string =>
    own.includes(address) ? `${address} (this machine)` : address;
  const lists = [
    ...(ipv4.length === 0 ? [] : [`A ${ipv4.map(show).join(', ')}`]),
    ...(ipv6.length === 0 ? [] : [`AAAA ${ipv6.map(show).join(', ')}`]),
  ];
  const said = `${domain} has ${lists.join(' and ')}.`;
  const closed = [...ipv4, ...ipv6].filter(isPrivate);
  // With DNS-01 the authority looks at records alone.
  const isVisited =
    subject.ordersCertificates && subject.config.dnsChallengeConfigFile === undefined;
  if (closed.length > 0 && isVisited) {
    return warning(
      `${said} ${closed.join(', ')} can not be reached from the internet.`,
      'An authority on the internet, such as Let’s Encrypt, has to reach each address; a private authority may reach it.',
    );
  }
  if (ipv6.length === 0) return ok(said);
  const handshakes = await subject.handshakes();
  const serialAt = (address: string): string | undefined =>
    handshakes.find((each) => each.address === address)?.certificate?.serialNumber;
  const expected = serialAt(ipv4[0] ?? ipv6[0] ?? '');
  const isProven = expected !== undefined && ipv6.every((each) => serialAt(each) === expected);
  if (isProven) return ok(`${said} All of IPv6 show the same certificate.`);
  return warning(
    `${said} Let’s Encrypt tries IPv6 first, and from here it is not seen that the AAAA record leads to the bridge.`,
    'Remove the AAAA record unless it does.',
  );
}

function portFinding(handshakes: readonly Handshake[], domain: string): Finding {
  const refused = handshakes.filter(({ refusal }) => refusal !== undefined);
  const reasons = refused.map(({ address, refusal }) => `${address}: ${refusal}.`).join(' ');
  const outside = 'Only a look from outside proves what others can reach';
  const command = `curl -v https://${domain}/ping`;
  if (refused.length === 0) {
    const addresses = handshakes.map(({ address }) => address).join(', ');
    return ok(`${addresses} can be reached from here. ${outside}: ${command}`);
  }
  const hint = `Let port 443 lead to OP_TLS_PORT of the bridge. ${outside}, so try from elsewhere: ${command}`;
  return refused.length === handshakes.length
    ? failed(`Port 443 of ${domain} can not be reached from here. ${reasons}`, hint)
    : warning(`Not every address of ${domain} can be reached from here. ${reasons}`, hint);
}

function servedFinding(
  { address, certificate, tlsProblem, distrust }: Handshake,
  domain: string,
  stored: string | undefined,
  subject: Subject,
): Finding {
  if (certificate === undefined) return failed(`${address}: ${tlsProblem}.`);
  const served = {
    chainPem: certificate.toString(),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
  const issuer = issuerOf(certificate.issuer);
  const name = `${address} shows the certificate ${certificate.serialNumber} of ${issuer}, until ${timeText(served.notAfterMs)}.`;
  const mistake = wrongName(served, domain) ?? wrongTime(served, subject.nowMs);
  if (mistake !== undefined) return failed(`${name} It ${mistake}.`);
  if (stored !== undefined && stored !== certificate.serialNumber) {
    return failed(
      `${name} That of the bridge is ${stored}.`,
      'Something else answers: check where the domain leads, and whether a proxy ends TLS. A replica takes a new certificate within seconds, and a changed file within ten.',
    );
  }
  if (distrust === undefined) return ok(name);
  const hint =
    'Clients that do not know this authority refuse it. A missing intermediate looks the same: the chain has to go up to a root.';
  return isExpectedToBeKnown(subject)
    ? failed(`${name} Clients do not trust it (${distrust}).`, hint)
    : warning(`${name} Clients do not trust it (${distrust}).`, hint);
}

/** Other directories, such as staging, issue what only some clients know; so may files of one's own. */
function isExpectedToBeKnown({ config, options, ordersCertificates }: Subject): boolean {
  return (
    ordersCertificates &&
    options.loaded.sources.acmeDirectoryUrl === undefined &&
    config.acmeCaFile === undefined
  );
}

/** `O=Let's Encrypt\nCN=E7` on one line. */
function issuerOf(lines: string): string {
  return lines.replaceAll('\n', ', ') || 'an authority without a name';
}

function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function privateNetworks(): BlockList {
  const list = new BlockList();
  const ranges = [
    ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
    ...['172.16.0.0/12', '192.168.0.0/16', '::/127', 'fc00::/7', 'fe80::/10'],
  ];
  for (const range of ranges) {
    const [network = '', bits] = range.split('/');
    list.addSubnet(network, Number(bits), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list;
}
