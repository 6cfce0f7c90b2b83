import type { Child } from '../child.ts';
import { median } from '../measure.ts';
import { addMember, removeMember, type Scenario } from '../operations.ts';
import { groupId } from '../people.ts';
import type { ExtraGroup } from '../seed-bridge.ts';
import { type Bridge, type Cost, measureRun } from '../servers.ts';
import type { Row } from '../table.ts';
import { contenderOf } from './operations.ts';
import { takeTurns } from './turns.ts';

/** What an operation may cost more, in percent, in a directory or group many times as big. */
const TARGET_PERCENT = 20;
const SMALL_GROUPS = 50;
const SMALL_SIZE = 10;
/** Kept out of the big group, to be added and removed. */
const OUTSIDERS = 500;
const FIRST_EXTRA_GROUP = 900_000_000;
/** After all runs that the big directory has seen. */
const FIRST_GROWTH_RUN = 1_000;

/** The same bridge on a small and on a big directory, in turns. Both processes are fresh. */
export async function growthByPeople(
  load: Child,
  bridges: { readonly small: Bridge; readonly big: Bridge },
  scenario: Scenario,
  plan: {
    readonly small: number;
    readonly big: number;
    readonly runs: number;
    readonly thinning: number;
  },
): Promise<readonly Row[]> {
  const contenders = {
    small: contenderOf(bridges.small, plan.small),
    big: contenderOf(bridges.big, plan.big),
  };
  const turns = { runs: plan.runs, thinning: plan.thinning, firstRun: FIRST_GROWTH_RUN };
  const costs = await takeTurns(load, contenders, scenario, turns);
  return scenario.map((step) => {
    const [small, big] = (['small', 'big'] as const).map((name) =>
      costs.median(step, name, (cost) => cost.cpuUs + cost.redisUs),
    );
    return {
      section: `Growth with the directory, ${bridges.big.store.kind}: CPU µs per request of bridge and Redis`,
      name: step.name,
      cells: {
        [`${plan.small.toLocaleString('en')} people`]: small,
        [`${plan.big.toLocaleString('en')} people`]: big,
      },
      ...growth(small, big),
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
    const [first, last] = [...groupsBySize.keys()].map((size) =>
      median((costs[kind].get(size) ?? []).map((cost) => cost.cpuUs + cost.redisUs)),
    );
    const labels = [...groupsBySize.keys()].map((size) => `${size.toLocaleString('en')} members`);
    return {
      section: `Growth with the group, ${bridge.store.kind}: CPU µs per request of bridge and Redis, one connection`,
      name: `${kind} a member`,
      cells: Object.fromEntries(labels.map((label, place) => [label, [first, last][place]])),
      ...growth(first, last),
    };
  });
}

function bigSize(people: number): number {
  return Math.min(people, 100_000) - OUTSIDERS;
}

function growth(first = Number.NaN, last = Number.NaN): Pick<Row, 'value' | 'target' | 'unit'> {
  return { value: 100 * (last / first - 1), target: TARGET_PERCENT, unit: '%' };
}
