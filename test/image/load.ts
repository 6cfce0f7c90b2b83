import type { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../support/http-client.ts';

const CLIENTS = 6;
/** Of each client between two requests: together they keep below the 100 a second of an account. */
const PAUSE_MS = 80;
const MAX_REQUESTS = 200_000;

export interface LoadOptions {
  readonly agents: readonly Agent[];
  readonly send: (agent: Agent, number: number) => Promise<Answer>;
}

export interface Load {
  /** From now on requests go to these in turn; those under way are left alone. */
  balanceOver(agents: readonly Agent[]): void;
  answered(): number;
  stop(): Promise<LoadResult>;
}

export interface LoadResult {
  readonly failures: readonly string[];
  readonly created: number;
}

/** Clients that send one request after the other, as a load balancer hands them out. */
export function balancedLoad({ agents, send }: LoadOptions): Load {
  let targets = agents;
  let isStopped = false;
  let sent = 0;
  let answered = 0;
  let created = 0;
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    while (!isStopped && sent < MAX_REQUESTS) {
      const number = sent++;
      const agent = targets[number % targets.length];
      if (agent === undefined) return;
      try {
        const { status, text } = await send(agent, number);
        answered += 1;
        if (status === 201) created += 1;
        if (status >= 300) failures.push(`${status} ${text.slice(0, 200)}`);
      } catch (error) {
        failures.push(String(error));
      }
      await sleep(PAUSE_MS);
    }
  };
  const clients = Array.from({ length: CLIENTS }, client);
  return {
    balanceOver(agents) {
      targets = agents;
    },
    answered: () => answered,
    async stop() {
      isStopped = true;
      await Promise.all(clients);
      return { failures, created };
    },
  };
}
