import type { Child } from '../child.ts';
import { median } from '../measure.ts';
import { addMember, removeMember } from '../operations.ts';
import { groupId } from '../people.ts';
import type { ExtraGroup } from '../seed-bridge.ts';
import { type Bridge, type Cost, measureRun } from '../servers.ts';
import type { Row } from '../table.ts';

/** What an operation may cost more, in percent, in a directory or group many times as big. */
const TARGET_PERCENT = 20;
const SMALL_GROUPS = 50;
const SMALL_SIZE = 10;
/** Kept out of the big group, to be added and removed. */
const OUTSIDERS = 500;
const FIRST_EXTRA_GROUP = 900_000_000;

/** From the rows of the sizes measured, smallest first: the bridge and its Redis together. */
export function growthByPeople(rowsBySize: ReadonlyMap<number, readonly Row[]>): readonly Row[] {
  const sizes = [...rowsBySize.keys()].sort((left, right) => left - right);
  const names = new Set([...rowsBySize.values()].flat().map((row) => row.name));
  return [...names].map((name) => {
    const totals = sizes.map((people) => {
      const cells = rowsBySize.get(people)?.find((row) => row.name === name)?.cells;
      return (cells?.['bridge'] ?? Number.NaN) + (cells?.["bridge's Redis"] ?? 0);
    });
    const labels = sizes.map((people) => `${people.toLocaleString('en')} people`);
    return {
      section: 'Growth with the directory: CPU µs per request of bridge and Redis',
      name,
      cells: Object.fromEntries(labels.map((label, place) => [label, totals[place]])),
      ...growth(totals[0], totals.at(-1)),
    };
  });
}

/** The groups that `growthByMembers` and the blocking section need. */
export function extraGroups(people: number): readonly ExtraGroup[] {
  const small = Array.from({ length: SMALL_GROUPS }, (_, place) => ({
    index: FIRST_EXTRA_GROUP + 1 + place,
    name: `Small ${place}`,
    size: SMALL_SIZE,
  }));
  return [{ index: FIRST_EXTRA_GROUP, name: BIG_GROUP.name, size: bigSize(people) }, ...small];
}

export const BIG_GROUP = { id: groupId(FIRST_EXTRA_GROUP), name: 'Everyone' };

/** One connection: IdPs change one group from one place, and a race would be measured otherwise. */
export async function growthByMembers(
  load: Child,
  bridge: Bridge,
  people: number,
  runs: number,
): Promise<readonly Row[]> {
  const outsiders = Array.from({ length: OUTSIDERS }, (_, place) => bigSize(people) + place);
  const smallGroup = (place: number): string =>
    groupId(FIRST_EXTRA_GROUP + 1 + (place % SMALL_GROUPS));
  const groupsBySize = new Map([
    [SMALL_SIZE, smallGroup],
    [bigSize(people), () => BIG_GROUP.id],
  ]);
  const costs = { add: new Map<number, Cost[]>(), remove: new Map<number, Cost[]>() };
  for (let run = 0; run <= runs; run += 1) {
    for (const [size, groupAt] of groupsBySize) {
      for (const [kind, request] of [
        ['add', addMember],
        ['remove', removeMember],
      ] as const) {
        const requests = outsiders.map((person, place) => request(groupAt(place), person));
        const cost = await measureRun(load, bridge, requests, { connections: 1 });
        if (run > 0) costs[kind].set(size, [...(costs[kind].get(size) ?? []), cost]);
      }
    }
  }
  return (['add', 'remove'] as const).map((kind) => {
    const totals = [...groupsBySize.keys()].map((size) =>
      median((costs[kind].get(size) ?? []).map((cost) => cost.cpuUs + cost.redisUs)),
    );
    const labels = [...groupsBySize.keys()].map((size) => `${size.toLocaleString('en')} members`);
    return {
      section: `Growth with the group, ${bridge.store.kind}: CPU µs per request of bridge and Redis, one connection`,
      name: `${kind} a member`,
      cells: Object.fromEntries(labels.map((label, place) => [label, totals[place]])),
      ...growth(totals[0], totals.at(-1)),
    };
  });
}

function bigSize(people: number): number {
  return Math.min(people, 100_000) - OUTSIDERS;
}

function growth(first = Number.NaN, last = Number.NaN): Pick<Row, 'value' | 'target' | 'unit'> {
  return { value: 100 * (last / first - 1), target: TARGET_PERCENT, unit: '%' };
}
