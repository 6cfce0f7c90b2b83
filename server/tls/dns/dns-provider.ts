import { hash } from 'node:crypto';
import { AcmeError } from '../acme/acme-engine.ts';

/** Keeps TXT records of the zone that a name is in. Values of others at the same name stay as they are. */
export interface DnsProvider {
  /** As the operator knows it. */
  readonly title: string;
  /** How long its name servers may take to show a change that it has taken, in milliseconds. */
  readonly spreadMs: number;
  /** Adds the value. Rejects with AcmeError `dnsProvider`, or with the reason of the signal. */
  put(name: string, value: string, signal: AbortSignal): Promise<void>;
  /** Removes the value; fine when it is not there. Rejects as `put` does. */
  remove(name: string, value: string, signal: AbortSignal): Promise<void>;
}

/** Of records that we make, in seconds: the least that all three providers take. */
export const RECORD_TTL_SECONDS = 60;

/** Where the authority looks, without a dot at the end (RFC 8555 §8.4). */
export function recordName(domain: string): string {
  return `_acme-challenge.${domain}`;
}

/** What the authority looks for there. */
export function recordValue(keyAuthorization: string): string {
  return hash('sha256', keyAuthorization, 'base64url');
}

/** Zones that the name may be in, the longest first: no provider is asked for a top-level domain. */
export function zoneCandidates(name: string): readonly string[] {
  const labels = name.split('.');
  return labels.slice(0, -1).map((_, first) => labels.slice(first).join('.'));
}

/**
 * Why a record could not be put or removed: nothing that the authority has seen, so that none of
 * the few checks is spent.
 */
export function providerError(
  message: string,
  options: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
): AcmeError {
  return new AcmeError('dnsProvider', message, options);
}
