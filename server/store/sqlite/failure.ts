import { StoreUnavailable } from '../store.ts';

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html) that are not our bug. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [5, 'The database file is locked by another program: end what else has it open.'],
  [6, 'The database file is locked by another program: end what else has it open.'],
  [7, 'There is too little memory for the database: give the bridge more.'],
  [8, 'The database file is read-only: make it and its folder writable for the bridge.'],
  [10, 'The disk of the database reports errors: check the volume.'],
  [11, 'The database file is damaged: stop the bridge, restore a backup or import an export.'],
  [13, 'The disk of the database is full: make room, writes work again by themselves.'],
  [14, 'The database file can not be opened: check its folder and permissions.'],
  [26, 'The database file is damaged: stop the bridge, restore a backup or import an export.'],
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

/** SQLite's result code without its extension; undefined when it is another error. */
export function primaryCode(thrown: unknown): number | undefined {
  if (thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number') {
    return thrown.errcode & 0xff;
  }
  return undefined;
}
