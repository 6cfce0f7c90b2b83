import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

export type BridgeStore =
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'sqlite'; readonly dataDir: string };

/** A session file and the bearer token that opens it. Use one again to restart on the same store. */
export interface SessionFile {
  readonly path: string;
  readonly token: string;
}

export interface BridgeProcessOptions {
  readonly store: BridgeStore;
  /** Settings besides those made here; they win. */
  readonly env?: Readonly<Record<string, string>>;
  /** The core that the process may run on, where `taskset` is there. */
  readonly pin?: number | undefined;
  /** Default: a new standalone session, gone when the process ended. */
  readonly session?: SessionFile;
  /** Default: a free one. */
  readonly port?: number;
  /** Arguments for Node itself, as `--import=…`. The child has an IPC channel for what they load. */
  readonly nodeArguments?: readonly string[];
  readonly readyTimeoutMs?: number;
  /** With TLS: the port serves /ping, /metrics and /monitoring in clear, and nothing else. */
  readonly servesProbesAlone?: boolean;
}

export interface BridgeProcess {
  /** The origin, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly token: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** From the spawn to the first 200 on /ping, polled each 5 ms. */
  readonly readyMs: number;
  /** The last 64 KiB of what it printed. */
  log(): string;
  /** SIGTERM; resolves to the exit code when it has drained. Kills after 30 s, and resolves null. */
  stop(): Promise<number | null>;
  /** SIGKILL, as a crash. Resolves when the process is gone. */
  kill9(): Promise<void>;
}

/** Runs the bridge as its own process on 127.0.0.1. Rejects with its output if it does not serve. */
export async function startBridgeProcess(options: BridgeProcessOptions): Promise<BridgeProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'op-scim-bridge-'));
  const logPath = join(folder, 'output.log');
  let finalLog: string | undefined;
  const log = (): string => finalLog ?? readFileSync(logPath, 'utf8').slice(-65_536);
  try {
    const session = options.session ?? (await createSession(folder));
    const port = options.port ?? (await freePort());
    const startedMs = performance.now();
    const child = spawnBridge(options, environmentOf(options, session, port, folder), logPath);
    const killWithParent = (): boolean => child.kill('SIGKILL');
    process.once('exit', killWithParent);
    const ended = new Promise<number | null>((resolve) => {
      child.once('exit', resolve);
      child.once('error', () => resolve(null));
    }).finally(() => process.off('exit', killWithParent));
    const url = `http://127.0.0.1:${port}`;
    await untilServing(url, child, log, options.readyTimeoutMs ?? 60_000);
    const readyMs = performance.now() - startedMs;
    assert(child.pid !== undefined);
    const end = async (signal: NodeJS.Signals): Promise<number | null> => {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
      const code = await ended;
      clearTimeout(timer);
      finalLog ??= log();
      await rm(folder, { recursive: true, force: true });
      return code;
    };
    return {
      url,
      port,
      token: session.token,
      pid: child.pid,
      child,
      readyMs,
      log,
      stop: () => end('SIGTERM'),
      kill9: async () => {
        await end('SIGKILL');
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Makes a standalone session in `folder` through the command line, as an operator does. */
export async function createSession(folder: string, accountId = 'bench'): Promise<SessionFile> {
  const path = join(folder, 'scimsession');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [MAIN, 'session', 'create', '--out', path, '--account-id', accountId],
    { env: baseEnvironment(), timeout: 30_000 },
  );
  return { path, token: stdout.trim() };
}

/** The command that runs `file` on one core, where the machine can. */
export function pinned(
  core: number | undefined,
  command: readonly [string, ...string[]],
): [string, ...string[]] {
  const canPin = core !== undefined && TASKSET !== undefined;
  return canPin ? [TASKSET, '-c', String(core), ...command] : [...command];
}

const MAIN = fileURLToPath(new URL('../../server/cli/op-scim.mjs', import.meta.url));
const TASKSET = ['/usr/bin/taskset', '/bin/taskset'].find((path) => existsSync(path));

function spawnBridge(
  options: BridgeProcessOptions,
  env: NodeJS.ProcessEnv,
  logPath: string,
): ChildProcess {
  const node: [string, ...string[]] = [process.execPath, ...(options.nodeArguments ?? [])];
  const [command, ...args] = pinned(options.pin, [...node, MAIN, 'serve']);
  const output = openSync(logPath, 'w', 0o600); // A file, not a pipe: a slow reader stops nothing.
  try {
    return spawn(command, args, { env, stdio: ['ignore', output, output, 'ipc'] });
  } finally {
    closeSync(output);
  }
}

function environmentOf(
  options: BridgeProcessOptions,
  session: SessionFile,
  port: number,
  folder: string,
): NodeJS.ProcessEnv {
  const { store } = options;
  return {
    ...baseEnvironment(),
    OP_SESSION: session.path,
    OP_LISTEN: '127.0.0.1',
    ...(options.servesProbesAlone === true
      ? { OP_PING_SERVER: '1', OP_PING_PORT: String(port) }
      : { OP_PORT: String(port) }),
    OP_RATE_LIMIT: '100000',
    OP_SHUTDOWN_DELAY: '0',
    ...(store.kind === 'redis' ? { OP_REDIS_URL: store.url, OP_DATA_DIR: folder } : {}),
    ...(store.kind === 'sqlite' ? { OP_DATA_DIR: store.dataDir } : {}),
    ...options.env,
  };
}

/** Nothing of the OP_* settings that the tests themselves run under. */
function baseEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('OP_'));
  return Object.fromEntries(kept);
}

async function untilServing(
  url: string,
  child: ChildProcess,
  log: () => string,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (performance.now() < deadlineMs) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the bridge ended (${child.exitCode ?? child.signalCode}):\n${log()}`);
    }
    try {
      const response = await fetch(`${url}/ping`, { signal: AbortSignal.timeout(1_000) });
      await response.arrayBuffer();
      if (response.status === 200) return;
    } catch {
      // Not listening yet.
    }
    await sleep(5);
  }
  child.kill('SIGKILL');
  throw new Error(`the bridge did not serve within ${timeoutMs} ms:\n${log()}`);
}
