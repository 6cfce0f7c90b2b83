import type { JsonObject } from '../http-answer.ts';
import { AcmeError, type CertificateOrder } from './acme-engine.ts';
import { failedCheck } from './directory-server.ts';

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
