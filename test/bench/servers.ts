import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BridgeProcess,
  type BridgeProcessOptions,
  type BridgeStore,
  createSession,
  startBridgeProcess,
} from '../support/bridge-process.ts';
import { type Child, SERVER_CORE, startChild } from './child.ts';
import type { LoadOrder, LoadResult } from './load.ts';
import { cpuTimeNs } from './measure.ts';
import { type Request, shotOf } from './operations.ts';
import { type RedisProcess, startRedis } from './redis-process.ts';
import { seedBridge } from './seed-bridge.ts';
import { seedFloor } from './seed-floor.ts';
import type { WireAnswer } from './wire.ts';

/** A server under load: the bridge or a floor. */
export interface Server {
  readonly port: number;
  readonly token: string;
  readonly pid: number;
  readonly redis: RedisProcess | undefined;
  stop(): Promise<void>;
}

export interface Bridge extends Server {
  readonly url: string;
  readonly bridge: BridgeProcess;
  readonly store: BridgeStore;
  /** Ends the process and starts it again on the same store; `meanwhile` has the store to itself. */
  restart(options?: {
    readonly nodeArguments?: readonly string[];
    readonly meanwhile?: (store: BridgeStore) => Promise<void>;
  }): Promise<Bridge>;
}

export interface BareKoa extends Server {
  answerWith(answer: WireAnswer): Promise<void>;
}

/** What one run cost. */
export interface Cost {
  /** Of the server's process, all threads, user and kernel. */
  readonly cpuUs: number;
  readonly redisUs: number;
  readonly load: LoadResult;
}

export const CONNECTIONS = 16;
/** The account of the benchmark's session. */
export const ACCOUNT_ID = 'bench';

/** Starts the bridge on a store that holds so many people. */
export async function startBridge(kind: BridgeStore['kind'], people: number): Promise<Bridge> {
  const folder = await mkdtemp(join(tmpdir(), 'op-scim-bench-'));
  const redis = kind === 'redis' ? await startRedis() : undefined;
  const store: BridgeStore =
    redis === undefined
      ? { kind: 'sqlite', dataDir: join(folder, 'data') }
      : { kind: 'redis', url: redis.url };
  await seedBridge(store, ACCOUNT_ID, people);
  await redis?.makeDurable();
  const session = await createSession(folder, ACCOUNT_ID);
  const start = async (nodeArguments: readonly string[]): Promise<Bridge> => {
    const options: BridgeProcessOptions = { store, session, nodeArguments, pin: SERVER_CORE };
    const bridge = await startBridgeProcess(options);
    return {
      url: bridge.url,
      port: bridge.port,
      token: bridge.token,
      pid: bridge.pid,
      redis,
      bridge,
      store,
      restart: async (next = {}) => {
        await bridge.stop();
        await next.meanwhile?.(store);
        return start(next.nodeArguments ?? []);
      },
      stop: async () => {
        await bridge.stop();
        await redis?.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  };
  return start([]);
}

export async function startBareKoa(): Promise<BareKoa> {
  const floor = await startFloor('floors/koa.ts', [], undefined);
  return {
    ...floor.server,
    answerWith: async (answer) => {
      await floor.child.ask(answer);
    },
  };
}

export async function startKoaRedis(people: number): Promise<Server> {
  const redis = await startRedis();
  await seedFloor(redis.client, people);
  await redis.makeDurable();
  return (await startFloor('floors/koa-redis.ts', [String(redis.port)], redis)).server;
}

export async function startScimmy(people: number): Promise<Server> {
  return (await startFloor('floors/scimmy.ts', [String(people)], undefined)).server;
}

export async function startLoad(core: number): Promise<Child> {
  return (await startChild('load.ts', [], core)).child;
}

/** Sends the requests and reads what they cost. Rejects when an answer was not as expected. */
export async function measureRun(
  load: Child,
  server: Server,
  requests: readonly Request[],
  limits: { readonly connections?: number; readonly limitMs?: number } = {},
): Promise<Cost> {
  const shots = requests.map((request) => shotOf(request, server.port, server.token));
  const connections = Math.min(limits.connections ?? CONNECTIONS, shots.length);
  const { port } = server;
  await load.ask<object>({ kind: 'aim', port, connections, shots } satisfies LoadOrder);
  const before = cpuOf(server);
  const fire: LoadOrder = { kind: 'fire', limitMs: limits.limitMs ?? 60_000 };
  const result = await load.ask<LoadResult>(fire);
  const after = cpuOf(server);
  if (result.wrong.length > 0) throw new WrongAnswer(result.wrong.slice(0, 2).join('\n\n'));
  const perRequestUs = (ns: number): number => ns / 1_000 / Math.max(result.completed, 1);
  return {
    cpuUs: perRequestUs(after.server - before.server),
    redisUs: perRequestUs(after.redis - before.redis),
    load: result,
  };
}

/** An answer was not what the operation asks for: the numbers would say nothing. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

function cpuOf(server: Server): { readonly server: number; readonly redis: number } {
  const redis = server.redis === undefined ? 0 : cpuTimeNs(server.redis.pid);
  return { server: cpuTimeNs(server.pid), redis };
}

async function startFloor(
  file: string,
  args: readonly string[],
  redis: RedisProcess | undefined,
): Promise<{ child: Child; server: Server }> {
  const { child, ready } = await startChild<{ port: number }>(file, args, SERVER_CORE);
  const stop = async (): Promise<void> => {
    await child.stop();
    await redis?.stop();
  };
  return { child, server: { port: ready.port, token: 'floor', pid: child.pid, redis, stop } };
}
