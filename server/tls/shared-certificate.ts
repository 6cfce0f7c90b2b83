import type { Logger } from 'pino';
import { type Lease, StoreUnavailable } from '#store/store.ts';
import { readAccountKey } from './acme/account-key.ts';
import { type Certificate, timeText, wrongName } from './certificate.ts';
import type { PendingChallenge } from './challenges.ts';
import {
  certificateBody,
  type Renewal,
  readAccountBody,
  readCertificateBody,
  readChallengeBody,
  readFailureBody,
  readRenewalBody,
  sealIdOf,
  UnusableRecord,
  unusableText,
} from './records.ts';
import { type Failure, plannedRenewalMs } from './schedule.ts';
import type { Seal } from './seal.ts';
import type { TlsRecord, TlsRecords, TlsStore } from './tls-store.ts';

export interface SharedOptions {
  readonly domain: string;
  readonly store: TlsStore;
  readonly seal: Seal;
  /** Gets the pending challenge of the store. */
  readonly challenges: Pick<PendingChallenge, 'set'>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Serves this certificate from now on. Throws when OpenSSL does not take it. */
  readonly serve: (certificate: Certificate) => void;
}

/** The key of our account at the certificate authority. */
export interface Account {
  readonly keyPem: string;
  readonly thumbprint: string;
}

/**
 * What this replica knows of the shared certificate, as of the last `refresh`: it serves what the
 * store has, and gives back to the store what that has lost. The certificate issued later wins; a
 * date alone never keeps one from being served.
 */
export class SharedCertificate {
  readonly #options: SharedOptions;
  #refreshed: Promise<void> = Promise.resolve();
  #records: TlsRecords = {};
  #current: Certificate | undefined;
  #account: Account | undefined;
  #servedSinceMs = 0;
  /** The seal of the record that this replica read or wrote last. */
  #sealId: string | undefined;
  #storeTrouble: string | undefined;
  /** Stored body, seal and serial that were brought together last. */
  #settled: readonly (string | undefined)[] = ['nothing yet'];
  #recordTrouble: string | undefined;

  constructor(options: SharedOptions) {
    this.#options = options;
  }

  get records(): TlsRecords {
    return this.#records;
  }

  get current(): Certificate | undefined {
    return this.#current;
  }

  get servedSinceMs(): number {
    return this.#servedSinceMs;
  }

  get account(): Account | undefined {
    return this.#account;
  }

  get failure(): Failure | undefined {
    const { failure } = this.#records;
    return failure === undefined ? undefined : readFailureBody(failure.body);
  }

  /** Of the certificate that is served, if the authority was asked. */
  get renewal(): Renewal | undefined {
    const { renewal } = this.#records;
    const read = renewal === undefined ? undefined : readRenewalBody(renewal.body);
    return read?.serial === this.#current?.serial ? read : undefined;
  }

  /** Undefined without a certificate: at once. */
  get renewAtMs(): number | undefined {
    if (this.#current === undefined) return undefined;
    return plannedRenewalMs(this.#current, this.renewal?.pickMs);
  }

  get storeTrouble(): string | undefined {
    return this.#storeTrouble;
  }

  get trouble(): string | undefined {
    return this.#storeTrouble ?? this.#recordTrouble;
  }

  /** Reads the store anew: what was there before the call is known after it. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshed = this.#refreshed.then(() => this.#read());
    return this.#refreshed;
  }

  /**
   * Serves a new certificate and stores it, also when the lease was lost on the way: nothing that was
   * issued is thrown away, and nothing later is overwritten.
   */
  async keep(certificate: Certificate, lease: Lease, event: string): Promise<void> {
    if (this.#isNews(certificate)) this.#use(certificate);
    const changes = [
      this.#certificateChange(certificate),
      { name: 'failure', before: this.#records.failure, body: undefined },
    ] as const;
    const isWritten = await this.#options.store.write(changes, { fence: lease, event });
    if (isWritten) this.#sealId = this.#options.seal.id;
    else this.#options.log.warn(this.#fields, 'certificate: another replica ordered one meanwhile');
    await this.refresh();
  }

  async #read(): Promise<void> {
    const { store, seal, log } = this.#options;
    try {
      this.#records = await store.read(seal.id);
      this.#storeTrouble = undefined;
      this.#readAccount();
      this.#readChallenge();
      await this.#settle(this.#records.certificate);
    } catch (thrown) {
      if (thrown instanceof StoreUnavailable) {
        const isNew = this.#storeTrouble === undefined;
        this.#storeTrouble = `The store can not be used for the certificate: ${thrown.reason}`;
        if (isNew) log.warn(this.#fields, `certificate: ${this.#storeTrouble}`);
        return;
      }
      log.error({ ...this.#fields, err: thrown }, 'certificate: reading the store failed by a bug');
    }
  }

  #readAccount(): void {
    const { store, seal, log } = this.#options;
    const record = this.#records.account;
    if (record === undefined) return;
    try {
      const keyPem = readAccountBody(record.body, seal, store.contextOf('account', seal.id));
      if (keyPem === this.#account?.keyPem) return;
      this.#account = { keyPem, thumbprint: readAccountKey(keyPem).thumbprint };
    } catch (thrown) {
      if (!(thrown instanceof UnusableRecord)) throw thrown;
      this.#account = undefined;
      log.debug(this.#fields, `certificate: the stored ACME account ${thrown.message}`);
    }
  }

  /** Whoever writes to the store can't make us vouch for the domain before another's account. */
  #readChallenge(): void {
    const record = this.#records.challenge;
    const challenge = record === undefined ? undefined : readChallengeBody(record.body);
    const thumbprint = this.#account?.thumbprint;
    const isOurs =
      challenge?.domain === this.#options.domain &&
      thumbprint !== undefined &&
      challenge.keyAuthorization === `${challenge.token}.${thumbprint}`;
    this.#options.challenges.set(isOurs ? challenge : undefined);
  }

  /** Brings what is served and what is stored together, if one of them or the seal is new. */
  async #settle(record: TlsRecord | undefined): Promise<void> {
    const mark = [record?.body, this.#options.seal.id, this.#current?.serial];
    if (mark.every((part, n) => part === this.#settled[n])) return;
    const stored = record === undefined ? undefined : this.#openRecord(record);
    if (stored instanceof UnusableRecord) {
      const text = unusableText(stored);
      if (text !== this.#recordTrouble)
        this.#options.log.warn(this.#fields, `certificate: ${text}`);
      this.#recordTrouble = text;
    } else {
      this.#recordTrouble = undefined;
    }
    if (this.#isBetterThan(record, stored)) await this.#giveBack();
    this.#settled = [record?.body, this.#options.seal.id, this.#current?.serial];
  }

  /** Serves the stored certificate if it is news. */
  #openRecord(record: TlsRecord): Certificate | UnusableRecord {
    const { store, seal, domain } = this.#options;
    try {
      const context = store.contextOf('certificate', seal.id);
      const certificate = readCertificateBody(record.body, seal, context);
      const mistake = wrongName(certificate, domain);
      if (mistake !== undefined) throw new UnusableRecord(mistake);
      if (this.#isNews(certificate)) this.#use(certificate);
      this.#sealId = seal.id;
      return certificate;
    } catch (thrown) {
      if (thrown instanceof UnusableRecord) return thrown;
      throw thrown;
    }
  }

  /** Whether what is served should take the place of what is stored. */
  #isBetterThan(
    record: TlsRecord | undefined,
    stored: Certificate | UnusableRecord | undefined,
  ): boolean {
    const current = this.#current;
    if (current === undefined) return false;
    if (record === undefined || stored === undefined) return true;
    if (!(stored instanceof UnusableRecord)) return current.notBeforeMs > stored.notBeforeMs;
    // Sealed by a key that others have and we don't: only what was our own is sealed anew.
    const sealId = sealIdOf(record.body);
    return sealId === undefined || sealId === this.#options.seal.id || sealId === this.#sealId;
  }

  /** A certificate that the store lost, or never got, is worth one of the few that can be ordered. */
  async #giveBack(): Promise<void> {
    const { seal, store, log } = this.#options;
    if (this.#current === undefined) return;
    if (!(await store.write([this.#certificateChange(this.#current)]))) return;
    this.#sealId = seal.id;
    this.#recordTrouble = undefined;
    log.info(this.#fields, 'certificate: the store has it again');
  }

  #certificateChange(certificate: Certificate) {
    const { seal, store } = this.#options;
    const context = store.contextOf('certificate', seal.id);
    const body = certificateBody(certificate, seal, context);
    return { name: 'certificate', before: this.#records.certificate, body } as const;
  }

  /** Of two that were issued in the same second all replicas take the stored one. */
  #isNews(certificate: Certificate): boolean {
    const current = this.#current;
    if (current === undefined) return true;
    return certificate.notBeforeMs >= current.notBeforeMs && certificate.serial !== current.serial;
  }

  #use(certificate: Certificate): void {
    const { serve, log } = this.#options;
    try {
      serve(certificate);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UnusableRecord(`is refused by OpenSSL (${reason})`);
    }
    this.#current = certificate;
    this.#servedSinceMs = this.#options.now();
    const { serial, notAfterMs } = certificate;
    const text = `certificate: served now, valid until ${timeText(notAfterMs)}`;
    log.info({ ...this.#fields, serial }, text);
  }

  get #fields() {
    return { domain: this.#options.domain };
  }
}
