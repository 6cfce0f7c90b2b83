import { OPERATION_MS } from './commit.ts';
import { abandonDraft, type DraftRow } from './memberships.ts';
import { rowOf, type Work } from './work.ts';

/** Rows that one sweep removes at most of each kind: a few milliseconds of the writer. */
const SLICE = 1_000;
const MAX_EVENTS = 100_000;
const EVENT_MS = 30 * 86_400_000;

/** `Store.sweep`. */
export function sweep(work: Work): boolean {
  const slices = [sweepOperations(work), sweepEvents(work), sweepDrafts(work), sweepLists(work)];
  return slices.some((isMoreDue) => isMoreDue);
}

function sweepOperations(work: Work): boolean {
  const removed = work.connection.run(
    `DELETE FROM operations WHERE account = ?1 AND id IN (
       SELECT id FROM operations INDEXED BY operation_times
       WHERE account = ?1 AND time_ms <= ?2 ORDER BY time_ms LIMIT ?3)`,
    work.account,
    work.nowMs - OPERATION_MS,
    SLICE,
  );
  return removed === SLICE;
}

/** Events are in the order of time: the oldest ones go, by number and by age. */
function sweepEvents(work: Work): boolean {
  const removed = work.connection.run(
    `DELETE FROM events WHERE row IN (
       SELECT row FROM (SELECT row, time_ms FROM events WHERE row >= ?1 AND row < ?2
                        ORDER BY row LIMIT ?5)
       WHERE row < ?3 OR time_ms <= ?4)`,
    rowOf(work.account, 0),
    rowOf(work.account, work.nextEvent),
    rowOf(work.account, Math.max(work.nextEvent - MAX_EVENTS, 0)),
    work.nowMs - EVENT_MS,
    SLICE,
  );
  return removed === SLICE;
}

function sweepDrafts(work: Work): boolean {
  const ended = work.connection.all<DraftRow>(
    'SELECT * FROM drafts WHERE group_row BETWEEN ? AND ? AND expires_ms <= ? LIMIT ?',
    rowOf(work.account, 0),
    rowOf(work.account + 1, -1),
    work.nowMs,
    SLICE,
  );
  for (const draft of ended) {
    abandonDraft(work, draft);
  }
  return ended.length === SLICE;
}

function sweepLists(work: Work): boolean {
  const { connection } = work;
  let left = SLICE;
  while (left > 0) {
    const list = connection.one<{ group_row: number; generation: number }>(
      `SELECT group_row, generation FROM garbage
       WHERE group_row BETWEEN ? AND ? AND due_ms <= ? LIMIT 1`,
      rowOf(work.account, 0),
      rowOf(work.account + 1, -1),
      work.nowMs,
    );
    if (list === undefined) {
      return false;
    }
    const removed = connection.run(
      `DELETE FROM memberships WHERE group_row = ?1 AND generation = ?2 AND sequence IN (
         SELECT sequence FROM memberships
         WHERE group_row = ?1 AND generation = ?2 ORDER BY sequence LIMIT ?3)`,
      list.group_row,
      list.generation,
      left,
    );
    if (removed < left) {
      connection.run(
        'DELETE FROM garbage WHERE group_row = ? AND generation = ?',
        list.group_row,
        list.generation,
      );
    }
    // A list costs a step also when it is empty: the loop ends.
    left -= removed + 1;
  }
  return true;
}
