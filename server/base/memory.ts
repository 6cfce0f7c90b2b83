import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A process that used less than this of a core in the last interval is idle. */
const IDLE_SHARE = 0.02;
/** Less than this is not worth a pause. */
const WORTH_BYTES = 8 * 1024 * 1024;
/**
 * Of new objects, each of the two halves: so many requests' that V8 looks through it seldom enough. The
 * headers of its pages are not counted, so that 2 MB are a little less.
 */
const YOUNG_HALF_BYTES = 1.9 * 1024 * 1024;

/**
 * Gives back what the start and later large requests took, each time the process idles: V8 alone keeps
 * the heap that it once had. Call it when the first request can be answered.
 */
export function releaseMemoryWhenIdle(intervalMs = 1_000): void {
  // A long listing is garbage as soon as it is sent: the heap need not grow to several times its size.
  setFlagsFromString('--heap-growing-percent=20');
  releaseMemory();
  let low = process.memoryUsage.rss();
  let before = process.cpuUsage();
  setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    const isIdle = (user + system) / 1_000 < intervalMs * IDLE_SHARE;
    if (!isIdle || process.memoryUsage.rss() < low + WORTH_BYTES) return;
    releaseMemory();
    // What is left is in use: only more than that is worth another try.
    low = process.memoryUsage.rss();
  }, intervalMs).unref();
}

/** Stops the process for some tens of milliseconds. */
export function releaseMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  // `last-resort` is the flavor that also shrinks the young generation to its smallest size.
  if (typeof collect === 'function') collect({ type: 'major', flavor: 'last-resort' });
  settleYoungGeneration();
}

/**
 * V8 doubles the young generation each time that much of it survives, up to 128 MB. Its limit can be set
 * only before the process starts, its growth at any time: it grows to its size here, and then no more.
 */
function settleYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
  const survivors: object[][] = [];
  while (youngHalfBytes() < YOUNG_HALF_BYTES && survivors.length < SURVIVORS_MAX) {
    survivors.push(Array.from({ length: 1_000 }, () => ({})));
  }
  setFlagsFromString('--semi-space-growth-factor=1');
  // Both halves are used once now, rather than with the first requests.
  for (let n = 0; n < 100; n += 1) Array.from({ length: 1_000 }, () => ({}));
}

/** In thousands; a fraction of it is enough. */
const SURVIVORS_MAX = 1_000;

/** `space_size` is of one half or of both, by the version of Node. */
function youngHalfBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young === undefined ? 0 : young.space_used_size + young.space_available_size;
}
