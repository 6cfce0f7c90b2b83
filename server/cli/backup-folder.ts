import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { OperatorError } from '#base/operator-error.ts';

/** Sorts by time. No colon: not every file system takes one. */
const BACKUP = /^op-scim-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.ndjson$/;
/** Of a name of its own: another export may run, and may have begun in the same second. */
const PART = /^op-scim-[\dTZ-]+\.ndjson\.(?:[\da-f-]+\.)?part$/;
/** What no one has written to for so long is of an export that died. */
const ABANDONED_MS = 3_600_000;

/** Writes a new file for its owner alone, whole and on disk or not at all. Returns its path. */
export async function writeBackup(
  folder: string,
  startedAt: Date,
  text: AsyncIterable<string>,
): Promise<string> {
  const time = startedAt.toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
  const path = join(folder, `op-scim-${time}.ndjson`);
  const part = `${path}.${randomUUID()}.part`;
  try {
    await removeAbandoned(folder);
    // Opened before anything can fail: a stream would still make the file after it was removed.
    const file = await open(part, 'wx', 0o600);
    await pipeline(text, file.createWriteStream({ flush: true }));
    await rename(part, path);
    return path;
  } catch (cause) {
    await rm(part, { force: true });
    if (!isSystemError(cause)) throw cause;
    throw new OperatorError(
      cause.code === 'ENOENT'
        ? `There is no folder ${folder}. Make it first, or name another.`
        : `The export can not be written to ${folder} (${cause.code}). Name a folder that can be written to and has room.`,
      { cause },
    );
  }
}

/**
 * Removes files that writeBackup made, all but `made`, the last one, and the newest by name up to
 * `keep` in all. Returns how many. The name of `made` is not the newest where the clock was set back.
 */
export async function removeOldBackups(folder: string, keep: number, made: string) {
  const names = await filesOf(folder, BACKUP);
  const others = names.filter((name) => name !== basename(made)).toSorted();
  const unwanted = others.slice(0, Math.max(0, others.length - (keep - 1)));
  for (const name of unwanted) await rm(join(folder, name), { force: true });
  return unwanted.length;
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await filesOf(folder, PART)) {
    const path = join(folder, name);
    // Undefined: that export has ended meanwhile.
    const found = await stat(path).catch(() => undefined);
    const isOld = found !== undefined && found.mtimeMs < Date.now() - ABANDONED_MS;
    if (isOld) await rm(path, { force: true });
  }
}

/** Links and folders are none that we made. */
async function filesOf(folder: string, pattern: RegExp): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((each) => each.isFile() && pattern.test(each.name)).map(({ name }) => name);
}

function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  return thrown instanceof Error && 'syscall' in thrown;
}
