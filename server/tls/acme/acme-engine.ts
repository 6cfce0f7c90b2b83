/**
 * Orders certificates from a certificate authority by ACME (RFC 8555). An engine knows no store and
 * no schedule, keeps nothing between calls, connects to the directory's server alone, and never
 * tries an order a second time: all of that is the caller's.
 */
export interface AcmeEngine {
  readonly name: string;
  /**
   * Registers the account key if it is new, answers one challenge, and resolves to the certificate.
   * Rejects with AcmeError, or with the reason of `order.signal` once that is aborted.
   */
  issue(order: CertificateOrder): Promise<IssuedCertificate>;
  /**
   * When the authority wants the certificate renewed (RFC 9773). Undefined where it does not say.
   * Rejects as `issue` does. Engines that can't ask leave it out.
   */
  renewalWindow?(query: RenewalQuery): Promise<RenewalWindow | undefined>;
}

/** The certificate authority, and how to be known there. */
export interface AcmeDirectory {
  /** https. Everything that the directory names must be on the same server. */
  readonly url: string;
  /** Authorities that may have signed the certificate of the directory's server. Undefined: Node's. */
  readonly caPem?: string;
}

export interface CertificateOrder {
  readonly directory: AcmeDirectory;
  readonly email?: string;
  readonly externalAccount?: ExternalAccount;
  /** P-256 in PKCS #8, as `newKeyPem` makes it. */
  readonly accountKeyPem: string;
  /** Of the certificate: made anew for each order. P-256 in PKCS #8. */
  readonly certificateKeyPem: string;
  readonly domain: string;
  /** Sent only when the directory offers it. */
  readonly profile?: string;
  /** PEM of the certificate that the new one takes the place of (RFC 9773 §5). */
  readonly replaces?: string;
  readonly solver: ChallengeSolver;
  readonly signal: AbortSignal;
}

export interface IssuedCertificate {
  /** Leaf first, then the intermediates. */
  readonly chainPem: string;
}

/** External account binding (RFC 8555 §7.3.4). */
export interface ExternalAccount {
  readonly kid: string;
  /** base64url. */
  readonly hmacKey: string;
}

export type ChallengeType = 'tls-alpn-01' | 'http-01' | 'dns-01';

export interface Challenge {
  readonly type: ChallengeType;
  readonly domain: string;
  readonly token: string;
  /** `<token>.<thumbprint of the account key>` (RFC 8555 §8.1). */
  readonly keyAuthorization: string;
}

/** Shows the authority that we hold the domain, in one of the ways of RFC 8555 §8 and RFC 8737. */
export interface ChallengeSolver {
  readonly type: ChallengeType;
  /** Resolves when the answer can be seen from everywhere. */
  put(challenge: Challenge): Promise<void>;
  /** Called once for each `put`, also for one that rejected. Must not reject. */
  drop(challenge: Challenge): Promise<void>;
}

export interface RenewalQuery {
  readonly directory: AcmeDirectory;
  readonly chainPem: string;
  readonly signal: AbortSignal;
}

export interface RenewalWindow {
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  /** Ask again after so long. */
  readonly againMs: number;
}

/**
 * Why no certificate came. `problem` is the last word of `urn:ietf:params:acme:error:…`
 * (RFC 8555 §6.7), or `network` when the directory was not reached or failed, or `protocol` when its
 * answer made no sense. The message is for the operator and holds no secret.
 */
export class AcmeError extends Error {
  override readonly name = 'AcmeError';
  readonly problem: string;
  readonly status: number | undefined;
  /** As the answer's Retry-After says, in milliseconds from now. */
  readonly retryAfterMs: number | undefined;

  constructor(
    problem: string,
    message: string,
    options: { status?: number; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.problem = problem;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}
