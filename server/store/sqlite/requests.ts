import { type Commit, StoreUnavailable } from '../store.ts';
import { applyCommit } from './commit.ts';
import type { Connection } from './connection.ts';
import { dropDraft, extendDraft, openDraft } from './drafts.ts';
import { unavailable } from './failure.ts';
import { keepFirst, releaseLease, takeLease } from './leases.ts';
import { restore } from './restore.ts';
import { sweep } from './sweep.ts';
import { type Work, withWork } from './work.ts';

/** What the writer can be asked to do: each function runs inside one transaction. */
const TASKS = {
  commit: (work: Work, commit: Commit) => applyCommit(work, commit),
  openDraft,
  extendDraft,
  dropDraft,
  sweep,
  takeLease,
  releaseLease,
  keepFirst,
  restore,
} as const;

export type TaskName = keyof typeof TASKS;
export type TaskArguments<Name extends TaskName> =
  Parameters<(typeof TASKS)[Name]> extends [Work, ...infer Rest] ? Rest : never;
export type TaskResult<Name extends TaskName> = ReturnType<(typeof TASKS)[Name]>;

/** `task` undefined: only see whether the file takes writes. */
export interface Request {
  readonly task: Task | undefined;
  /** The store's clock when the request was made. */
  readonly nowMs: number;
}

export interface Task {
  readonly name: TaskName;
  readonly accountId: string;
  readonly values: readonly unknown[];
}

export type Answer =
  | { readonly result: unknown }
  /** The reason of a StoreUnavailable, and what SQLite said. */
  | { readonly unavailable: string; readonly cause: unknown }
  /** Our bug. */
  | { readonly bug: unknown };

/**
 * Runs the requests in one transaction, so with one fsync. A request that throws is undone alone;
 * when the database itself fails, none of them happened.
 */
export function runRequests(connection: Connection, requests: readonly Request[]): Answer[] {
  try {
    return connection.transaction(() => requests.map((request) => runRequest(connection, request)));
  } catch (thrown) {
    const failed = unavailable(thrown);
    const answer: Answer =
      failed === undefined
        ? { bug: thrown }
        : { unavailable: failed.reason, cause: String(failed.cause) };
    return requests.map(() => answer);
  }
}

function runRequest(connection: Connection, { task, nowMs }: Request): Answer {
  try {
    const result = connection.attempt(
      () =>
        task === undefined
          ? probe(connection, nowMs)
          : withWork(connection, task.accountId, nowMs, (work) => perform(work, task)),
      () => true,
    );
    return { result };
  } catch (thrown) {
    if (unavailable(thrown) !== undefined) {
      throw thrown;
    }
    return { bug: thrown };
  }
}

function perform(work: Work, { name, values }: Task): unknown {
  // Parsed boundary: WriteQueue.request checked the values against the task's arguments.
  const task = TASKS[name] as (work: Work, ...values: readonly unknown[]) => unknown;
  return task(work, ...values);
}

function probe(connection: Connection, nowMs: number): void {
  connection.run('INSERT OR REPLACE INTO probe (id, time_ms) VALUES (1, ?)', nowMs);
}

/** What an answer stands for: its result, or the error it carries. */
export function resultOf(answer: Answer): unknown {
  if ('result' in answer) {
    return answer.result;
  }
  if ('unavailable' in answer) {
    throw new StoreUnavailable(answer.unavailable, answer.cause);
  }
  throw answer.bug;
}
