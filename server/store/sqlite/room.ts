import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreUnavailable } from '../store.ts';

/** Less free room than this on the disk of the database is worth a warning. */
const LITTLE_ROOM_BYTES = 256 * 1024 * 1024;

/** Rejects with StoreUnavailable when there is no such folder. */
export async function freeBytesBeside(file: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(dirname(file));
    return bavail * bsize;
  } catch (thrown) {
    throw new StoreUnavailable(
      'The folder of the database can not be read: check the volume.',
      thrown,
    );
  }
}

export function roomWarning(freeBytes: number): string | undefined {
  if (freeBytes >= LITTLE_ROOM_BYTES) return undefined;
  return `The disk of the database has ${Math.floor(freeBytes / 2 ** 20)} MiB left: make room, or writes will be refused.`;
}
