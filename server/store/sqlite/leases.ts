import type { Lease } from '../store.ts';
import type { Work } from './work.ts';

interface LeaseRow {
  readonly holder: string | null;
  readonly fence: number;
  readonly expires_ms: number;
}

/** `Store.takeLease`. A freed lease keeps its row: the fence must go on growing. */
export function takeLease(
  work: Work,
  name: string,
  holder: string,
  ttlMs: number,
): Lease | undefined {
  const row = findLease(work, name);
  const isOthers = row !== undefined && row.holder !== null && row.holder !== holder;
  if (isOthers && row.expires_ms > work.nowMs) {
    return undefined;
  }
  const fence = row?.holder === holder ? row.fence : (row?.fence ?? 0) + 1;
  work.connection.run(
    'INSERT OR REPLACE INTO leases (account, name, holder, fence, expires_ms) VALUES (?, ?, ?, ?, ?)',
    work.account,
    name,
    holder,
    fence,
    work.nowMs + ttlMs,
  );
  return { name, holder, fence };
}

/** `Store.releaseLease`. */
export function releaseLease(work: Work, lease: Lease): void {
  work.connection.run(
    `UPDATE leases SET holder = NULL, expires_ms = 0
     WHERE account = ? AND name = ? AND holder = ? AND fence = ?`,
    work.account,
    lease.name,
    lease.holder,
    lease.fence,
  );
}

/** Whether nobody took the lease since. One that ran out still counts: nothing was done meanwhile. */
export function holdsLease(work: Work, lease: Lease): boolean {
  const row = findLease(work, lease.name);
  return row?.holder === lease.holder && row.fence === lease.fence;
}

/** `Store.keepFirst`. */
export function keepFirst(work: Work, name: string, value: string): string {
  work.connection.run(
    'INSERT OR IGNORE INTO names (account, name, value) VALUES (?, ?, ?)',
    work.account,
    name,
    value,
  );
  const kept = work.connection.one<{ value: string }>(
    'SELECT value FROM names WHERE account = ? AND name = ?',
    work.account,
    name,
  );
  return kept?.value ?? value;
}

function findLease(work: Work, name: string): LeaseRow | undefined {
  return work.connection.one<LeaseRow>(
    'SELECT holder, fence, expires_ms FROM leases WHERE account = ? AND name = ?',
    work.account,
    name,
  );
}
