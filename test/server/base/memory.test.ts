import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const source = new URL('../../../server/base/memory.ts', import.meta.url).href;

test('the heap is smaller after the memory of the start was released', () => {
  const script = `
    import { releaseStartUpMemory } from ${JSON.stringify(source)};
    await import('koa');
    const before = process.memoryUsage();
    releaseStartUpMemory();
    const after = process.memoryUsage();
    process.stdout.write(JSON.stringify([before.heapTotal, after.heapTotal, typeof gc]));`;
  const args = ['--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 20_000,
  });
  const result: unknown = JSON.parse(stdout || JSON.stringify(stderr));
  assert.ok(Array.isArray(result), stderr);
  const [before, after, collector] = result;
  assert.ok(after < before * 0.7, `${before} to ${after} bytes`);
  assert.equal(collector, 'undefined');
});
