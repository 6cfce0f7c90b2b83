import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { LOAD_CORE, startChild } from './child.ts';
import { listen } from './floors/listen.ts';
import type { LoadOrder, LoadResult, Shot } from './load.ts';
import { cpuTimeNs, quantile, residentBytes } from './measure.ts';
import { groupCount, groupsOf, membersOf, personId, strangers } from './people.ts';
import { topSelfTimes } from './profile.ts';
import { printTables, verdictOf } from './table.ts';

const PEOPLE = 10_000;

test('groups and members say the same from both sides', () => {
  const members = Array.from({ length: groupCount(PEOPLE) }, (_, group) => membersOf(group));
  for (const [group, persons] of members.entries()) {
    assert.equal(new Set(persons).size, 100);
    for (const person of persons) assert(groupsOf(person).includes(group));
  }
});

test('ids differ, and strangers are in no group that they are given', () => {
  assert.equal(new Set(Array.from({ length: PEOPLE }, (_, index) => personId(index))).size, PEOPLE);
  const pairs = strangers(PEOPLE, 2_000);
  assert.equal(new Set(pairs.map(({ group, person }) => `${group} ${person}`)).size, 2_000);
  for (const { group, person } of pairs) assert(!groupsOf(person).includes(group));
});

test('a quantile lies between its neighbours', () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([5, 1, 3], 1), 5);
});

test('CPU time and memory of this process are read', { skip: process.platform !== 'linux' }, () => {
  const before = cpuTimeNs(process.pid);
  const usage = process.cpuUsage();
  const usedUs = (): number => process.cpuUsage(usage).user + process.cpuUsage(usage).system;
  for (const deadline = performance.now() + 10_000; usedUs() < 60_000; ) {
    assert(performance.now() < deadline, 'this process gets no CPU');
  }
  const measuredUs = (cpuTimeNs(process.pid) - before) / 1_000;
  assert(Math.abs(measuredUs - usedUs()) < 20_000, `${measuredUs} µs`);
  assert(residentBytes(process.pid).peak >= residentBytes(process.pid).now / 2);
});

test('a target that is missed is said to be', () => {
  const row = {
    section: 'S',
    name: 'GET',
    cells: { bridge: 150 },
    value: 3,
    target: 1.7,
    unit: '×',
  };
  assert.equal(verdictOf(row), 'MISSED');
  assert.equal(verdictOf({ ...row, value: 1.6 }), 'ok');
  assert.equal(verdictOf({ ...row, value: undefined }), '');
  assert.match(printTables([row]), /GET +150 +3 × +≤ 1\.70 × +MISSED/);
});

test('self time is summed by function, idle time left out', () => {
  const frame = (functionName: string) => ({
    functionName,
    url: 'file:///x/server/a.ts',
    lineNumber: 6,
  });
  const idle = { functionName: '(idle)', url: '', lineNumber: -1 };
  const nodes = [
    { id: 1, callFrame: idle },
    { id: 2, callFrame: frame('parse') },
  ];
  const profile = { nodes, samples: [1, 2, 2], timeDeltas: [900, 30, 70] };
  assert.deepEqual(topSelfTimes(profile, 10), ['100.0 %     10.00 µs  parse server/a.ts:7']);
});

const answers: Readonly<Record<string, { status: number; parts: readonly string[] }>> = {
  '/whole': { status: 200, parts: ['{"id":"a"}'] },
  '/chunked': { status: 200, parts: ['{"id":', '"a', '"}'] },
  '/empty': { status: 204, parts: [] },
};
const expectations: readonly [
  name: string,
  path: string,
  shot: Omit<Shot, 'bytes'>,
  isRight: boolean,
][] = [
  ['an answer with a length', '/whole', { statuses: [200], includes: '"id":"a"' }, true],
  ['a chunked answer', '/chunked', { statuses: [200], includes: ':\r\n' }, true],
  ['an empty answer', '/empty', { statuses: [200, 204] }, true],
  ['another status', '/empty', { statuses: [200] }, false],
  ['another body', '/whole', { statuses: [200], includes: '"id":"b"' }, false],
];

for (const [name, path, shot, isRight] of expectations) {
  test(`the load generator takes ${name} as ${isRight ? 'right' : 'wrong'}`, async () => {
    const server = createServer((request, response) => {
      const { status, parts } = answers[request.url ?? ''] ?? { status: 404, parts: [] };
      response.writeHead(status, parts.length === 1 ? { 'Content-Length': parts[0]?.length } : {});
      for (const part of parts) response.write(part);
      response.end();
    });
    const port = await listen(server);
    const { child } = await startChild('load.ts', [], LOAD_CORE);
    try {
      const bytes = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
      const shots = Array.from({ length: 5 }, () => ({ ...shot, bytes }));
      await child.ask({ kind: 'aim', port, connections: 2, shots } satisfies LoadOrder);
      const result = await child.ask<LoadResult>({
        kind: 'fire',
        limitMs: 5_000,
      } satisfies LoadOrder);
      assert.equal(result.wrong.length > 0, !isRight);
      if (isRight) assert.equal(result.completed, 5);
    } finally {
      await child.stop();
      server.close();
    }
  });
}
