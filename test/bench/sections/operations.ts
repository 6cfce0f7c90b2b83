import type { Child } from '../child.ts';
import { median } from '../measure.ts';
import type { Scenario, Step } from '../operations.ts';
import {
  type BareKoa,
  type Bridge,
  CONNECTIONS,
  type Cost,
  measureRun,
  type Server,
  WrongAnswer,
} from '../servers.ts';
import type { Row } from '../table.ts';
import { captureAnswer } from '../wire.ts';

/** The servers of one size that are measured in turns. */
export interface Rivals {
  readonly bridge: Bridge;
  readonly bareKoa: BareKoa;
  readonly koaRedis: Server | undefined;
  readonly scimmy: Server | undefined;
}

export interface OperationPlan {
  readonly people: number;
  readonly runs: number;
  /** Divides how many requests a run has. */
  readonly thinning: number;
}

type Rival = keyof Rivals;
type Costs = ReadonlyMap<Step, ReadonlyMap<Rival, Cost[]>>;

/** Servers take turns at a quarter of a run, so that the noise of the machine hits all of them. */
const SLICES = 4;
/** Whole runs that are not counted: until then the JIT compiles. */
const WARM_UPS = 3;

/** Measures a scenario on each server. */
export async function measureScenario(
  load: Child,
  rivals: Rivals,
  scenario: Scenario,
  plan: OperationPlan,
): Promise<readonly Row[]> {
  const answers = new Map<Step, Awaited<ReturnType<typeof captureAnswer>>>();
  for (const step of scenario) answers.set(step, await captureOf(rivals.bridge, step, plan.people));
  const costs: Costs = new Map(scenario.map((step) => [step, new Map()]));
  for (let slice = 0; slice < WARM_UPS + plan.runs * SLICES; slice += 1) {
    for (const rival of ['bridge', 'koaRedis', 'bareKoa', 'scimmy'] as const) {
      const server = rivals[rival];
      if (server === undefined) continue;
      for (const step of scenario) {
        const answer = answers.get(step);
        if (rival === 'bareKoa' && answer !== undefined) await rivals.bareKoa.answerWith(answer);
        const cost = await measureStep(load, server, step, rival, slice, plan);
        if (slice === 0 && rival !== 'bareKoa') await prove(server, step, plan.people);
        if (slice >= WARM_UPS) keep(costs, step, rival, cost);
      }
    }
  }
  return scenario.map((step) => rowOf(step, costs, rivals, plan));
}

async function measureStep(
  load: Child,
  server: Server,
  step: Step,
  rival: Rival,
  slice: number,
  plan: OperationPlan,
): Promise<Cost> {
  const full = rival === 'scimmy' ? step.scimmyCount : step.count;
  const count = Math.max(Math.ceil(full / plan.thinning / (slice < WARM_UPS ? 1 : SLICES)), 1);
  const requests = step.requests(slice, plan.people, count);
  if (rival !== 'bareKoa') {
    // A page of scimmy-routers takes a second: one at a time, or the last waits for all.
    return measureRun(load, server, requests, { connections: count < 10 ? 1 : CONNECTIONS });
  }
  // It answers each request with the same bytes.
  const any = requests.map(({ includes: _, statuses: __, ...request }) => ({
    ...request,
    statuses: [200, 201, 204],
  }));
  return measureRun(load, server, any);
}

async function prove(server: Server, step: Step, people: number): Promise<void> {
  const proof = step.proof?.(people);
  if (proof === undefined) return;
  const headers = { Authorization: `Bearer ${server.token}` };
  const response = await fetch(`http://127.0.0.1:${server.port}/scim${proof.path}`, { headers });
  const body = await response.text();
  if (response.status === 200 && body.includes(proof.text) === proof.isThere) return;
  const wanted = `${proof.isThere ? 'have' : 'not have'} ${proof.text}`;
  throw new WrongAnswer(
    `After "${step.name}", ${proof.path} was to ${wanted}, but was ${response.status}:\n${body.slice(0, 1_500)}`,
  );
}

function captureOf(bridge: Bridge, step: Step, people: number) {
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

function keep(costs: Costs, step: Step, rival: Rival, cost: Cost): void {
  const ofStep = costs.get(step) as Map<Rival, Cost[]>; // Made above, of every step.
  ofStep.set(rival, [...(ofStep.get(rival) ?? []), cost]);
}

function rowOf(step: Step, costs: Costs, rivals: Rivals, plan: OperationPlan): Row {
  const middle = (rival: Rival, of: (cost: Cost) => number): number | undefined => {
    const slices = costs.get(step)?.get(rival);
    if (slices === undefined) return undefined;
    const runs = Array.from({ length: plan.runs }, (_, run) =>
      slices.slice(run * SLICES, (run + 1) * SLICES).map(of),
    );
    return median(runs.map((run) => run.reduce((sum, cost) => sum + cost, 0) / SLICES));
  };
  const bridge = middle('bridge', (cost) => cost.cpuUs) ?? Number.NaN;
  const floor = middle('koaRedis', (cost) => cost.cpuUs);
  const bare = middle('bareKoa', (cost) => cost.cpuUs);
  const isRedis = rivals.bridge.redis !== undefined;
  const against = isRedis ? floor : bare;
  return {
    section: `${isRedis ? 'Redis' : 'SQLite'} store, ${plan.people.toLocaleString('en')} people: CPU µs per request`,
    name: step.name,
    cells: {
      bridge,
      ...(isRedis && {
        "bridge's Redis": middle('bridge', (cost) => cost.redisUs),
        'Koa + ioredis': floor,
        'its Redis': middle('koaRedis', (cost) => cost.redisUs),
      }),
      'bare Koa': bare,
      ...(rivals.scimmy && { 'scimmy-routers': middle('scimmy', (cost) => cost.cpuUs) }),
      'p99 ms': middle('bridge', (cost) => cost.load.p99Ms),
    },
    value: against === undefined ? undefined : bridge / against,
    target: isRedis ? step.target : step.sqliteTarget,
    unit: '×',
  };
}
