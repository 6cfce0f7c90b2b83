import { AcmeError, type CertificateOrder } from './acme-engine.ts';
import { type Answer, type JsonObject, textAt } from './directory-server.ts';

const DETAIL_CHARACTERS = 400;
const PROBLEM_PREFIX = 'urn:ietf:params:acme:error:';

/** What an answer with status 400 or above says, as an error. `what` completes "… was refused". */
export function refusal(what: string, { status, json, text, retryAfterMs }: Answer): AcmeError {
  const type = textAt(json, 'type') ?? '';
  const problem = type.startsWith(PROBLEM_PREFIX)
    ? type.slice(PROBLEM_PREFIX.length)
    : status === 429
      ? 'rateLimited'
      : status >= 500
        ? 'network'
        : 'protocol';
  const detail = clean(textAt(json, 'detail') ?? text);
  return new AcmeError(problem, `${what} was refused (${status} ${problem}): ${detail}`, {
    status,
    retryAfterMs,
  });
}

/** The error of an authorization or order that became invalid: a problem document (RFC 7807). */
export function failedCheck(what: string, problem: JsonObject | undefined): AcmeError {
  const type = (textAt(problem, 'type') ?? '').replace(PROBLEM_PREFIX, '') || 'unauthorized';
  const detail = clean(textAt(problem, 'detail') ?? 'no reason given');
  return new AcmeError(type, `${what} (${type}): ${detail}`);
}

/** The authority looked, and did not find what the challenge asks for. */
export function notOurs(
  { domain, solver }: CertificateOrder,
  problem: JsonObject | undefined,
): AcmeError {
  return failedCheck(`${domain} was not found to be ours by ${solver.type}`, problem);
}

/** None of the ways in which the authority checks is ours. */
export function unsupportedChallenge({ domain, solver }: CertificateOrder): AcmeError {
  return new AcmeError(
    'unsupportedChallenge',
    `The certificate authority does not check ${domain} by ${solver.type}. Choose another OP_ACME_CHALLENGE, or another authority.`,
  );
}

/** An answer that lacks what RFC 8555 wants in it. */
export function senseless(what: string): AcmeError {
  return new AcmeError(
    'protocol',
    `The certificate authority answered without a usable ${what}. Check OP_ACME_DIRECTORY_URL; if it is right, the authority has an error.`,
  );
}

/** Text of others, made fit for one line of log. */
export function clean(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').slice(0, DETAIL_CHARACTERS);
}
