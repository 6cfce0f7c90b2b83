import { OperatorError } from '#base/operator-error.ts';
import { timeText } from '#tls/certificate.ts';
import { readDnsConfig } from '#tls/dns/dns-config.ts';
import { readOrderHistory } from '#tls/look.ts';
import { certificateFinding, failureText } from '#tls/status.ts';
import { type Check, type Finding, failed, ok, skipped, warning } from './check.ts';
import { PLAIN_HTTP } from './domain.ts';
import type { Subject } from './subject.ts';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** Let’s Encrypt's, for one set of names in seven days. */
const CERTIFICATES_PER_WEEK = 5;
const MANY_CERTIFICATES = 3;

export const certificateChecks: readonly Check[] = [
  {
    id: 'certificate',
    title: 'Certificate',
    about:
      'The certificate that the bridge has: in the store, sealed by the session or `OP_TLS_KEY_SECRET`, or in `OP_TLS_CERT_FILE` and `OP_TLS_KEY_FILE`. It fits its key and the domain, its chain is in order, and more than a fifth of its life is left.',
    remedy:
      'A record that was sealed by another key stays until a new certificate was issued: put the session that sealed it back, or wait for the next order. The files have to hold the certificate first and then its intermediates; they are read again within ten seconds. Without any certificate look at the checks of the domain, port 443, the directory and the last order.',
    run: certificateCheck,
  },
  {
    id: 'last-order',
    title: 'Last order',
    about: 'Whether the last order of a certificate failed, why, and when it is tried again.',
    remedy:
      'Mend what the sentence says, then restart one replica: it tries again at once, or 15 minutes after the last failed check. A rate limit has to be waited for. [certificates.md](certificates.md) has what must be true.',
    async run(subject) {
      const { domain } = subject;
      if (domain === undefined) return PLAIN_HTTP;
      if (!subject.ordersCertificates) return OWN_FILES;
      const { found, problem } = await subject.certificate();
      if (found === undefined) return skipped(problem);
      const { failure } = found.status;
      if (failure === undefined)
        return ok('None has failed since the last certificate was issued.');
      const detail = `${failure.count} in a row failed, the last one at ${timeText(failure.atMs)} (${failure.problem}): ${failureText(failure, subject.nowMs)}`;
      // As health has it: while a good certificate is served there is time to mend it.
      const { state } = certificateFinding(found.status, subject.nowMs);
      return state === 'unhealthy' ? failed(detail) : warning(detail);
    },
  },
  {
    id: 'rate-limits',
    title: 'Rate limits',
    about:
      'How many certificates were issued for the domain in the last seven days and how many orders failed in the last hour, as far as the store has recorded it. Let’s Encrypt issues 5 certificates for the same name in seven days, gives one back every 34 hours, and allows 5 failed checks an hour. Renewals in the window that it names do not count.',
    remedy:
      'Wait: nothing lifts these limits. Five certificates in a week mean that the store loses them: give Redis a volume and `maxmemory-policy noeviction`. Try with `OP_ACME_DIRECTORY_URL=staging`, whose limits are wide.',
    run: rateFinding,
  },
  {
    id: 'dns-challenge',
    title: 'DNS challenge',
    about:
      'Where `OP_DNS_CHALLENGE_CONFIG_FILE` is set: the file can be read, and has what its provider needs. Doctor changes no record, so whether the provider takes the credentials shows with the first order.',
    remedy:
      'Mount the file where the variable says, and mend what is named. [certificates.md](certificates.md) has an example for each provider.',
    run(subject) {
      if (subject.domain === undefined) return PLAIN_HTTP;
      const { dnsChallengeConfigFile } = subject.config;
      return dnsChallengeConfigFile === undefined
        ? skipped('OP_DNS_CHALLENGE_CONFIG_FILE is not set: challenges are not answered by DNS.')
        : dnsFinding(dnsChallengeConfigFile);
    },
  },
];

export const OWN_FILES = skipped('OP_TLS_CERT_FILE is set: no certificate is ordered.');

async function certificateCheck(subject: Subject): Promise<Finding> {
  const { domain, nowMs } = subject;
  if (domain === undefined) return PLAIN_HTTP;
  const { found, problem } = await subject.certificate();
  if (found === undefined) {
    return subject.ordersCertificates ? skipped(problem) : failed(problem);
  }
  const { certificate, status, mistake } = found;
  if (mistake !== undefined) return failed(`The certificate of ${domain} ${mistake}.`);
  const { state, reason } = certificateFinding(status, nowMs);
  if (state === 'unhealthy') return failed(reason ?? '');
  if (state === 'degraded' || certificate === undefined) return warning(reason ?? '');
  const days = Math.floor((certificate.notAfterMs - nowMs) / DAY_MS);
  const renewal =
    status.renewAtMs === undefined
      ? 'Nobody renews it but you'
      : `Its renewal is planned for ${timeText(status.renewAtMs)}`;
  return ok(
    `${certificate.serial} is good for ${days} more days, until ${timeText(certificate.notAfterMs)}. ${renewal}.`,
  );
}

async function rateFinding(subject: Subject): Promise<Finding> {
  const { domain, nowMs } = subject;
  if (domain === undefined) return PLAIN_HTTP;
  if (!subject.ordersCertificates) return OWN_FILES;
  const { found: accounts, problem } = await subject.accounts();
  if (accounts === undefined) return skipped(problem);
  const { issuedMs, failedMs } = await readOrderHistory(accounts, domain, nowMs - WEEK_MS);
  const recent = failedMs.filter((timeMs) => timeMs > nowMs - 3_600_000).length;
  const said = `${issuedMs.length} certificates issued in the last 7 days, ${recent} orders failed in the last hour, as far as it is recorded.`;
  const failure = (await subject.certificate()).found?.status.failure;
  if (failure?.problem === 'rateLimited' && failure.nextMs > nowMs) {
    return failed(
      `The authority refuses more orders for now: ${failure.message} The next one is placed at ${timeText(failure.nextMs)}. ${said}`,
    );
  }
  const first = issuedMs.toSorted((a, b) => a - b).at(-CERTIFICATES_PER_WEEK);
  const why = `Let’s Encrypt issues ${CERTIFICATES_PER_WEEK} certificates for the same name in 7 days`;
  if (first !== undefined) {
    return warning(
      `${said} ${why}: it may refuse the next one until ${timeText(first + WEEK_MS)}.`,
    );
  }
  return issuedMs.length >= MANY_CERTIFICATES
    ? warning(`${said} ${why}. So many mean that the store loses them.`)
    : ok(said);
}

function dnsFinding(path: string): Finding {
  try {
    const { provider } = readDnsConfig(path);
    return ok(`${path} can be read. The provider is ${provider}; doctor does not ask it.`);
  } catch (thrown) {
    if (thrown instanceof OperatorError) return failed(thrown.message);
    throw thrown;
  }
}
