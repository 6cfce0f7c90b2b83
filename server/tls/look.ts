import type { StoreView } from '#store/store.ts';
import { type Certificate, wrongName, wrongTime } from './certificate.ts';
import { readCertificateFiles } from './file-source.ts';
import {
  readCertificateBody,
  readFailureBody,
  readRenewalBody,
  UnusableRecord,
  unusableText,
} from './records.ts';
import { plannedRenewalMs } from './schedule.ts';
import type { Seal } from './seal.ts';
import type { CertificateStatus } from './status.ts';
import { BRIDGE, openTlsView, type TlsPlace } from './tls-store.ts';

/** What a bridge that starts now would serve. */
export interface CertificateLook {
  readonly certificate: Certificate | undefined;
  /** As health sees it, of a process that has just begun. */
  readonly status: CertificateStatus;
  /** Why clients would refuse it, completes "it …". */
  readonly mistake: string | undefined;
}

type Accounts = (accountId: string) => StoreView;

/** The certificate that replicas share. Nothing is served, ordered or written. */
export async function lookAtRecords(
  accounts: Accounts,
  place: TlsPlace,
  seal: Seal,
  nowMs: number,
): Promise<CertificateLook> {
  const view = openTlsView(accounts(BRIDGE), place);
  const records = await view.read(seal.id);
  const failure = records.failure && readFailureBody(records.failure.body);
  let certificate: Certificate | undefined;
  let trouble: string | undefined;
  try {
    const context = view.contextOf('certificate', seal.id);
    const { certificate: record } = records;
    certificate = record && readCertificateBody(record.body, seal, context);
    const mistake = certificate && wrongName(certificate, place.domain);
    if (mistake !== undefined) throw new UnusableRecord(mistake);
  } catch (thrown) {
    if (!(thrown instanceof UnusableRecord)) throw thrown;
    certificate = undefined;
    trouble = unusableText(thrown);
  }
  const renewal = records.renewal && readRenewalBody(records.renewal.body);
  const pickMs = renewal?.serial === certificate?.serial ? renewal?.pickMs : undefined;
  const renewAtMs = certificate && plannedRenewalMs(certificate, pickMs);
  const { domain } = place;
  const status = { domain, certificate, renewAtMs, failure, failures: 0, trouble };
  const mistake = certificate && wrongTime(certificate, nowMs);
  return { certificate, status: { ...status, startedMs: nowMs }, mistake };
}

/** Certificate files of one's own. Throws UnusableCertificate. */
export function lookAtFiles(
  files: { readonly certFile: string; readonly keyFile: string },
  domain: string,
  nowMs: number,
): CertificateLook {
  const certificate = readCertificateFiles(files.certFile, files.keyFile);
  const mistake = wrongName(certificate, domain) ?? wrongTime(certificate, nowMs);
  const none = { renewAtMs: undefined, failure: undefined, trouble: undefined };
  const status = { domain, certificate, ...none, failures: 0, startedMs: nowMs };
  return { certificate, status, mistake };
}

/** Orders for one domain, as the bridge's own history has them. Times in milliseconds since 1970. */
export interface OrderHistory {
  readonly issuedMs: readonly number[];
  readonly failedMs: readonly number[];
}

const EVENTS_PER_PAGE = 1_000;
const PAGES_MAX = 20;

export async function readOrderHistory(
  accounts: Accounts,
  domain: string,
  fromMs: number,
): Promise<OrderHistory> {
  const issuedMs: number[] = [];
  const failedMs: number[] = [];
  const view = accounts(BRIDGE);
  let after: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const events = await view.events(after, EVENTS_PER_PAGE);
    for (const { timeMs, body } of events) {
      const operation = timeMs < fromMs ? undefined : operationFor(domain, body);
      if (operation === 'certificate.issued') issuedMs.push(timeMs);
      if (operation === 'certificate.failed') failedMs.push(timeMs);
    }
    after = events.at(-1)?.id;
    if (events.length < EVENTS_PER_PAGE) break;
  }
  return { issuedMs, failedMs };
}

function operationFor(domain: string, body: string): unknown {
  const event: unknown = JSON.parse(body); // The bridge wrote it.
  const isOfDomain = typeof event === 'object' && event !== null && 'domain' in event;
  if (!isOfDomain || event.domain !== domain) return undefined;
  return 'operation' in event ? event.operation : undefined;
}
