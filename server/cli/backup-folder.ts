import { createWriteStream } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { OperatorError } from '#base/operator-error.ts';

/** Sorts by time. No colon: not every file system takes one. */
const BACKUP = /^op-scim-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.ndjson$/;
const PART = '.part';

/** Writes a new file for its owner alone, whole and on disk or not at all. Returns its path. */
export async function writeBackup(
  folder: string,
  startedAt: Date,
  text: AsyncIterable<string>,
): Promise<string> {
  const time = startedAt.toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
  const path = join(folder, `op-scim-${time}.ndjson`);
  try {
    await removeAll(
      folder,
      (name) => name.endsWith(PART) && BACKUP.test(name.slice(0, -PART.length)),
    );
    const part = createWriteStream(`${path}${PART}`, { flags: 'wx', mode: 0o600, flush: true });
    await pipeline(text, part);
    await rename(`${path}${PART}`, path);
    return path;
  } catch (cause) {
    await rm(`${path}${PART}`, { force: true });
    if (!isSystemError(cause)) throw cause;
    throw new OperatorError(
      cause.code === 'ENOENT'
        ? `There is no folder ${folder}. Make it first, or name another.`
        : `The export can not be written to ${folder} (${cause.code}). Name a folder that can be written to and has room.`,
      { cause },
    );
  }
}

/** Removes all but the newest `keep` files that writeBackup made. Returns how many. */
export async function removeOldBackups(folder: string, keep: number): Promise<number> {
  const names = (await readdir(folder)).filter((name) => BACKUP.test(name)).toSorted();
  const kept = names.slice(-keep);
  return removeAll(folder, (name) => names.includes(name) && !kept.includes(name));
}

async function removeAll(folder: string, isUnwanted: (name: string) => boolean): Promise<number> {
  const unwanted = (await readdir(folder)).filter(isUnwanted);
  for (const name of unwanted) await rm(join(folder, name), { force: true });
  return unwanted.length;
}

function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && 'syscall' in thrown;
}
