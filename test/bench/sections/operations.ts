import type { Child } from '../child.ts';
import type { Scenario, Step } from '../operations.ts';
import type { BareKoa, Bridge, Server } from '../servers.ts';
import type { Row } from '../table.ts';
import { captureAnswer, type WireAnswer } from '../wire.ts';
import { type Contender, type TurnCosts, takeTurns } from './turns.ts';

/** The servers of one size that are compared. */
export interface Rivals {
  readonly bridge: Bridge;
  readonly bareKoa: BareKoa;
  readonly koaRedis: Server | undefined;
  readonly scimmy: Server | undefined;
}

export interface OperationPlan {
  readonly people: number;
  readonly runs: number;
  readonly thinning: number;
}

/** Measures a scenario on each server: a row for each step. */
export async function measureScenario(
  load: Child,
  rivals: Rivals,
  scenario: Scenario,
  plan: OperationPlan,
): Promise<readonly Row[]> {
  const answers = new Map<Step, WireAnswer>();
  for (const step of scenario) answers.set(step, await captureOf(rivals.bridge, step, plan.people));
  const { bridge, koaRedis, scimmy } = rivals;
  const contenders: Readonly<Record<string, Contender>> = {
    bridge: contenderOf(bridge, plan.people),
    ...(koaRedis && { koaRedis: contenderOf(koaRedis, plan.people) }),
    bareKoa: bareContender(rivals.bareKoa, plan.people, answers),
    ...(scimmy && {
      scimmy: { ...contenderOf(scimmy, plan.people), countOf: (step) => step.scimmyCount },
    }),
  };
  const costs = await takeTurns(load, contenders, scenario, { ...plan, firstRun: 0 });
  return scenario.map((step) => rowOf(step, costs, rivals, plan.people));
}

export function contenderOf(server: Server, people: number): Contender {
  return {
    server,
    people,
    isReal: true,
    countOf: (step) => step.count,
    requests: (step, run, count) => step.requests(run, people, count),
  };
}

/** Answers each request with the same bytes, those that the bridge sent. */
function bareContender(
  bareKoa: BareKoa,
  people: number,
  answers: ReadonlyMap<Step, WireAnswer>,
): Contender {
  const statuses = [200, 201, 204];
  return {
    ...contenderOf(bareKoa, people),
    isReal: false,
    prepare: async (step) => {
      const answer = answers.get(step);
      if (answer !== undefined) await bareKoa.answerWith(answer);
    },
    requests: (step, run, count) =>
      step
        .requests(run, people, count)
        .map(({ includes: _, ...request }) => ({ ...request, statuses })),
  };
}

/** The bridge's answer to a request that is in no run. */
function captureOf(bridge: Bridge, step: Step, people: number): Promise<WireAnswer> {
  const [request] = step.requests(-1, people, 1);
  if (request === undefined) throw new Error(`"${step.name}" has no request.`);
  const { method, path, body } = request;
  const headers = {
    Authorization: `Bearer ${bridge.token}`,
    Accept: 'application/scim+json',
    ...(body === undefined ? {} : { 'Content-Type': 'application/scim+json' }),
  };
  return captureAnswer(`${bridge.url}/scim${path}`, { method, headers, ...(body && { body }) });
}

function rowOf(step: Step, costs: TurnCosts, rivals: Rivals, people: number): Row {
  const bridge = costs.median(step, 'bridge', (cost) => cost.cpuUs);
  const floor = costs.median(step, 'koaRedis', (cost) => cost.cpuUs);
  const bare = costs.median(step, 'bareKoa', (cost) => cost.cpuUs);
  const isRedis = rivals.bridge.redis !== undefined;
  const against = isRedis ? floor : bare;
  return {
    section: `${isRedis ? 'Redis' : 'SQLite'} store, ${people.toLocaleString('en')} people: CPU µs per request`,
    name: step.name,
    cells: {
      bridge,
      ...(isRedis && {
        "bridge's Redis": costs.median(step, 'bridge', (cost) => cost.redisUs),
        'Koa + ioredis': floor,
        'its Redis': costs.median(step, 'koaRedis', (cost) => cost.redisUs),
      }),
      'bare Koa': bare,
      ...(rivals.scimmy && {
        'scimmy-routers': costs.median(step, 'scimmy', (cost) => cost.cpuUs),
      }),
      'p99 ms': costs.median(step, 'bridge', (cost) => cost.load.p99Ms),
    },
    value: bridge === undefined || against === undefined ? undefined : bridge / against,
    target: isRedis ? step.target : step.sqliteTarget,
    unit: '×',
  };
}
