import { setTimeout as sleep } from 'node:timers/promises';
import type { DelayAnswer } from '../bridge-probe.ts';
import type { Child } from '../child.ts';
import { median } from '../measure.ts';
import { addMember, patch, type Request, removeMember, replaceMembers } from '../operations.ts';
import { groupId, personId } from '../people.ts';
import { type Bridge, measureRun } from '../servers.ts';
import type { Row } from '../table.ts';
import { askBridge } from './ask-bridge.ts';
import { BIG_GROUP } from './growth.ts';

const PATCH_OPERATIONS = 1_000;
const PATCH_TARGET_MS = 50;
const REDIS_TARGET_MS = 20;
const SCAN_TARGET_MS = 10;
/** Nobody's title: the whole directory is read. */
const UNINDEXED = encodeURIComponent('title co "zzz"');

/** PATCHes of 1,000 member operations each: the bridge's CPU, and the longest command in Redis. */
export async function measureBigPatch(
  load: Child,
  bridge: Bridge,
  people: number,
): Promise<readonly Row[]> {
  await bridge.redis?.longestCommand();
  const section = `1,000 member operations in one PATCH, ${bridge.store.kind}: ms of CPU`;
  const costs = { add: [] as number[], remove: [] as number[] };
  let redisMs = 0;
  for (let group = 0; group < 10; group += 1) {
    // Far from the members that the first groups have, where there are enough people.
    const first = people - PATCH_OPERATIONS - group;
    const persons = Array.from(
      { length: PATCH_OPERATIONS },
      (_, place) => Math.max(first, 0) + place,
    );
    for (const kind of ['add', 'remove'] as const) {
      const cost = await measureRun(load, bridge, [bigPatch(kind, groupId(group), persons)]);
      costs[kind].push(cost.cpuUs / 1_000);
      redisMs = Math.max(redisMs, cost.redisUs / 1_000);
    }
  }
  const rows: Row[] = (['add', 'remove'] as const).map((kind) => ({
    section,
    name: `${kind} 1,000`,
    cells: { first: costs[kind][0], worst: Math.max(...costs[kind]) },
    value: median(costs[kind]),
    target: PATCH_TARGET_MS,
    unit: 'ms',
  }));
  const slowest = await slowestRow(bridge, section, { "Redis's CPU": redisMs });
  return [...rows, ...slowest];
}

/** What blocks the event loop of a bridge that was started with `bridge-probe.ts`. */
export async function measureBlocking(
  load: Child,
  bridge: Bridge,
  people: number,
): Promise<readonly Row[]> {
  const section = `Longest block of the event loop, ${bridge.store.kind}, ${people.toLocaleString('en')} people: ms`;
  const everyone = Array.from({ length: Math.min(people, 100_000) }, (_, index) => index);
  const value = everyone.slice(people / 100).map((index) => ({ value: personId(index) }));
  const scan = { method: 'GET', path: `/Users?filter=${UNINDEXED}`, statuses: [200, 400] } as const;
  const group = { method: 'GET', path: `/Groups/${BIG_GROUP.id}`, statuses: [200] } as const;
  const cases: readonly [string, Request | undefined, number | undefined][] = [
    ['idle, for comparison', undefined, undefined],
    ['unindexed filter', scan, SCAN_TARGET_MS],
    ['GET of the big group', group, undefined],
    ['PUT of all members', replaceMembers(BIG_GROUP.id, BIG_GROUP.name, everyone), undefined],
    [
      'PATCH replace of 99 % of them',
      patch(BIG_GROUP.id, [{ op: 'replace', path: 'members', value }]),
      undefined,
    ],
  ];
  await bridge.redis?.longestCommand();
  const rows: Row[] = [];
  let redisMs = 0;
  for (const [name, request, target] of cases) {
    await askBridge(bridge, { kind: 'resetDelay' });
    const cost = request && (await measureRun(load, bridge, [request]));
    if (cost === undefined) await sleep(2_000);
    const { longestMs } = await askBridge<DelayAnswer>(bridge, { kind: 'readDelay' });
    const slowest = await bridge.redis?.longestCommand();
    rows.push({
      section,
      name,
      cells: {
        'CPU ms': cost && cost.cpuUs / 1_000,
        'answered after ms': cost?.load.wallMs,
        ...(bridge.redis && {
          "Redis's CPU ms": cost && cost.redisUs / 1_000,
          'longest command ms': slowest?.ms,
        }),
      },
      value: longestMs,
      target,
      unit: 'ms',
    });
    redisMs = Math.max(redisMs, slowest?.ms ?? 0);
  }
  if (bridge.redis === undefined) return rows;
  const redisRow = {
    section,
    name: 'longest command of all',
    cells: {},
    value: redisMs,
    unit: 'ms',
  };
  return [...rows, { ...redisRow, target: REDIS_TARGET_MS }];
}

function bigPatch(kind: 'add' | 'remove', group: string, persons: readonly number[]): Request {
  const single = kind === 'add' ? addMember : removeMember;
  const operations = persons.flatMap((person) => {
    const { body } = single(group, person);
    return (JSON.parse(body ?? '') as { Operations: object[] }).Operations; // Made right there.
  });
  return patch(group, operations);
}

async function slowestRow(bridge: Bridge, section: string, cells: Row['cells']): Promise<Row[]> {
  const slowest = await bridge.redis?.longestCommand();
  if (slowest === undefined) return [];
  const name = `longest command: ${slowest.command.split(' ')[0]}`;
  return [{ section, name, cells, value: slowest.ms, target: REDIS_TARGET_MS, unit: 'ms' }];
}
