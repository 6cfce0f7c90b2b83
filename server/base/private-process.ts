import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Keeps the memory of this process, which holds the unlocked session, out of files: no diagnostic
 * reports and no core dumps. Call it before the first secret is read. Returns a sentence for the log
 * when core dumps could not be turned off.
 */
export function makeProcessPrivate(): string | undefined {
  const { report } = process;
  report.reportOnFatalError = false;
  report.reportOnSignal = false;
  report.reportOnUncaughtException = false;
  report.excludeEnv = true;
  return process.platform === 'linux' ? turnOffCoreDumps() : undefined;
}

/**
 * Node has no setrlimit, so `prlimit` of util-linux sets the limit from outside. A limit of one byte
 * is less than the smallest core file and, unlike 0, also stops core dumps that go to a program
 * (core(5); the kernel's do_coredump takes 1 as "none"). The filter empties what is dumped anyway.
 */
function turnOffCoreDumps(): string | undefined {
  const hasFilter = emptyCoreDumps();
  if (['0', '1'].includes(hardCoreLimit() ?? '')) return undefined;
  const { status } = spawnSync('prlimit', ['--core=1:1', '--pid', String(process.pid)], {
    stdio: 'ignore',
    timeout: 5_000,
  });
  if (status === 0) return undefined;
  const rest = hasFilter ? 'One would hold registers alone, no memory.' : 'One would hold secrets.';
  return `Core dumps could not be turned off, because prlimit (package util-linux) did not run. ${rest} Start the bridge under "ulimit -c 0".`;
}

function emptyCoreDumps(): boolean {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
    return true;
  } catch {
    return false; // A kernel built without it, or /proc is read-only.
  }
}

/** In bytes, or `unlimited`; undefined without /proc. */
function hardCoreLimit(): string | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return /^Max core file size\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  } catch {
    return undefined;
  }
}
