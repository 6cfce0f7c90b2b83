import type { Child } from '../child.ts';
import { median } from '../measure.ts';
import type { Request, Scenario, Step } from '../operations.ts';
import { CONNECTIONS, type Cost, measureRun, type Server, WrongAnswer } from '../servers.ts';

/** A server as one of those that are measured in turns. */
export interface Contender {
  readonly server: Server;
  readonly people: number;
  /** Requests of a whole run. */
  countOf(step: Step): number;
  requests(step: Step, run: number, count: number): readonly Request[];
  /** Default: `CONNECTIONS`, or one for the few requests of a slow server. */
  readonly connections?: number;
  /** Called before each turn. */
  prepare?(step: Step): Promise<void>;
  /** Whether it keeps what it is told, so that `Step.proof` holds. */
  readonly isReal: boolean;
}

export interface Turns {
  readonly runs: number;
  /** Divides how many requests a run has. */
  readonly thinning: number;
  /** Number of the first run: what it creates must not be there yet. */
  readonly firstRun: number;
}

/** What the turns of each contender cost in each step, by the contender's name. */
export class TurnCosts {
  readonly #runs: number;
  readonly #costs = new Map<string, Cost[]>();

  constructor(runs: number) {
    this.#runs = runs;
  }

  add(step: Step, name: string, cost: Cost): void {
    const key = `${name} ${step.name}`;
    this.#costs.set(key, [...(this.#costs.get(key) ?? []), cost]);
  }

  /** Median over the runs; undefined when there was no such contender. */
  median(step: Step, name: string, of: (cost: Cost) => number): number | undefined {
    const slices = this.#costs.get(`${name} ${step.name}`);
    if (slices === undefined) return undefined;
    const runs = Array.from({ length: this.#runs }, (_, run) =>
      slices.slice(run * SLICES, (run + 1) * SLICES).map(of),
    );
    return median(runs.map((run) => run.reduce((sum, cost) => sum + cost, 0) / SLICES));
  }
}

/** Servers take turns at a quarter of a run, so that the noise of the machine hits all of them. */
const SLICES = 4;
/** Whole runs that are not counted: until then the JIT compiles. */
const WARM_UPS = 3;

export async function takeTurns(
  load: Child,
  contenders: Readonly<Record<string, Contender>>,
  scenario: Scenario,
  turns: Turns,
): Promise<TurnCosts> {
  const costs = new TurnCosts(turns.runs);
  for (let slice = 0; slice < WARM_UPS + turns.runs * SLICES; slice += 1) {
    const divisor = turns.thinning * (slice < WARM_UPS ? 1 : SLICES);
    for (const [name, contender] of Object.entries(contenders)) {
      for (const step of scenario) {
        await contender.prepare?.(step);
        const count = Math.max(Math.ceil(contender.countOf(step) / divisor), 1);
        const requests = contender.requests(step, turns.firstRun + slice, count);
        // A page of scimmy-routers takes a second: one at a time, or the last waits for all.
        const connections = contender.connections ?? (count < 10 ? 1 : CONNECTIONS);
        const cost = await measureRun(load, contender.server, requests, { connections });
        if (slice === 0 && contender.isReal) await prove(contender, step);
        if (slice >= WARM_UPS) costs.add(step, name, cost);
      }
    }
  }
  return costs;
}

async function prove(contender: Contender, step: Step): Promise<void> {
  const proof = step.proof?.(contender.people);
  if (proof === undefined) return;
  const { port, token } = contender.server;
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${port}/scim${proof.path}`, { headers });
  const body = await response.text();
  if (response.status === 200 && body.includes(proof.text) === proof.isThere) return;
  const wanted = `${proof.isThere ? 'have' : 'not have'} ${proof.text}`;
  throw new WrongAnswer(
    `After "${step.name}", ${proof.path} was to ${wanted}, but was ${response.status}:\n${body.slice(0, 1_500)}`,
  );
}
