import type { Challenge, ChallengeType, RenewalWindow } from './acme/acme-engine.ts';
import { type Certificate, readCertificate, UnusableCertificate } from './certificate.ts';
import type { Failure } from './schedule.ts';
import type { Seal } from './seal.ts';

/** The bodies of the records that replicas share: written here, and read with suspicion. */

/** Why a stored record is not used. Completes "the stored certificate …". */
export class UnusableRecord extends Error {
  override readonly name = 'UnusableRecord';
}

/** What to tell of a stored certificate that is not used. */
export function unusableText({ message }: UnusableRecord): string {
  return `The stored certificate ${message}. It stays as it is until another one is issued.`;
}

/** The renewal window of one certificate, and the time in it that all replicas take. */
export interface Renewal extends RenewalWindow {
  readonly serial: string;
  readonly pickMs: number;
  readonly askAtMs: number;
}

export function certificateBody(
  { chainPem, keyPem }: Pick<Certificate, 'chainPem' | 'keyPem'>,
  seal: Seal,
  context: string,
): string {
  return JSON.stringify({
    v: 1,
    chain: chainPem,
    seal: seal.id,
    key: seal.close(keyPem, context),
  });
}

/** Throws UnusableRecord. Neither domain nor dates are looked at. */
export function readCertificateBody(body: string, seal: Seal, context: string): Certificate {
  const { chain, key } = fieldsOf(body);
  if (typeof chain !== 'string' || typeof key !== 'string') {
    throw new UnusableRecord('is garbled');
  }
  const keyPem = seal.open(key, context);
  if (keyPem === undefined) {
    throw new UnusableRecord(
      sealIdOf(body) === seal.id
        ? 'was changed: its key does not open'
        : 'was sealed by another key, that of another scimsession file or OP_TLS_KEY_SECRET',
    );
  }
  try {
    return readCertificate(chain, keyPem);
  } catch (thrown) {
    if (!(thrown instanceof UnusableCertificate)) throw thrown;
    throw new UnusableRecord(`can not be served: ${thrown.message}`);
  }
}

/** Undefined when the body is no certificate of ours. */
export function sealIdOf(body: string): string | undefined {
  try {
    return textOf(fieldsOf(body)['seal']);
  } catch {
    return undefined;
  }
}

export function accountBody(keyPem: string, seal: Seal, context: string): string {
  return JSON.stringify({ v: 1, key: seal.close(keyPem, context) });
}

/** The account's key as PEM text. Throws UnusableRecord. */
export function readAccountBody(body: string, seal: Seal, context: string): string {
  const key = textOf(fieldsOf(body)['key']);
  const keyPem = key === undefined ? undefined : seal.open(key, context);
  if (keyPem === undefined) throw new UnusableRecord('was changed: its key does not open');
  return keyPem;
}

export function challengeBody(challenge: Challenge): string {
  return JSON.stringify({ v: 1, ...challenge });
}

/** Undefined when it is no challenge. */
export function readChallengeBody(body: string): Challenge | undefined {
  const fields = safeFields(body);
  const type = CHALLENGE_TYPES.find((known) => known === fields?.['type']);
  const domain = textOf(fields?.['domain']);
  const token = textOf(fields?.['token']);
  const keyAuthorization = textOf(fields?.['keyAuthorization']);
  if (type === undefined || domain === undefined) return undefined;
  if (token === undefined || keyAuthorization === undefined) return undefined;
  return { type, domain, token, keyAuthorization };
}

export function failureBody(failure: Failure): string {
  return JSON.stringify({ v: 1, ...failure });
}

/** Undefined when it is no failure: then an order may be placed. */
export function readFailureBody(body: string): Failure | undefined {
  const fields = safeFields(body);
  const problem = textOf(fields?.['problem']);
  const message = textOf(fields?.['message']);
  const count = numberOf(fields?.['count']);
  const atMs = numberOf(fields?.['atMs']);
  const nextMs = numberOf(fields?.['nextMs']);
  if (problem === undefined || message === undefined) return undefined;
  if (count === undefined || atMs === undefined || nextMs === undefined) return undefined;
  return { problem, message, count, atMs, nextMs };
}

export function renewalBody(renewal: Renewal): string {
  return JSON.stringify({ v: 1, ...renewal });
}

/** Undefined when it is none. */
export function readRenewalBody(body: string): Renewal | undefined {
  const fields = safeFields(body);
  const serial = textOf(fields?.['serial']);
  const [startMs, endMs, againMs, pickMs, askAtMs] = RENEWAL_TIMES.map((name) =>
    numberOf(fields?.[name]),
  );
  if (serial === undefined || startMs === undefined || endMs === undefined) return undefined;
  if (againMs === undefined || pickMs === undefined || askAtMs === undefined) return undefined;
  return { serial, startMs, endMs, againMs, pickMs, askAtMs };
}

const CHALLENGE_TYPES: readonly ChallengeType[] = ['tls-alpn-01', 'http-01', 'dns-01'];
const RENEWAL_TIMES = ['startMs', 'endMs', 'againMs', 'pickMs', 'askAtMs'] as const;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(body: string): Fields {
  const fields = safeFields(body);
  if (fields?.['v'] !== 1) {
    throw new UnusableRecord('is garbled, or was written by a newer version of the bridge');
  }
  return fields;
}

function safeFields(body: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
