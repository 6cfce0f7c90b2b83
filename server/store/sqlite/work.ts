import type { Connection } from './connection.ts';
import { ROWS_PER_ACCOUNT } from './schema.ts';

const MAX_ACCOUNTS = 8_192;

/** What one write request works with: its account's counters and the store's time. */
export interface Work {
  readonly connection: Connection;
  readonly account: number;
  /** The clock as it is: for leases, locks and ages. */
  readonly nowMs: number;
  /** The clock, but never before what the account saw: for created and modified. */
  readonly stampMs: number;
  /** The newest time that this account has seen; grows when a stamp is used. */
  latestMs: number;
  nextSequence: number;
  nextEvent: number;
  nextGeneration: number;
  /** Records whose version this request raised: one commit raises it once. */
  readonly raised: Set<number>;
}

interface AccountRow {
  readonly account: number;
  readonly next_sequence: number;
  readonly next_event: number;
  readonly next_generation: number;
  readonly last_ms: number;
}

/** Runs `task` for an account, which comes to be with its first write, and keeps its counters. */
export function withWork<T>(
  connection: Connection,
  accountId: string,
  nowMs: number,
  task: (work: Work) => T,
): T {
  const row = accountRow(connection, accountId) ?? addAccount(connection, accountId);
  const work: Work = {
    connection,
    account: row.account,
    nowMs,
    stampMs: Math.max(nowMs, row.last_ms),
    latestMs: row.last_ms,
    nextSequence: row.next_sequence,
    nextEvent: row.next_event,
    nextGeneration: row.next_generation,
    raised: new Set(),
  };
  const result = task(work);
  const latestMs = work.raised.size > 0 ? Math.max(work.latestMs, work.stampMs) : work.latestMs;
  if (
    work.nextSequence !== row.next_sequence ||
    work.nextEvent !== row.next_event ||
    work.nextGeneration !== row.next_generation ||
    latestMs !== row.last_ms
  ) {
    connection.run(
      `UPDATE accounts SET next_sequence = ?, next_event = ?, next_generation = ?, last_ms = ?
       WHERE account = ?`,
      work.nextSequence,
      work.nextEvent,
      work.nextGeneration,
      latestMs,
      work.account,
    );
  }
  return result;
}

/** The account's number; undefined as long as nothing was ever written to it. */
export function findAccount(connection: Connection, accountId: string): number | undefined {
  return accountRow(connection, accountId)?.account;
}

/** The next row of a record, and with it its sequence. */
export function takeRow(work: Work): number {
  const sequence = work.nextSequence;
  work.nextSequence += 1;
  return rowOf(work.account, sequence);
}

/** The number of a new member list: no other list of the account has it, or had it before. */
export function takeGeneration(work: Work): number {
  const generation = work.nextGeneration;
  work.nextGeneration += 1;
  return generation;
}

export function rowOf(account: number, sequence: number): number {
  return account * ROWS_PER_ACCOUNT + sequence;
}

export function sequenceOf(row: number): number {
  return row % ROWS_PER_ACCOUNT;
}

function accountRow(connection: Connection, accountId: string): AccountRow | undefined {
  return connection.one<AccountRow>(
    `SELECT account, next_sequence, next_event, next_generation, last_ms
     FROM accounts WHERE id = ?`,
    accountId,
  );
}

function addAccount(connection: Connection, accountId: string): AccountRow {
  const last = connection.one<{ account: number | null }>(
    'SELECT max(account) AS account FROM accounts',
  );
  const account = (last?.account ?? -1) + 1;
  if (account >= MAX_ACCOUNTS) {
    throw new Error(`A database holds at most ${MAX_ACCOUNTS} accounts.`);
  }
  connection.run('INSERT INTO accounts VALUES (?, ?, 1, 1, 1, 0)', account, accountId);
  return { account, next_sequence: 1, next_event: 1, next_generation: 1, last_ms: 0 };
}
