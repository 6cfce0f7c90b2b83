import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pinned } from '../support/bridge-process.ts';

/** Servers share the first core, one at a time under load; load and Redis have the next. */
export const SERVER_CORE = 0;
export const LOAD_CORE = availableParallelism() > 1 ? 1 : 0;
export const REDIS_CORE = availableParallelism() > 2 ? 2 : LOAD_CORE;

/** A process of the benchmark that takes orders one at a time and answers each. */
export interface Child {
  readonly pid: number;
  /** Rejects when the child ends or says `{ error }` instead. */
  ask<Answer>(order: object, timeoutMs?: number): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts a file of this folder. Its first message says that it is ready. */
export async function startChild<Ready>(
  file: string,
  args: readonly string[],
  core: number,
): Promise<{ child: Child; ready: Ready }> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const [command, ...rest] = pinned(core, [process.execPath, path, ...args]);
  const spawned = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const kill = (): boolean => spawned.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(spawned, 'exit').finally(() => process.off('exit', kill));

  const answer = async <Answer>(timeoutMs: number): Promise<Answer> => {
    const signal = AbortSignal.timeout(timeoutMs);
    const message = once(spawned, 'message', { signal });
    const [first] = await Promise.race([
      message,
      ended.then(() => Promise.reject(new Error(`${file} ended too early.`))),
    ]);
    if (typeof first === 'object' && first !== null && 'error' in first) {
      throw new Error(`${file}: ${String(first.error)}`);
    }
    return first as Answer; // What our own file of this name sends.
  };
  const ready = await answer<Ready>(300_000);
  assert(spawned.pid !== undefined);
  const child: Child = {
    pid: spawned.pid,
    ask: (order, timeoutMs = 300_000) => {
      const answered = answer<never>(timeoutMs);
      spawned.send(order);
      return answered;
    },
    stop: async () => {
      spawned.kill('SIGTERM');
      await ended;
    },
  };
  return { child, ready };
}

/** For the child's side: answers each order with what `handle` resolves to. */
export function answerOrders<Order>(
  ready: object,
  handle: (order: Order) => Promise<object>,
): void {
  const reply = (message: object): void => {
    process.send?.(message);
  };
  process.on('message', (order) => {
    // Sent by main.ts and its sections, which have the same types.
    handle(order as Order).then(reply, (error: unknown) => reply({ error: String(error) }));
  });
  process.once('disconnect', () => process.exit(0));
  reply(ready);
}
