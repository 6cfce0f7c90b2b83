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

const KINDS = ['add', 'remove'] as const;
const ROUNDS = 3;
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
  const section = `1,000 member operations in one PATCH, ${bridge.store.kind}: ms of CPU`;
  const rows: Row[] = [];
  const cpuMs = { add: [] as number[], remove: [] as number[] };
  const commandMs = { add: [] as number[], remove: [] as number[] };
  await bridge.redis?.longestCommand();
  for (let group = 0; group < 10; group += 1) {
    // Far from the members that the first groups have, where there are enough people.
    const first = Math.max(people - PATCH_OPERATIONS - group, 0);
    const persons = Array.from({ length: PATCH_OPERATIONS }, (_, place) => first + place);
    for (const kind of KINDS) {
      const cost = await measureRun(load, bridge, [bigPatch(kind, groupId(group), persons)]);
      cpuMs[kind].push(cost.cpuUs / 1_000);
      commandMs[kind].push((await bridge.redis?.longestCommand())?.ms ?? 0);
    }
  }
  for (const kind of KINDS) {
    const cells = { first: cpuMs[kind][0], worst: Math.max(...cpuMs[kind]) };
    const value = median(cpuMs[kind]);
    const target = PATCH_TARGET_MS;
    rows.push({ section, name: `${kind} 1,000`, cells, value, target, unit: 'ms' });
  }
  if (bridge.redis !== undefined) {
    const value = Math.max(...KINDS.map((kind) => median(commandMs[kind])));
    rows.push(redisRow(section, value));
  }
  return rows;
}

/**
 * What blocks the event loop of a bridge that was started with `bridge-probe.ts`, and its Redis. CPU
 * is the bridge's own, so the worst of the rounds counts. SLOWLOG goes by the clock, in which other
 * processes have their part: a script that is long is so in each round, and the best one counts.
 */
export async function measureBlocking(
  load: Child,
  bridge: Bridge,
  people: number,
): Promise<readonly Row[]> {
  const section = `Longest turn of the event loop, ${bridge.store.kind}, ${people.toLocaleString('en')} people: ms of CPU`;
  const cases = blockingCases(people);
  const rounds = new Map<string, Round[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, request } of cases) {
      rounds.get(name)?.push(await measureRound(load, bridge, request));
    }
  }
  const rows = cases.map(({ name, target }): Row => {
    const measured = rounds.get(name) ?? [];
    const cells = {
      first: measured[0]?.turn.cpuMs,
      'by the clock': Math.max(...measured.map(({ turn }) => turn.wallMs)),
      'CPU in all': median(measured.map(({ cpuMs }) => cpuMs)),
      'answered after': median(measured.map(({ answeredMs }) => answeredMs)),
      ...(bridge.redis && {
        'longest command': Math.min(...measured.map(({ commandMs }) => commandMs)),
      }),
    };
    const value = Math.max(...measured.map(({ turn }) => turn.cpuMs));
    return { section, name, cells, value, target, unit: 'ms' };
  });
  if (bridge.redis === undefined) return rows;
  return [
    ...rows,
    redisRow(section, Math.max(...rows.map((row) => row.cells['longest command'] ?? 0))),
  ];
}

interface Round {
  readonly turn: DelayAnswer;
  readonly cpuMs: number;
  readonly answeredMs: number;
  readonly commandMs: number;
}

async function measureRound(
  load: Child,
  bridge: Bridge,
  request: Request | undefined,
): Promise<Round> {
  await bridge.redis?.longestCommand();
  await askBridge(bridge, { kind: 'resetDelay' });
  const cost = request && (await measureRun(load, bridge, [request]));
  if (cost === undefined) await sleep(1_000);
  const turn = await askBridge<DelayAnswer>(bridge, { kind: 'readDelay' });
  const command = await bridge.redis?.longestCommand();
  return {
    turn,
    cpuMs: (cost?.cpuUs ?? Number.NaN) / 1_000,
    answeredMs: cost?.load.wallMs ?? Number.NaN,
    commandMs: command?.ms ?? 0,
  };
}

interface BlockingCase {
  readonly name: string;
  readonly request: Request | undefined;
  readonly target: number | undefined;
}

function blockingCases(people: number): readonly BlockingCase[] {
  const everyone = Array.from({ length: Math.min(people, 100_000) }, (_, index) => index);
  const value = everyone.slice(people / 100).map((index) => ({ value: personId(index) }));
  const replacement = patch(BIG_GROUP.id, [{ op: 'replace', path: 'members', value }]);
  const scan = { method: 'GET', path: `/Users?filter=${UNINDEXED}`, statuses: [200, 400] } as const;
  const group = { method: 'GET', path: `/Groups/${BIG_GROUP.id}`, statuses: [200] } as const;
  const put = replaceMembers(BIG_GROUP.id, BIG_GROUP.name, everyone);
  return [
    { name: 'idle, for comparison', request: undefined, target: undefined },
    { name: 'unindexed filter', request: scan, target: SCAN_TARGET_MS },
    { name: 'GET of the big group', request: group, target: undefined },
    { name: 'PUT of all members', request: put, target: undefined },
    { name: 'PATCH replace of 99 % of them', request: replacement, target: undefined },
  ];
}

function bigPatch(kind: 'add' | 'remove', group: string, persons: readonly number[]): Request {
  const single = kind === 'add' ? addMember : removeMember;
  const operations = persons.flatMap((person) => {
    const { body } = single(group, person);
    return (JSON.parse(body ?? '') as { Operations: object[] }).Operations; // Made right there.
  });
  return patch(group, operations);
}

function redisRow(section: string, value: number): Row {
  const name = 'longest command in Redis, by the clock';
  return { section, name, cells: {}, value, target: REDIS_TARGET_MS, unit: 'ms' };
}
