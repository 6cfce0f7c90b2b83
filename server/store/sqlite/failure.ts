import { StoreUnavailable } from '../store.ts';

export const BUSY = 5;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

const LOCKED = 'The database file is locked by another program: end what else has it open.';
const DAMAGED =
  'The database file is damaged: stop the bridge, put back a backup or import an export.';

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html) that are not our bug. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [BUSY, LOCKED],
  [6, LOCKED],
  [7, 'There is too little memory for the database: give the bridge more.'],
  [8, 'The database file is read-only: make it and its folder writable for the bridge.'],
  [10, 'The disk of the database reports errors: check the volume.'],
  [CORRUPT, DAMAGED],
  [13, 'The disk of the database is full: make room, writes work again by themselves.'],
  [14, 'The database file can not be opened: check its folder and permissions.'],
  [NOT_A_DATABASE, DAMAGED],
]);

/** What SQLite says about the file, the disk or the memory, as StoreUnavailable; else undefined. */
export function unavailable(thrown: unknown): StoreUnavailable | undefined {
  if (thrown instanceof StoreUnavailable) {
    return thrown;
  }
  const code = primaryCode(thrown);
  const reason = code === undefined ? undefined : REASONS.get(code);
  return reason === undefined ? undefined : new StoreUnavailable(reason, thrown);
}

/** Whether SQLite says that what is in the file is not what it wrote. */
export function isDamage(thrown: unknown): boolean {
  const code = primaryCode(thrown);
  return code === CORRUPT || code === NOT_A_DATABASE;
}

/** SQLite's result code without its extension; undefined when it is another error. */
export function primaryCode(thrown: unknown): number | undefined {
  if (thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number') {
    return thrown.errcode & 0xff;
  }
  return undefined;
}
