import { setTimeout as sleep } from 'node:timers/promises';
import { type JsonObject, objectAt, textAt } from '../http-answer.ts';
import { certificateRequest } from '../signing.ts';
import { AcmeError, type CertificateOrder } from './acme-engine.ts';
import { type Answer, failedCheck } from './directory-server.ts';
import { senseless } from './refusals.ts';

/** How often a request is sent in all when its nonces are refused (RFC 8555 §6.5). */
export const NONCE_TRIES = 20;
const POLL_MS = 500;
const POLL_MAX_MS = 10_000;
/** Longest wait for one authorization or order. */
const PATIENCE_MS = 120_000;

/** An account at an authority, as what is sent in its name. */
export interface SignedRequests {
  /**
   * `what` completes "… was refused". An empty payload reads (POST-as-GET, RFC 8555 §6.3). Rejects
   * with AcmeError for a status from 400 on.
   */
  post(what: string, url: string, payload: object | ''): Promise<Answer>;
}

export interface Poll {
  readonly what: string;
  readonly url: string;
  readonly isDone: (body: JsonObject) => boolean;
  readonly signal: AbortSignal;
}

/** Reads until `isDone`, as often as the server's Retry-After allows. */
export async function poll(account: SignedRequests, wanted: Poll): Promise<JsonObject> {
  const { what, url, isDone, signal } = wanted;
  const deadline = performance.now() + PATIENCE_MS;
  let pauseMs = 0;
  for (;;) {
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    const answer = await account.post(what, url, '');
    const body = answer.json;
    if (body === undefined) throw senseless('order');
    if (isDone(body)) return body;
    if (performance.now() > deadline) {
      const status = textAt(body, 'status') ?? 'unknown';
      throw new AcmeError('network', `${what} takes too long: it is still "${status}".`);
    }
    pauseMs = Math.min(Math.max(answer.retryAfterMs ?? 0, POLL_MS), POLL_MAX_MS);
  }
}

/**
 * Sends the request once; from then on the order is read until it is done (RFC 8555 §7.4). Resolves
 * to the address of the certificate.
 */
export async function finalize(
  account: SignedRequests,
  url: string,
  { domain, certificateKeyPem, signal }: CertificateOrder,
): Promise<string> {
  const what = `The order for ${domain}`;
  const statusOf = (body: JsonObject): string => textAt(body, 'status') ?? '';
  const until = (underWay: readonly string[]): Promise<JsonObject> =>
    poll(account, { what, url, isDone: (body) => !underWay.includes(statusOf(body)), signal });
  let body = await until(['pending']);
  const finalizeUrl = textAt(body, 'finalize');
  if (statusOf(body) === 'ready' && finalizeUrl !== undefined) {
    const csr = certificateRequest(domain, certificateKeyPem).toString('base64url');
    await account.post(what, finalizeUrl, { csr });
    body = await until(['pending', 'ready', 'processing']);
  }
  const certificateUrl = textAt(body, 'certificate');
  if (statusOf(body) !== 'valid' || certificateUrl === undefined) {
    throw failedCheck(`${what} became "${statusOf(body)}"`, objectAt(body, 'error'));
  }
  return certificateUrl;
}
