import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** `op-scim …` as its own process. */
export interface CliProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves when it has ended: the exit code, or the name of the signal. */
  readonly ended: Promise<number | string>;
  /** Resolves when stdout or stderr holds the text. Rejects when the process ends without it. */
  says(text: string | RegExp): Promise<void>;
}

export interface CliOptions {
  readonly cwd?: string;
  /** Besides those of the tests, without their OP_* settings. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Words before `node`, such as a shell that sets limits. */
  readonly launcher?: readonly [string, ...string[]];
}

const LAUNCHER = fileURLToPath(new URL('../../server/cli/op-scim.mjs', import.meta.url));
const TIMEOUT_MS = 20_000;

export function startCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const [command, ...words] = [
    ...(options.launcher ?? []),
    process.execPath,
    LAUNCHER,
    ...args,
  ] as const;
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('OP_'));
  const child = spawn(command ?? process.execPath, words, {
    env: { ...Object.fromEntries(inherited), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  child.stdin.on('error', () => {}); // It may end without reading.
  child.stdin.end(options.stdin ?? '');
  const ended = once(child, 'close').then(([code, signal]) => code ?? String(signal));
  return {
    child,
    ended,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    async says(text) {
      const holds = () => {
        const all = said.stdout + said.stderr;
        return typeof text === 'string' ? all.includes(text) : text.test(all);
      };
      while (!holds()) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`it ended without saying ${text}:\n${said.stdout}${said.stderr}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

export interface CliResult {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end. */
export async function runCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const cli = startCli(args, options);
  const code = await cli.ended;
  return { code, stdout: cli.stdout(), stderr: cli.stderr() };
}
