import { lstatSync } from 'node:fs';
import { type FileHandle, open, realpath, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '#base/error-code.ts';
import { OperatorError } from '#base/operator-error.ts';
import { parseSession, printSession, type SessionFile } from '#session/format.ts';
import { readSmallFile } from '#session/source.ts';

export function readSessionFile(path: string): SessionFile {
  return parseSession(readSmallFile(path, 'session').text, path);
}

/** Refuses early what createSessionFile would refuse: before the operator has typed credentials. */
export function refuseExisting(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw exists(path);
  }
}

/** Writes a new file, mode 0600, durable when it resolves. Never overwrites. */
export async function createSessionFile(path: string, session: SessionFile): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (thrown) {
    throw errorCode(thrown) === 'EEXIST' ? exists(path) : notWritable(path, thrown);
  }
  try {
    await fill(file, session);
    await syncFolder(path);
  } catch (thrown) {
    await unlink(path);
    throw notWritable(path, thrown);
  }
}

export interface Change {
  readonly session: SessionFile;
  /** Runs when the new content is durable, before it counts: if it rejects, nothing is changed. */
  announce?(): Promise<void>;
}

/**
 * Changes an existing file in one step, keeping its mode and owner. The file beside it that the new
 * content goes to first is also the lock: of two commands at a time the second is refused.
 */
export async function changeSessionFile(
  path: string,
  change: (session: SessionFile) => Change,
): Promise<void> {
  readSessionFile(path);
  // Renaming onto a symlink would replace the link.
  const target = await realpath(path);
  const draft = `${target}.new`;
  const file = await openDraft(draft);
  try {
    let changed: Change;
    try {
      // Read under the lock, so that no other change is lost.
      changed = change(readSessionFile(target));
      await keepModeAndOwner(target, file);
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
    await fill(file, changed.session);
    await changed.announce?.();
    await rename(draft, target);
  } catch (thrown) {
    await unlink(draft);
    throw thrown instanceof OperatorError ? thrown : notWritable(target, thrown);
  }
  await syncFolder(target);
}

async function openDraft(draft: string): Promise<FileHandle> {
  try {
    return await open(draft, 'wx', 0o600);
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') {
      throw new OperatorError(
        `${draft} exists: another command is changing the session, or one was interrupted. If none is running, remove ${draft} and repeat.`,
      );
    }
    throw notWritable(draft, thrown);
  }
}

async function keepModeAndOwner(target: string, draft: FileHandle): Promise<void> {
  const before = lstatSync(target);
  const after = await draft.stat();
  if (before.uid !== after.uid || before.gid !== after.gid) {
    await draft.chown(before.uid, before.gid);
  }
  await draft.chmod(before.mode & 0o777);
}

/** Writes, flushes to the disk and closes. */
async function fill(file: FileHandle, session: SessionFile): Promise<void> {
  try {
    await file.writeFile(printSession(session));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the name as durable as the content. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function exists(path: string): OperatorError {
  return new OperatorError(
    `${path} exists already and is not overwritten: a session that is lost can not be made again. Choose another --out, or move the file away.`,
  );
}

function notWritable(path: string, thrown: unknown): OperatorError {
  const code = errorCode(thrown) ?? 'unknown cause';
  return new OperatorError(
    `${path} can not be written (${code}). Check that the folder exists and is yours.`,
    { cause: thrown },
  );
}
