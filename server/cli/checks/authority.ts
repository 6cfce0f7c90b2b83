import type { CaaRecord } from 'node:dns';
import { timeText } from '#tls/certificate.ts';
import { OWN_FILES } from './certificate.ts';
import { type Check, type Finding, failed, ok, skipped, warning } from './check.ts';
import { PLAIN_HTTP } from './domain.ts';
import { codeOf, type Network } from './network.ts';
import type { Subject } from './subject.ts';

const SKEW_WARNING_MS = 60_000;
const SKEW_FAILURE_MS = 300_000;

export const authorityChecks: readonly Check[] = [
  {
    id: 'directory',
    title: 'Directory',
    about:
      'The directory of the certificate authority (`OP_ACME_DIRECTORY_URL`) answers, is one, and has what the settings ask for: the profile, and an account that is bound to yours where it wants one. Nothing is ordered.',
    remedy:
      'Outgoing HTTPS to that server has to be allowed: egress rules, proxies. For a private authority set `OP_ACME_CA_FILE`. Where it asks for an account, set `OP_ACME_EAB_KID` and `OP_ACME_EAB_HMAC`.',
    run: directoryFinding,
  },
  {
    id: 'clock',
    title: 'Clock',
    about:
      'The clock of this machine against that of the authority, to the second. With a wrong one certificates look expired or not valid yet, and are renewed at the wrong time.',
    remedy: 'Set the clock, and let NTP keep it. A pod has the clock of its node.',
    async run(subject) {
      if (subject.domain === undefined) return PLAIN_HTTP;
      if (!subject.ordersCertificates) return OWN_FILES;
      const { found } = await subject.directory();
      if (found?.serverTimeMs === undefined) return skipped('The directory did not tell the time.');
      return clockFinding(found.serverTimeMs, subject.nowMs);
    },
  },
  {
    id: 'caa-records',
    title: 'CAA records',
    about:
      'CAA records of the domain or of the names above it, if there are any, allow the authority and the way in which it checks (RFC 8659, RFC 8657).',
    remedy:
      'Add `0 issue "letsencrypt.org"`, or the name that your authority gives. `validationmethods` has to name the challenge in use.',
    run: caaFinding,
  },
];

async function directoryFinding(subject: Subject): Promise<Finding> {
  const { config } = subject;
  if (subject.domain === undefined) return PLAIN_HTTP;
  if (!subject.ordersCertificates) return OWN_FILES;
  const { found, problem } = await subject.directory();
  if (found === undefined) return failed(problem);
  if (found.asksForExternalAccount && config.acmeEabKid === undefined) {
    return failed(
      'The authority wants accounts that are bound to one of its own.',
      'Set OP_ACME_EAB_KID and OP_ACME_EAB_HMAC to what it gives you.',
    );
  }
  const { acmeProfile, acmeDirectoryUrl } = config;
  if (acmeProfile !== undefined && !found.profiles.includes(acmeProfile)) {
    const offered = found.profiles.join(', ') || 'none';
    return warning(
      `The authority does not offer the profile ${acmeProfile}; certificates come as by default. It offers: ${offered}.`,
      'Correct OP_ACME_PROFILE, or unset it.',
    );
  }
  const profiles = found.profiles.length === 0 ? '' : ` Profiles: ${found.profiles.join(', ')}.`;
  return ok(`${acmeDirectoryUrl} answers in ${Math.round(found.tookMs)} ms.${profiles}`);
}

function clockFinding(serverTimeMs: number, nowMs: number): Finding {
  const skewMs = nowMs - serverTimeMs;
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  if (Math.abs(skewMs) <= SKEW_WARNING_MS) return ok('It agrees with that of the authority.');
  const said = `It is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of the authority: ${timeText(nowMs)} here, ${timeText(serverTimeMs)} there.`;
  const isFar = Math.abs(skewMs) > SKEW_FAILURE_MS;
  return isFar ? failed(said, 'Set the clock.') : warning(said, 'Set the clock.');
}

async function caaFinding(subject: Subject): Promise<Finding> {
  const { domain, config } = subject;
  if (domain === undefined) return PLAIN_HTTP;
  if (!subject.ordersCertificates) return OWN_FILES;
  let set: { readonly name: string; readonly records: readonly CaaRecord[] } | undefined;
  try {
    set = await caaSetOf(subject.options.network, domain);
  } catch (thrown) {
    return warning(
      `CAA records could not be looked up (${codeOf(thrown)}).`,
      'An authority that can not look them up issues nothing: check the name servers of the domain.',
    );
  }
  if (set === undefined) return ok('There are none: each authority may issue.');
  const { found } = await subject.directory();
  const identities = found?.caaIdentities ?? [];
  if (identities.length === 0)
    return skipped('The authority does not say by which name CAA records allow it.');
  const method = config.dnsChallengeConfigFile === undefined ? config.acmeChallenge : 'dns-01';
  const issuers = set.records.flatMap(({ issue }) => (issue === undefined ? [] : [issue]));
  if (issuers.length === 0 || issuers.some((issue) => allows(issue, identities, method))) {
    return ok(`Those of ${set.name} allow the authority.`);
  }
  return failed(
    `Those of ${set.name} do not allow the authority with ${method}: ${issuers.join(', ')}.`,
    `Add 0 issue "${identities[0]}".`,
  );
}

/** The records of the domain, else of the nearest name above it (RFC 8659 §3). */
async function caaSetOf(network: Network, domain: string) {
  for (let name = domain; name.includes('.'); name = name.slice(name.indexOf('.') + 1)) {
    try {
      const records = await network.caaRecordsOf(name);
      if (records.length > 0) return { name, records };
    } catch (thrown) {
      if (!['ENODATA', 'ENOTFOUND'].includes(codeOf(thrown))) throw thrown;
    }
  }
  return undefined;
}

function allows(issue: string, identities: readonly string[], method: string): boolean {
  const [issuer = '', ...parameters] = issue.split(';').map((part) => part.trim().toLowerCase());
  if (!identities.includes(issuer)) return false;
  const methods = parameters
    .find((parameter) => parameter.startsWith('validationmethods='))
    ?.split('=')[1]
    ?.split(',');
  return methods === undefined || methods.map((each) => each.trim()).includes(method);
}
