import type { AcmeError } from './acme/acme-engine.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Certificates that live shorter are renewed at half their life, others at two thirds. */
const SHORT_LIFE_MS = 10 * DAY_MS;
/** Nobody is asked to wait longer. A later time comes from a clock that was wrong. */
export const WAIT_MAX_MS = 48 * HOUR_MS;
const RATE_LIMIT_MS = 3 * HOUR_MS;
/** How soon after a failed check a new process may try again: at most 4 times an hour. */
const CHECK_AFTER_START_MS = 15 * MINUTE_MS;

/** How long to wait after the first failure, the second, and so on; the last one repeats. */
export interface RetryPlan {
  /**
   * The authority could not see that the domain is ours. Authorities allow five such failures an
   * hour, and after the fourth an operator has to look anyway.
   */
  readonly checkMs: readonly number[];
  /** The directory, the store or the provider of DNS was not there, or refused us: no check was spent. */
  readonly networkMs: readonly number[];
  /** Settings have to be changed first. */
  readonly operatorMs: readonly number[];
}

export const RETRY_PLAN: RetryPlan = {
  checkMs: [30 * SECOND_MS, 10 * MINUTE_MS, 100 * MINUTE_MS, DAY_MS],
  networkMs: [0.5, 1, 2, 4, 8, 16, 30].map((minutes) => minutes * MINUTE_MS),
  operatorMs: [DAY_MS],
};

/** The last failed orders of all replicas, as the store keeps them. */
export interface Failure {
  /** As AcmeError's, or `clock`. */
  readonly problem: string;
  readonly message: string;
  /** Failures without a success between them. */
  readonly count: number;
  readonly atMs: number;
  readonly nextMs: number;
}

/** When to renew, without a word from the authority: RFC 9773 §4.3 leaves that to clients. */
export function renewalTimeMs(notBeforeMs: number, notAfterMs: number): number {
  const lifeMs = notAfterMs - notBeforeMs;
  return notBeforeMs + Math.round(lifeMs * (lifeMs < SHORT_LIFE_MS ? 1 / 2 : 2 / 3));
}

/** When this certificate is to be renewed: as the authority said, but never later than our own rule. */
export function plannedRenewalMs(
  { notBeforeMs, notAfterMs }: { readonly notBeforeMs: number; readonly notAfterMs: number },
  pickMs: number | undefined,
): number {
  const latestMs = renewalTimeMs(notBeforeMs, notAfterMs);
  return Math.min(pickMs ?? latestMs, latestMs);
}

/** The record of one more failure. `random` from 0 to 1 makes replicas and bridges differ. */
export function nextFailure(
  error: AcmeError,
  before: Failure | undefined,
  nowMs: number,
  random: number,
  plan: RetryPlan,
): Failure {
  const count = (before?.count ?? 0) + 1;
  const { problem, message } = error;
  const waitMs =
    problem === 'rateLimited'
      ? Math.min(error.retryAfterMs ?? RATE_LIMIT_MS, WAIT_MAX_MS)
      : Math.max(
          stepOf(planOf(problem, plan), count) * (1 + random / 5),
          Math.min(error.retryAfterMs ?? 0, WAIT_MAX_MS),
        );
  return { problem, message, count, atMs: nowMs, nextMs: nowMs + Math.round(waitMs) };
}

/**
 * From when on an order may be placed after this failure. A process that has just started may try
 * sooner, since its settings or its network may be new, but never against a rate limit.
 */
export function nextTryMs(failure: Failure, nowMs: number, isNewProcess: boolean): number {
  const { problem, atMs, nextMs } = failure;
  if (nextMs > nowMs + WAIT_MAX_MS || atMs > nowMs + WAIT_MAX_MS) return nowMs;
  if (!isNewProcess || problem === 'rateLimited' || problem === 'clock') return nextMs;
  const isCheck = !NETWORK.has(problem) && !OPERATOR.has(problem);
  return Math.min(nextMs, isCheck ? atMs + CHECK_AFTER_START_MS : nowMs);
}

const NETWORK: ReadonlySet<string> = new Set([
  'network',
  'dnsProvider',
  'serverInternal',
  'badNonce',
]);
const OPERATOR: ReadonlySet<string> = new Set([
  'accountDoesNotExist',
  'clock',
  'externalAccountRequired',
  'invalidContact',
  'protocol',
  'rejectedIdentifier',
  'unsupportedChallenge',
  'unsupportedContact',
  'unsupportedIdentifier',
  'userActionRequired',
]);

function planOf(problem: string, plan: RetryPlan): readonly number[] {
  if (NETWORK.has(problem)) return plan.networkMs;
  return OPERATOR.has(problem) ? plan.operatorMs : plan.checkMs;
}

function stepOf(plan: readonly number[], count: number): number {
  return plan[Math.min(count, plan.length) - 1] ?? DAY_MS;
}
