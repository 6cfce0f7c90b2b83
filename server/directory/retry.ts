import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ScimError } from '#scim/errors.ts';
import type { Commit, CommitDone, CommitOutcome, Store } from '#store/store.ts';

/** Each race that is lost was won by another write: so many come at once to one resource. */
const LOST_RACES_MAX = 100;
const LOCK_WAIT_MS = 10_000;
const LOCK_PAUSE_MS = 100;

/** What a try wants committed, and what it makes of the outcome. */
export interface Attempt<T> {
  readonly commit: Omit<Commit, 'operationId'>;
  done(outcome: CommitDone): T;
  /** Answers other outcomes: a result, or undefined to read again and retry. */
  otherwise?(outcome: Exclude<CommitOutcome, CommitDone>): Promise<T | undefined> | T | undefined;
}

/**
 * Reads, decides and commits until no other write came between. `attempt` reads afresh on each try
 * and returns either what to commit or, wrapped, the answer when there is nothing to write.
 * A lost race is retried here, so that clients without If-Match never see it (RFC 7644 §3.14).
 */
export async function withRetries<T>(
  store: Store,
  attempt: () => Promise<Attempt<T> | { readonly unchanged: T }>,
): Promise<T> {
  let races = 0;
  const lockedUntilMs = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    const next = await attempt();
    if ('unchanged' in next) return next.unchanged;
    const outcome = await store.commit({ operationId: randomUUID(), ...next.commit });
    if (outcome.outcome === 'done') return next.done(outcome);
    const answer = await next.otherwise?.(outcome);
    if (answer !== undefined) return answer;
    if (outcome.outcome === 'locked') {
      await waitForLock(lockedUntilMs);
    } else if (++races > LOST_RACES_MAX) {
      throw busy();
    } else {
      await sleep(Math.random() * Math.min(races, 20) * 2);
    }
  }
}

/** Waits a moment for the write lock of a group; 503 when the patience of a request is over. */
export async function waitForLock(untilMs: number): Promise<void> {
  if (performance.now() > untilMs) throw busy();
  await sleep(LOCK_PAUSE_MS / 2 + Math.random() * LOCK_PAUSE_MS);
}

export function lockDeadlineMs(): number {
  return performance.now() + LOCK_WAIT_MS;
}

function busy(): ScimError {
  return new ScimError(
    'unavailable',
    'Another change of the same resource is still being written. Nothing was changed; send the request again.',
    { retryAfterSeconds: 5 },
  );
}
