import { randomUUID } from 'node:crypto';
import type { Query, RecordWrite, Store } from '#store/store.ts';
import { indexChanges, parseBody } from './indexes.ts';

/**
 * How long a deleted person is remembered: who comes back within it gets the same id. Identity providers
 * can restore a deleted account for 20 to 30 days (Google, Entra ID), and a leave of some months is no
 * reason for a second account; but a name is not to be kept forever, not even as a hash.
 */
export const TOMBSTONE_DAYS = 90;
const DAY_MS = 86_400_000;
/** Tombstones of one commit: a few milliseconds of the store. */
const SLICE = 100;

/**
 * Removes a bounded slice of the tombstones that are old enough. `nowMs` in milliseconds since 1970; next to
 * the days, it does not matter whose clock it is of. Resolves true while there are more.
 */
export async function sweepTombstones(store: Store, nowMs: number): Promise<boolean> {
  const due: Query = {
    collection: 'tombstones',
    range: { by: 'modified', toMs: nowMs - TOMBSTONE_DAYS * DAY_MS },
    limit: SLICE,
  };
  const { records, next } = await store.query(due);
  if (records.length === 0) return false;
  const writes = records.map(
    ({ id, version, body }): RecordWrite => ({
      collection: 'tombstones',
      id,
      expectedVersion: version,
      body: undefined,
      ...indexChanges('tombstones', parseBody(body), undefined),
    }),
  );
  // Another replica may have been faster with one of them: then the next sweep finds the rest.
  const { outcome } = await store.commit({ operationId: randomUUID(), writes });
  return outcome === 'done' && next !== undefined;
}
