import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pinned } from '../support/bridge-process.ts';
import { freePort } from '../support/free-port.ts';
import { REDIS_CORE } from './child.ts';

/** A Redis of our own on 127.0.0.1. */
export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  readonly client: Redis;
  /** As the chart runs it: each write is on disk before it is answered. Call it after seeding. */
  makeDurable(): Promise<void>;
  /** The longest command since the last call, in milliseconds, and what it was. */
  longestCommand(): Promise<{ readonly ms: number; readonly command: string }>;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<RedisProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'op-scim-bench-redis-'));
  const port = await freePort();
  const settings: Readonly<Record<string, string>> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'no',
    'auto-aof-rewrite-percentage': '0', // No fork in the middle of a measurement.
    'slowlog-log-slower-than': '1000',
    'slowlog-max-len': '1000',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const [command, ...rest] = pinned(REDIS_CORE, ['redis-server', ...args]);
  const spawned = spawn(command, rest, { stdio: 'ignore' });
  const kill = (): boolean => spawned.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(spawned, 'exit').finally(() => process.off('exit', kill));
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50 });
  client.on('error', () => undefined); // Until it listens; the ping below says if it never does.
  await Promise.race([client.ping(), sleep(10_000)]);
  assert(client.status === 'ready' && spawned.pid !== undefined, 'redis-server did not start');
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: spawned.pid,
    client,
    makeDurable: () => makeDurable(client),
    longestCommand: () => longestCommand(client),
    stop: async () => {
      client.disconnect();
      spawned.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeDurable(client: Redis): Promise<void> {
  await client.config('SET', 'appendfsync', 'always');
  await client.config('SET', 'appendonly', 'yes');
  for (let waits = 0; waits < 3_000; waits += 1) {
    const state = await client.info('persistence');
    if (/aof_enabled:1/.test(state) && /aof_rewrite_in_progress:0/.test(state)) return;
    await sleep(100);
  }
  throw new Error('Redis did not finish its first append-only file in 300 s.');
}

async function longestCommand(client: Redis): Promise<{ ms: number; command: string }> {
  // Id, time, microseconds, arguments, client.
  const entries = (await client.slowlog('GET', 1_000)) as [number, number, number, string[]][];
  await client.slowlog('RESET');
  let longest = { ms: 0, command: 'none over 1 ms' };
  for (const [, , microseconds, words] of entries) {
    if (microseconds / 1_000 > longest.ms) {
      longest = { ms: microseconds / 1_000, command: words.join(' ').slice(0, 60) };
    }
  }
  return longest;
}
