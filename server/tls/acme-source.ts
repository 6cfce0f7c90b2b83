import type { Logger } from 'pino';
import type { Certificate } from './certificate.ts';
import type { PendingChallenge } from './challenges.ts';
import { type OrderOptions, Orders } from './orders.ts';
import { SharedCertificate } from './shared-certificate.ts';
import type { CertificateSource, CertificateStatus } from './status.ts';
import type { TlsStore } from './tls-store.ts';

export interface AcmeSourceOptions extends Omit<OrderOptions, 'shared'> {
  /** How often the store is looked at, besides each announcement. */
  readonly pollMs: number;
  /** Where the front looks for answers to challenges. */
  readonly challenges: PendingChallenge;
  readonly serve: (certificate: Certificate) => void;
}

const SWEEP_MS = 3_600_000;

/** The certificate of the store, ordered and renewed by whichever replica has the lease. */
export function openAcmeSource(options: AcmeSourceOptions): CertificateSource {
  const { domain, store, log, challenges } = options;
  const shared = new SharedCertificate(options);
  challenges.readBy(() => shared.refresh());
  const orders = new Orders({ ...options, shared });
  const rounds = new Rounds(options.pollMs, store, async () => {
    await shared.refresh();
    return () => void orders.work();
  });
  const sweeper = setInterval(() => void sweep(store, log), SWEEP_MS);
  sweeper.unref();
  return {
    status: () => statusOf(domain, shared, orders),
    start: () => rounds.start(),
    async close() {
      clearInterval(sweeper);
      rounds.close();
      await orders.close();
    },
  };
}

/** Looks at the store from time to time and when another replica says so, one look at a time. */
class Rounds {
  readonly #pollMs: number;
  readonly #store: TlsStore;
  readonly #look: () => Promise<() => void>;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #wasCalled = false;
  #isClosed = false;
  #endListening: (() => void) | undefined;

  /** `look` must not reject; what it returns is called unless it has to look again at once. */
  constructor(pollMs: number, store: TlsStore, look: () => Promise<() => void>) {
    this.#pollMs = pollMs;
    this.#store = store;
    this.#look = look;
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    this.#endListening = this.#store.onChange(() => {
      this.#wasCalled = true;
      if (!this.#isLooking) void this.#round();
    });
    await this.#round();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#endListening?.();
  }

  async #round(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isLooking = true;
    this.#wasCalled = false;
    const act = await this.#look();
    this.#isLooking = false;
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#round(), this.#wasCalled ? 0 : this.#pollMs);
    act();
  }
}

function statusOf(domain: string, shared: SharedCertificate, orders: Orders): CertificateStatus {
  const { current, renewAtMs, trouble } = shared;
  const { failure, failures, startedMs } = orders;
  return { domain, certificate: current, renewAtMs, failure, failures, trouble, startedMs };
}

async function sweep(store: TlsStore, log: Logger): Promise<void> {
  try {
    await store.sweep();
  } catch (err) {
    log.debug({ err }, 'certificate: sweeping the store is put off');
  }
}
