import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

export interface RedisServerOptions {
  /** More arguments of redis-server, which win over the defaults. */
  readonly args?: readonly string[];
  /** Whether it answers in clear on `port`. Off for a server that speaks TLS alone. */
  readonly clear?: boolean;
  /** Arguments before all others, such as the path of a configuration file. */
  readonly first?: readonly string[];
  /** A Sentinel keeps no data of its own and takes no options about it. */
  readonly isSentinel?: boolean;
  /** A node of a Redis Cluster, alone so far. */
  readonly isClusterNode?: boolean;
  /** Default: a free one. */
  readonly port?: number;
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly directory: string;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
  /** As a power cut of the process: no handler runs. The directory stays for `restart`. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and files, after `kill9` or as it runs. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5_000;
const DURABLE = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];

/** A redis-server of its own on 127.0.0.1, which writes each change to disk before it answers. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'op-scim-redis-'));
  const port = options.port ?? (await freePort());
  const args = [
    ...(options.isClusterNode === true ? await clusterArguments() : []),
    ...(options.args ?? []),
  ];
  const start = () => spawnServer(directory, port, { ...options, args });
  let child = await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    directory,
    async stop() {
      await end(child, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
    kill9: () => end(child, 'SIGKILL'),
    async restart() {
      await end(child, 'SIGKILL');
      child = await start();
    },
  };
}

/** The port between nodes would be 10,000 above the other, where it may be taken. */
async function clusterArguments(): Promise<readonly string[]> {
  const busPort = String(await freePort());
  return [
    ...['--cluster-enabled', 'yes', '--cluster-port', busPort],
    ...['--cluster-announce-ip', '127.0.0.1'],
  ];
}

async function spawnServer(
  directory: string,
  port: number,
  options: RedisServerOptions,
): Promise<ChildProcess> {
  const args = [
    ...(options.first ?? []),
    ...(options.clear === false ? ['--port', '0'] : ['--port', String(port)]),
    ...['--bind', '127.0.0.1', '--dir', directory, '--daemonize', 'no'],
    ...(options.isSentinel === true ? [] : DURABLE),
    ...(options.args ?? []),
  ];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_000);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_000);
  });
  const failed = once(child, 'error').then(([error]) => {
    throw error;
  });
  try {
    await Promise.race([failed, untilAccepting(child, port)]);
  } catch (error) {
    await end(child, 'SIGKILL');
    throw new Error(`redis-server did not start on port ${port}:\n${output}`, { cause: error });
  }
  return child;
}

/** Loading its files counts as started: the bridge has to live with that, too. */
async function untilAccepting(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`It ended with code ${child.exitCode}.`);
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('It did not listen in time.');
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
  child.kill(signal);
  await exited;
}
