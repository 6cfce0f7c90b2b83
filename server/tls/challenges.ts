import { createSecureContext, type SecureContext } from 'node:tls';
import type { Challenge } from './acme/acme-engine.ts';
import type { ChallengeAnswers } from './front.ts';
import { challengeCertificate, newKeyPem } from './signing.ts';

/** A stranger who sends `acme-tls/1` all day costs the store at most one read in this time. */
const READ_INTERVAL_MS = 1_000;
/** What was left by a process that died is not answered for ever. */
const CHALLENGE_LIFE_MS = 600_000;

/**
 * The challenge that is pending for our domain, whether this replica placed the order or another.
 * Time is measured on the monotonic clock.
 */
export class PendingChallenge implements ChallengeAnswers {
  readonly #domain: string;
  readonly #keyPem: string;
  #read: (() => Promise<void>) | undefined;
  #challenge: Challenge | undefined;
  #context: SecureContext | undefined;
  #setMs = 0;
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  /** `keyPem` is of no value: the authority looks at the digest in the certificate alone. */
  static async create(domain: string): Promise<PendingChallenge> {
    return new PendingChallenge(domain, await newKeyPem());
  }

  private constructor(domain: string, keyPem: string) {
    this.#domain = domain;
    this.#keyPem = keyPem;
  }

  /** `read` calls `set` with what the store has. Without it nothing is ever looked for. */
  readBy(read: () => Promise<void>): void {
    this.#read = read;
  }

  /** The caller has seen that it is for our own account. */
  set(challenge: Challenge | undefined): void {
    if (challenge?.keyAuthorization === this.#challenge?.keyAuthorization) return;
    this.#challenge = challenge;
    this.#setMs = performance.now();
    this.#context = undefined;
    if (challenge?.type !== 'tls-alpn-01' || challenge.domain !== this.#domain) return;
    const { domain, keyAuthorization } = challenge;
    const cert = challengeCertificate(domain, keyAuthorization, this.#keyPem, Date.now());
    this.#context = createSecureContext({ key: this.#keyPem, cert });
  }

  known(serverName: string): SecureContext | undefined {
    return serverName === this.#domain && this.#isFresh ? this.#context : undefined;
  }

  canFind(serverName: string): boolean {
    return this.#read !== undefined && serverName === this.#domain;
  }

  async find(serverName: string): Promise<SecureContext | undefined> {
    if (!this.canFind(serverName)) return undefined;
    await this.#readSometimes();
    return this.known(serverName);
  }

  /** The body of `/.well-known/acme-challenge/<token>` (RFC 8555 §8.3). */
  async httpAnswer(token: string): Promise<string | undefined> {
    const known = this.#httpAnswer(token);
    if (known !== undefined) return known;
    await this.#readSometimes();
    return this.#httpAnswer(token);
  }

  #httpAnswer(token: string): string | undefined {
    const challenge = this.#isFresh ? this.#challenge : undefined;
    const isIt = challenge?.type === 'http-01' && challenge.token === token;
    return isIt ? challenge.keyAuthorization : undefined;
  }

  get #isFresh(): boolean {
    return performance.now() < this.#setMs + CHALLENGE_LIFE_MS;
  }

  #readSometimes(): Promise<void> {
    const isTime = performance.now() >= this.#readMs + READ_INTERVAL_MS;
    if (this.#reading === undefined && isTime && this.#read !== undefined) {
      this.#readMs = performance.now();
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined;
      });
    }
    return this.#reading ?? Promise.resolve();
  }
}
