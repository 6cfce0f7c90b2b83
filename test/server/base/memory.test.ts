import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const source = new URL('../../../server/base/memory.ts', import.meta.url).href;

test('the heap is smaller after memory was released', () => {
  const script = `
    import { releaseMemory } from ${JSON.stringify(source)};
    let used = Array.from({ length: 200_000 }, (_, n) => ({ id: String(n) }));
    used = undefined;
    const before = process.memoryUsage();
    releaseMemory();
    const after = process.memoryUsage();
    process.stdout.write(JSON.stringify([before.heapTotal, after.heapTotal, typeof gc]));`;
  const [before, after, collector] = run(script);
  assert.ok(after < before * 0.7, `${before} to ${after} bytes`);
  assert.equal(collector, 'undefined');
});

test('an idle process gives back what a large request took', () => {
  const script = `
    import { releaseMemoryWhenIdle } from ${JSON.stringify(source)};
    releaseMemoryWhenIdle(100);
    const start = process.memoryUsage.rss();
    let text = Array.from({ length: 600_000 }, (_, n) => ({ id: String(n) }));
    const peak = process.memoryUsage.rss();
    text = undefined;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    process.stdout.write(JSON.stringify([start, peak, process.memoryUsage.rss()]));`;
  const [start, peak, end] = run(script);
  assert.ok(peak - start > 20e6, `${start} to ${peak} bytes`);
  assert.ok(end - start < (peak - start) / 2, `${start} to ${peak}, then ${end} bytes`);
});

test('new objects of a busy process do not take more and more memory', () => {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { releaseMemoryWhenIdle } from ${JSON.stringify(source)};
    const half = () => {
      const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
      return (young.space_used_size + young.space_available_size) / 1_048_576;
    };
    releaseMemoryWhenIdle();
    const settled = half();
    let survivors = [];
    for (let n = 0; n < 300_000; n += 1) {
      survivors.push({ n, text: 'number ' + n });
      if (survivors.length > 50_000) survivors = [];
    }
    process.stdout.write(JSON.stringify([settled, half()]));`;
  const [settled, after] = run(script);
  assert.ok(settled > 1.9 && settled <= 2, `${settled} MB`);
  // A collection may need more for a moment. Left to itself V8 goes to 16.
  assert.ok(after < 12, `${settled} to ${after} MB`);
});

/** What the script wrote as a JSON array, in a process of its own. */
function run(script: string) {
  const args = ['--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 20_000,
  });
  const result: unknown = JSON.parse(stdout || JSON.stringify(stderr));
  assert.ok(Array.isArray(result), stderr);
  return result;
}
