import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Lease } from '#store/store.ts';
import type { Challenge, ChallengeSolver } from './acme/acme-engine.ts';
import { challengeBody } from './records.ts';
import type { SharedCertificate } from './shared-certificate.ts';
import type { TlsStore } from './tls-store.ts';

/** What a solver of one order gets. */
export interface OrderParts {
  readonly store: TlsStore;
  readonly shared: SharedCertificate;
  readonly lease: Lease;
  /** The order is given up. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface SharedSolverOptions extends OrderParts {
  readonly type: 'tls-alpn-01' | 'http-01';
  /** How long a replica may need to hear of a challenge, or to ask the store again. */
  readonly spreadMs: number;
}

/**
 * Puts challenges into the store: the authority looks at several replicas, and each can make the
 * answer from what stands there.
 */
export function sharedSolver(options: SharedSolverOptions): ChallengeSolver {
  const { type, spreadMs, log } = options;
  return {
    type,
    async put(challenge) {
      if (!(await storeChallenge(options, challenge))) throw new LeaseLost();
      await sleep(spreadMs);
    },
    async drop() {
      try {
        await storeChallenge(options, undefined);
      } catch (err) {
        log.debug({ err }, 'certificate: the challenge stays in the store until the next order');
      }
    },
  };
}

/** Undefined removes the one that is there. False: the lease is another's. */
export async function storeChallenge(
  { store, shared, lease }: OrderParts,
  challenge: Challenge | undefined,
): Promise<boolean> {
  await shared.refresh();
  const before = shared.records.challenge;
  const body = challenge === undefined ? undefined : challengeBody(challenge);
  const isWritten = await store.write([{ name: 'challenge', before, body }], { fence: lease });
  if (isWritten) await shared.refresh();
  return isWritten;
}

/** Another replica has the right to order now. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';

  constructor() {
    super('another replica took over the order');
  }
}
