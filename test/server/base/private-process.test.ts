import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const source = new URL('../../../server/base/private-process.ts', import.meta.url).href;
const reports = ['--report-on-fatalerror', '--report-uncaught-exception', '--report-on-signal'];

/** Runs `script` where core dumps are as large as the machine allows; returns the files it leaves. */
function leftBehind(script: string): { signal: string | null; files: string[]; stderr: string } {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-core-'));
  try {
    const args = [...reports, '--report-signal=SIGUSR2', '--input-type=module', '--eval', script];
    const command = 'ulimit -c "$(ulimit -H -c)"; exec "$0" "$@"';
    const run = spawnSync('/bin/sh', ['-c', command, process.execPath, ...args], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
    });
    return { signal: run.signal, files: readdirSync(folder), stderr: run.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const makePrivate = `
  import { makeProcessPrivate } from ${JSON.stringify(source)};
  const warning = makeProcessPrivate();
  if (warning !== undefined) throw new Error(warning);
`;

const ends = [
  ['SIGABRT from outside', `process.kill(process.pid, 'SIGABRT'); setTimeout(() => {}, 5000);`],
  ['abort() from within', 'process.abort();'],
  ['SIGSEGV', `process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 5000);`],
] as const;
for (const [name, end] of ends) {
  test(`${name} leaves no core dump and no report`, () => {
    const { signal, files, stderr } = leftBehind(makePrivate + end);
    assert.notEqual(signal, null, stderr);
    assert.deepEqual(files, []);
  });
}

test('the report signal leaves no report', () => {
  const end = `process.kill(process.pid, 'SIGUSR2'); setTimeout(() => {}, 5000);`;
  const { signal, files } = leftBehind(makePrivate + end);
  assert.equal(signal, 'SIGUSR2');
  assert.deepEqual(files, []);
});

test('an uncaught error leaves no report', () => {
  const { files, stderr } = leftBehind(`${makePrivate} throw new Error('end');`);
  assert.match(stderr, /end/);
  assert.deepEqual(files, []);
});

test('without the call there would be a report, and a core dump where the machine writes them', () => {
  const report = leftBehind(`throw new Error('end');`);
  assert.ok(report.files.some((file) => file.startsWith('report.')));
  const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
  const writesHere =
    !/[|/]/.test(pattern) &&
    !/^Max core file size\s+\S+\s+0\s/m.test(readFileSync('/proc/self/limits', 'utf8'));
  const core = leftBehind('process.abort();').files.filter((file) => file.startsWith('core'));
  assert.equal(core.length > 0, writesHere);
});
