import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Lease } from '#store/store.ts';
import type { ChallengeSolver } from './acme/acme-engine.ts';
import { challengeBody } from './records.ts';
import type { SharedCertificate } from './shared-certificate.ts';
import type { TlsStore } from './tls-store.ts';

export interface SharedSolverOptions {
  readonly type: 'tls-alpn-01' | 'http-01';
  readonly store: TlsStore;
  readonly shared: SharedCertificate;
  readonly lease: Lease;
  /** How long a replica may need to hear of a challenge, or to ask the store again. */
  readonly spreadMs: number;
  readonly log: Logger;
}

/**
 * Puts challenges into the store: the authority looks at several replicas, and each can make the
 * answer from what stands there.
 */
export function sharedSolver(options: SharedSolverOptions): ChallengeSolver {
  const { type, store, shared, lease, spreadMs, log } = options;
  return {
    type,
    async put(challenge) {
      await shared.refresh();
      const before = shared.records.challenge;
      const change = { name: 'challenge', before, body: challengeBody(challenge) } as const;
      if (!(await store.write([change], { fence: lease }))) throw new LeaseLost();
      await shared.refresh();
      await sleep(spreadMs);
    },
    async drop() {
      try {
        await shared.refresh();
        const before = shared.records.challenge;
        await store.write([{ name: 'challenge', before, body: undefined }], { fence: lease });
        await shared.refresh();
      } catch (err) {
        log.debug({ err }, 'certificate: the challenge stays in the store until the next order');
      }
    },
  };
}

/** Another replica has the right to order now. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';

  constructor() {
    super('another replica took over the order');
  }
}
