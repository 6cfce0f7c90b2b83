import type { Child } from '../child.ts';
import { addMember, removeMember, SCENARIOS, type Scenario, type Step } from '../operations.ts';
import { groupId } from '../people.ts';
import type { ExtraGroup } from '../seed-bridge.ts';
import type { Bridge, Cost } from '../servers.ts';
import type { Row } from '../table.ts';
import { contenderOf } from './operations.ts';
import { type Contender, type TurnCosts, takeTurns } from './turns.ts';

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
  const labels = {
    small: `${plan.small.toLocaleString('en')} people`,
    big: `${plan.big.toLocaleString('en')} people`,
  };
  const section = `Growth with the directory, ${bridges.big.store.kind}: CPU µs per request`;
  return scenario.map((step) => growthRow(section, step, costs, labels));
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
  const contender = (groupAt: (place: number) => string): Contender => ({
    ...contenderOf(bridge, people),
    isReal: false, // Other groups than those of the steps' proofs.
    connections: 1,
    countOf: () => OUTSIDERS,
    requests: ({ name }, _, count) => {
      const requestOf = name === 'add a member' ? addMember : removeMember;
      return outsiders.slice(0, count).map((person, place) => requestOf(groupAt(place), person));
    },
  });
  const contenders = {
    small: contender((place) => groupId(FIRST_EXTRA_GROUP + 1 + (place % SMALL_GROUPS))),
    big: contender(() => BIG_GROUP.id),
  };
  const scenario = SCENARIOS.find(([step]) => step?.name === 'add a member') ?? [];
  const costs = await takeTurns(load, contenders, scenario, { runs, thinning: 1, firstRun: 0 });
  const labels = {
    small: `${SMALL_SIZE} members`,
    big: `${bigSize(people).toLocaleString('en')} members`,
  };
  const section = `Growth with the group, ${bridge.store.kind}: CPU µs per request, one connection`;
  return scenario.map((step) => growthRow(section, step, costs, labels));
}

/** Judged by what the bridge and its Redis cost together. */
function growthRow(
  section: string,
  step: Step,
  costs: TurnCosts,
  labels: { readonly small: string; readonly big: string },
): Row {
  const total = (cost: Cost): number => cost.cpuUs + cost.redisUs;
  const small = costs.median(step, 'small', total) ?? Number.NaN;
  const big = costs.median(step, 'big', total) ?? Number.NaN;
  return {
    section,
    name: step.name,
    cells: {
      [labels.small]: small,
      'Redis of it': costs.median(step, 'small', (cost) => cost.redisUs),
      [labels.big]: big,
      'Redis of that': costs.median(step, 'big', (cost) => cost.redisUs),
    },
    value: 100 * (big / small - 1),
    target: TARGET_PERCENT,
    unit: '%',
  };
}

function bigSize(people: number): number {
  return Math.min(people, 100_000) - OUTSIDERS;
}
