import { setImmediate } from 'node:timers/promises';
import type { IndexesOf } from '../store.ts';
import type { Connection } from './connection.ts';
import { isDamage, unavailable } from './failure.ts';
import { entryProblems, nodeProblems } from './problems-of-lists.ts';
import { groupProblems, membershipProblems } from './problems-of-memberships.ts';
import { recordProblems } from './problems-of-records.ts';

/** What a check looks at: one account, and the entries that the directory says a record has. */
export interface Inspection {
  readonly connection: Connection;
  readonly account: number;
  readonly indexesOf: IndexesOf;
}

/** A piece of a check: small enough for the event loop, read in one moment. */
export interface Slice<Place> {
  readonly problems: readonly string[];
  /** Where to go on; undefined at the end. */
  readonly next: Place | undefined;
}

/**
 * `Store.problems`. Each slice is sound by itself: what is written between two of them is no problem.
 * Other requests are served between slices.
 */
export async function* findProblems(inspection: Inspection): AsyncIterable<string> {
  try {
    yield* walk(inspection, recordProblems);
    yield* walk(inspection, entryProblems);
    yield* walk(inspection, nodeProblems);
    yield* walk(inspection, membershipProblems);
    yield* walk(inspection, groupProblems);
  } catch (thrown) {
    const failed = unavailable(thrown);
    if (failed === undefined || !isDamage(thrown)) {
      throw failed ?? thrown;
    }
    yield failed.reason;
  }
}

async function* walk<Place>(
  inspection: Inspection,
  check: (inspection: Inspection, after: Place | undefined) => Slice<Place>,
): AsyncIterable<string> {
  let after: Place | undefined;
  do {
    const slice = inspection.connection.read(() => check(inspection, after));
    yield* slice.problems;
    after = slice.next;
    await setImmediate();
  } while (after !== undefined);
}
