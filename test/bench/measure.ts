import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU time that the threads of a process have used, user and kernel, in nanoseconds. Threads that
 * ended are not in it: measure a difference while the same threads live.
 */
export function cpuTimeNs(pid: number): number {
  let totalNs = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    totalNs += threadTimeNs(`/proc/${pid}/task/${thread}`);
  }
  return totalNs;
}

/** Resident memory in bytes: now, and the most it ever was. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = (name: string): number => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status);
    if (match === null) throw new Error(`/proc/${pid}/status has no ${name}: Linux is needed.`);
    return Number(match[1]);
  };
  return { now: kibibytes('VmRSS') * 1024, peak: kibibytes('VmHWM') * 1024 };
}

/** NaN of an empty list. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** `part` from 0 to 1, between neighbours in proportion. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

const TICK_NS = 10_000_000; // USER_HZ is 100 wherever Node runs.

function threadTimeNs(path: string): number {
  try {
    // Nanoseconds on the CPU, waiting, time slices.
    return Number(readFileSync(`${path}/schedstat`, 'utf8').split(' ')[0]);
  } catch {
    // A kernel without scheduler statistics, or a thread that ended since it was listed.
  }
  try {
    const stat = readFileSync(`${path}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // From field 3 on.
    return (Number(fields[11]) + Number(fields[12])) * TICK_NS;
  } catch {
    return 0;
  }
}
