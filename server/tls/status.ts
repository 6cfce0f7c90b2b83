import { timeText } from './certificate.ts';
import type { Failure } from './schedule.ts';

/** What health, metrics and the status page say of the certificate. */
export interface CertificateStatus {
  readonly domain: string;
  /** Undefined while none is served. */
  readonly certificate:
    | { readonly serial: string; readonly notBeforeMs: number; readonly notAfterMs: number }
    | undefined;
  /** Undefined when nobody renews it here, as with certificate files. */
  readonly renewAtMs: number | undefined;
  /** The last order that failed, if none succeeded since. */
  readonly failure: Failure | undefined;
  /** Failed orders and unusable files, counted by this process. */
  readonly failures: number;
  /** Something besides orders that someone has to look at: one or two sentences. */
  readonly trouble: string | undefined;
  /** When this process began to serve TLS. */
  readonly startedMs: number;
}

/** Where the certificate comes from. */
export interface CertificateSource {
  status(): CertificateStatus;
  /** Resolves when what is there already is served. Never rejects because of a certificate. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface CertificateFinding {
  readonly state: 'healthy' | 'degraded' | 'unhealthy';
  readonly reason?: string;
}

/** From then on someone has to act: the last fifth of the certificate's life. */
const ALARM_PART = 1 / 5;
/** An order takes seconds; a domain without a certificate for so long does not work. */
const FIRST_ORDER_MS = 15 * 60_000;
const CLOCK_TOLERANCE_MS = 300_000;

export function certificateFinding(status: CertificateStatus, nowMs: number): CertificateFinding {
  const { certificate, failure, trouble } = status;
  const failed = failure && `The last order failed: ${failureText(failure, nowMs)}`;
  const reasons = [failed, trouble].filter((text) => text !== undefined);
  if (certificate === undefined) {
    const isNew = nowMs < status.startedMs + FIRST_ORDER_MS && failure === undefined;
    const begin = `There is no certificate for ${status.domain} yet.`;
    return finding(isNew && trouble === undefined ? 'degraded' : 'unhealthy', begin, reasons);
  }
  const { notBeforeMs, notAfterMs } = certificate;
  const until = `The certificate of ${status.domain} ${nowMs < notAfterMs ? 'ends' : 'has ended'} on ${timeText(notAfterMs)}.`;
  if (nowMs >= notAfterMs - (notAfterMs - notBeforeMs) * ALARM_PART) {
    return finding('unhealthy', until, reasons);
  }
  if (nowMs < notBeforeMs - CLOCK_TOLERANCE_MS) {
    const early = `The certificate of ${status.domain} begins on ${timeText(notBeforeMs)}, after the time of this machine's clock. Set the clock.`;
    return finding('degraded', early, reasons);
  }
  return reasons.length === 0 ? { state: 'healthy' } : finding('degraded', until, reasons);
}

function finding(
  state: CertificateFinding['state'],
  begin: string,
  reasons: readonly string[],
): CertificateFinding {
  return { state, reason: [begin, ...reasons].join(' ') };
}

/** Why the last order failed, and when it is tried again. */
export function failureText({ message, nextMs }: Failure, nowMs: number): string {
  const next = nextMs > nowMs ? `The next try is at ${timeText(nextMs)}.` : 'It is tried again.';
  return `${message} ${next}`;
}
