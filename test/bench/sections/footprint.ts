import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from '../child.ts';
import { median, residentBytes } from '../measure.ts';
import type { Request } from '../operations.ts';
import { type Bridge, measureRun } from '../servers.ts';
import type { Row } from '../table.ts';

const MEBIBYTE = 1_048_576;
const IDLE_TARGET_MIB = 90;
const GROWTH_TARGET_MIB = 20;
const READY_TARGET_MS = 1_000;
const SETTLE_MS = 3_000;

/** Memory of a fresh process that one request unlocked, then of the same one after it listed everyone. */
export async function measureMemory(
  load: Child,
  bridge: Bridge,
  people: number,
): Promise<readonly Row[]> {
  const section = `Memory, ${bridge.store.kind}, ${people.toLocaleString('en')} people: MiB resident`;
  await measureRun(load, bridge, [{ method: 'GET', path: '/Users?count=1', statuses: [200] }]);
  await sleep(SETTLE_MS);
  const idle = residentBytes(bridge.pid).now / MEBIBYTE;
  const listed = Math.min(people, 100_000);
  const pages = Array.from({ length: Math.ceil(listed / 100) }, (_, page): Request => {
    const path = `/Users?startIndex=${1 + page * 100}&count=100`;
    return { method: 'GET', path, statuses: [200], includes: '"itemsPerPage":100' };
  });
  await measureRun(load, bridge, pages, { connections: 1 });
  const after = residentBytes(bridge.pid);
  await sleep(SETTLE_MS);
  const later = residentBytes(bridge.pid).now / MEBIBYTE;
  const growth = after.now / MEBIBYTE - idle;
  return [
    { section, name: 'idle', cells: {}, value: idle, target: IDLE_TARGET_MIB, unit: 'MiB' },
    {
      section,
      name: `above idle after listing ${listed.toLocaleString('en')}`,
      cells: { 'after 3 s': later - idle, peak: after.peak / MEBIBYTE - idle },
      value: growth,
      target: GROWTH_TARGET_MIB,
      unit: 'MiB',
    },
  ];
}

/** From the spawn to the first good answer of /ping, on a store that is full. */
export async function measureStart(restart: () => Promise<Bridge>, runs: number): Promise<Row> {
  const readyMs: number[] = [];
  let kind = '';
  for (let run = 0; run < runs; run += 1) {
    const { bridge, store } = await restart();
    readyMs.push(bridge.readyMs);
    kind = store.kind;
  }
  return {
    section: `Start, ${kind}: ms until /ping answers`,
    name: `median of ${runs}`,
    cells: { fastest: Math.min(...readyMs), slowest: Math.max(...readyMs) },
    value: median(readyMs),
    target: READY_TARGET_MS,
    unit: 'ms',
  };
}
