import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type Lease, StoreUnavailable } from '#store/store.ts';
import { readAccountKey } from './acme/account-key.ts';
import {
  type AcmeDirectory,
  type AcmeEngine,
  AcmeError,
  type ChallengeSolver,
  type ExternalAccount,
} from './acme/acme-engine.ts';
import {
  type Certificate,
  readCertificate,
  timeText,
  UnusableCertificate,
  wrongName,
} from './certificate.ts';
import { accountBody, failureBody, type Renewal, renewalBody } from './records.ts';
import { type Failure, nextFailure, nextTryMs, type RetryPlan } from './schedule.ts';
import type { Seal } from './seal.ts';
import type { SharedCertificate } from './shared-certificate.ts';
import { LeaseLost, type OrderParts, sharedSolver } from './shared-solver.ts';
import { newKeyPem } from './signing.ts';
import type { TlsRecord, TlsStore } from './tls-store.ts';

export interface OrderOptions {
  readonly domain: string;
  readonly engine: AcmeEngine;
  readonly directory: AcmeDirectory;
  readonly email: string | undefined;
  readonly externalAccount: ExternalAccount | undefined;
  readonly profile: string | undefined;
  /** The kind that goes through the store, or what makes a solver for each order, as for DNS-01. */
  readonly challenge: 'tls-alpn-01' | 'http-01' | ((order: OrderParts) => ChallengeSolver);
  readonly store: TlsStore;
  readonly seal: Seal;
  readonly shared: SharedCertificate;
  readonly log: Logger;
  readonly times: OrderTimes;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface OrderTimes {
  /**
   * From the start to the first order: the pod before may still be behind the load balancer. Up to
   * half as much is added.
   */
  readonly firstOrderMs: number;
  readonly leaseMs: number;
  readonly spreadMs: number;
  readonly retry: RetryPlan;
}

const ASK_AGAIN_MS = 3_600_000;
/** After the store failed in the middle of an order. */
const STORE_PAUSE_MS = 30_000;

/**
 * Orders a certificate when one is due: one replica at a time, under a lease, at the times that the
 * replicas share. Nothing that goes wrong here ends the process or stops serving.
 */
export class Orders {
  readonly #options: OrderOptions;
  readonly #holder = randomUUID();
  readonly #closing = new AbortController();
  readonly #startedMs: number;
  readonly #firstMs: number;
  #isNewProcess = true;
  /** For when the store did not take it. */
  #ownFailure: Failure | undefined;
  #failures = 0;
  #pausedUntilMs = 0;
  #askAtMs = 0;
  #working: Promise<void> | undefined;

  constructor(options: OrderOptions) {
    this.#options = options;
    const { now, random, times } = options;
    this.#startedMs = now();
    this.#firstMs = this.#startedMs + times.firstOrderMs * (1 + random() / 2);
  }

  /** Failed orders of this process. */
  get failures(): number {
    return this.#failures;
  }

  /** The last one since the last success. */
  get failure(): Failure | undefined {
    const shared = this.#options.shared.failure;
    const own = this.#ownFailure;
    const isOver = own === undefined || own.atMs < this.#options.shared.servedSinceMs;
    return isOver || (shared?.atMs ?? 0) >= own.atMs ? shared : own;
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  /** Does what is due, if anything is. Never rejects. */
  work(): Promise<void> {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  /** Gives up an order under way, in an orderly manner. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the bridge ends'));
    await this.#working;
  }

  async #work(): Promise<void> {
    const { now, shared } = this.#options;
    if (this.#closing.signal.aborted || shared.storeTrouble !== undefined) return;
    if (now() < Math.max(this.#firstMs, this.#pausedUntilMs)) return;
    if (this.#mayOrder()) await this.#underLease((lease, signal) => this.#order(lease, signal));
    else if (this.#mayAsk()) await this.#underLease((lease, signal) => this.#ask(lease, signal));
  }

  #isDue(): boolean {
    return this.#options.now() >= (this.#options.shared.renewAtMs ?? 0);
  }

  #mayOrder(): boolean {
    if (!this.#isDue()) return false;
    const { failure } = this;
    const nowMs = this.#options.now();
    return failure === undefined || nowMs >= nextTryMs(failure, nowMs, this.#isNewProcess);
  }

  #mayAsk(): boolean {
    const { engine, shared, now } = this.#options;
    if (engine.renewalWindow === undefined || shared.current === undefined) return false;
    return now() >= Math.max(this.#askAtMs, shared.renewal?.askAtMs ?? 0);
  }

  async #underLease(act: (lease: Lease, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { store, log, times, domain } = this.#options;
    const stop = new AbortController();
    let lease: Lease | undefined;
    let heartbeat: NodeJS.Timeout | undefined;
    try {
      const taken = await store.takeLease(this.#holder, times.leaseMs);
      if (taken === undefined) return;
      lease = taken;
      heartbeat = setInterval(() => {
        void this.#extend(taken, stop);
      }, times.leaseMs / 3);
      await act(taken, AbortSignal.any([stop.signal, this.#closing.signal]));
    } catch (thrown) {
      this.#pausedUntilMs = this.#options.now() + STORE_PAUSE_MS;
      if (!(thrown instanceof StoreUnavailable)) {
        log.error({ domain, err: thrown }, 'certificate: an order failed by a bug');
      } else {
        log.warn({ domain }, `certificate: the order is put off: ${thrown.reason}`);
      }
    } finally {
      clearInterval(heartbeat);
      // A lease that can't be released ends by itself.
      if (lease !== undefined) await store.releaseLease(lease).catch(() => undefined);
    }
  }

  /** A lease that was another's between is lost, though it may be ours again. */
  async #extend(lease: Lease, stop: AbortController): Promise<void> {
    const { store, times } = this.#options;
    try {
      const renewed = await store.takeLease(lease.holder, times.leaseMs);
      if (renewed?.fence === lease.fence) return;
      stop.abort(new LeaseLost());
      if (renewed !== undefined) await store.releaseLease(renewed);
    } catch {
      // While the store is away nobody else gets the lease either.
    }
  }

  async #order(lease: Lease, signal: AbortSignal): Promise<void> {
    const { shared, log, domain, engine, now } = this.#options;
    // Another replica may have finished between the look and the lease.
    await shared.refresh();
    if (shared.storeTrouble !== undefined || !this.#mayOrder()) return;
    this.#isNewProcess = false;
    log.info({ domain, engine: engine.name }, 'certificate: ordering');
    const beganMs = performance.now();
    try {
      const certificate = await this.#issue(lease, signal);
      const ms = Math.round(performance.now() - beganMs);
      const { serial, notAfterMs } = certificate;
      log.info({ domain, serial, ms }, `certificate: issued, valid until ${timeText(notAfterMs)}`);
      this.#ownFailure = undefined;
      await shared.keep(certificate, lease, eventText('certificate.issued', { domain, serial }));
      if (this.#isDue()) await this.#fail(clockError(certificate, now()), lease);
    } catch (thrown) {
      if (signal.aborted || thrown instanceof LeaseLost) {
        const reason: unknown = signal.reason ?? thrown;
        const why = reason instanceof Error ? reason.message : 'it was aborted';
        log.warn({ domain }, `certificate: the order was given up: ${why}`);
        return;
      }
      if (thrown instanceof StoreUnavailable) throw thrown;
      await this.#fail(thrown instanceof AcmeError ? thrown : this.#bug(thrown), lease);
    }
  }

  async #issue(lease: Lease, signal: AbortSignal): Promise<Certificate> {
    const { domain, engine, directory, shared } = this.#options;
    const { email, externalAccount, profile } = this.#options;
    const accountKeyPem = await this.#accountKey(lease);
    const certificateKeyPem = await newKeyPem();
    const { chainPem } = await engine.issue({
      directory,
      ...(email === undefined ? {} : { email }),
      ...(externalAccount === undefined ? {} : { externalAccount }),
      ...(profile === undefined ? {} : { profile }),
      ...(shared.current === undefined ? {} : { replaces: shared.current.chainPem }),
      accountKeyPem,
      certificateKeyPem,
      domain,
      solver: this.#solver(lease, signal),
      signal,
    });
    try {
      const certificate = readCertificate(chainPem, certificateKeyPem);
      const mistake = wrongName(certificate, domain);
      if (mistake !== undefined) throw new UnusableCertificate(`it ${mistake}`);
      return certificate;
    } catch (cause) {
      if (!(cause instanceof UnusableCertificate)) throw cause;
      const message = `The certificate that the authority issued can not be used: ${cause.message}.`;
      throw new AcmeError('protocol', message, { cause });
    }
  }

  #solver(lease: Lease, signal: AbortSignal): ChallengeSolver {
    const { challenge, store, shared, times, log } = this.#options;
    const order: OrderParts = { store, shared, lease, signal, log };
    if (typeof challenge !== 'string') return challenge(order);
    return sharedSolver({ ...order, type: challenge, spreadMs: times.spreadMs });
  }

  /** The stored account, else the one that the store has lost, else a new one. */
  async #accountKey(lease: Lease): Promise<string> {
    const { shared, store, seal } = this.#options;
    const { account: stored } = shared.records;
    const known = shared.account?.keyPem;
    if (known !== undefined && stored !== undefined) return known;
    const keyPem = known ?? (await newKeyPem());
    readAccountKey(keyPem);
    const body = accountBody(keyPem, seal, store.contextOf('account', seal.id));
    const change = { name: 'account', before: stored, body } as const;
    if (!(await store.write([change], { sealId: seal.id, fence: lease }))) throw new LeaseLost();
    await shared.refresh();
    return keyPem;
  }

  #bug(thrown: unknown): AcmeError {
    const { log, domain, engine } = this.#options;
    log.error(
      { domain, engine: engine.name, err: thrown },
      'certificate: the engine failed by a bug',
    );
    return new AcmeError('bug', `The ${engine.name} engine failed; the log says how.`);
  }

  async #fail(error: AcmeError, lease: Lease): Promise<void> {
    const { store, shared, log, domain, now, random, times } = this.#options;
    this.#failures += 1;
    const failure = nextFailure(error, this.failure, now(), random(), times.retry);
    this.#ownFailure = failure;
    const { problem, nextMs } = failure;
    const level = shared.current === undefined ? 'error' : 'warn';
    const next = `The next try is at ${timeText(nextMs)}.`;
    log[level]({ domain, problem }, `certificate: ${error.message} ${next}`);
    await shared.refresh();
    const change = {
      name: 'failure',
      before: shared.records.failure,
      body: failureBody(failure),
    } as const;
    const event = eventText('certificate.failed', { domain, problem });
    await store.write([change], { fence: lease, event });
    await shared.refresh();
  }

  /** Asks the authority when the certificate is to be renewed. All replicas take the same time. */
  async #ask(lease: Lease, signal: AbortSignal): Promise<void> {
    const { shared, store, engine, directory, log, domain, now, random } = this.#options;
    await shared.refresh();
    const { current, renewal } = shared;
    if (current === undefined || engine.renewalWindow === undefined || !this.#mayAsk()) return;
    this.#askAtMs = now() + ASK_AGAIN_MS;
    let window: Awaited<ReturnType<typeof engine.renewalWindow>>;
    try {
      window = await engine.renewalWindow({ directory, chainPem: current.chainPem, signal });
    } catch (thrown) {
      if (!(thrown instanceof AcmeError) && !signal.aborted) throw thrown;
      log.debug({ domain, err: thrown }, 'certificate: the authority did not say when to renew');
      return;
    }
    if (window === undefined) {
      this.#askAtMs = now() + 24 * ASK_AGAIN_MS;
      return;
    }
    const { startMs, endMs, againMs } = window;
    const isSame = renewal?.startMs === startMs && renewal.endMs === endMs;
    const pickMs = isSame ? renewal.pickMs : Math.round(startMs + (endMs - startMs) * random());
    const { serial } = current;
    const next: Renewal = { serial, startMs, endMs, againMs, pickMs, askAtMs: now() + againMs };
    const before: TlsRecord | undefined = shared.records.renewal;
    await store.write([{ name: 'renewal', before, body: renewalBody(next) }], { fence: lease });
    this.#askAtMs = 0;
    await shared.refresh();
  }
}

function eventText(operation: string, facts: object): string {
  return JSON.stringify({ operation, ...facts });
}

/** A certificate that is old on its first day: ordering more of them would not help. */
function clockError({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): AcmeError {
  const life = `${timeText(notBeforeMs)} to ${timeText(notAfterMs)}`;
  return new AcmeError(
    'clock',
    `The certificate that was just issued (${life}) is due for renewal already: the clock of this machine, at ${timeText(nowMs)}, is wrong. Set it.`,
  );
}
