import { spawn, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { CONTAINER_TOOLS, type Tool } from './image/machine.ts';

/** A test that hangs fails after this. */
const TEST_TIMEOUT_MS = 300_000;

const APT_OPTIONS = ['-q', '-y', '--no-install-recommends'];

/**
 * `npm test [-- OPTION… FILE…]`: brings what the tests need, runs all or the named files, and ends
 * with the summary and the exit code of Node's own runner, which gets the options.
 */
const args = process.argv.slice(2);
const options = args.filter((each) => each.startsWith('-'));
const named = args.filter((each) => !each.startsWith('-'));
const files = named.length > 0 ? named : allTests();
bring([
  { command: 'redis-server', debianPackage: 'redis-server' },
  { command: 'yamllint', debianPackage: 'yamllint' },
  { command: 'pebble', debianPackage: 'pebble' },
  { command: 'testssl', debianPackage: 'testssl.sh' },
  { command: 'sslscan', debianPackage: 'sslscan' },
  { command: 'openssl', debianPackage: 'openssl' },
  { command: 'gpg', debianPackage: 'gnupg' },
]);
if (files.some((file) => file.includes('test/image/'))) offer(CONTAINER_TOOLS);
process.exitCode = await runTests(options, files);

/** What tests need is installed where that is possible, or the run ends here. */
function bring(tools: readonly Tool[]): void {
  offer(tools);
  const absent = absentOf(tools);
  if (absent.length === 0) return;
  const names = absent.map(({ command }) => command).join(', ');
  process.stderr.write(
    `npm test: the tests need ${names}. Install it: sudo ${installCommand(absent)}\n`,
  );
  process.exit(1);
}

/** Installs what is absent where that is possible. Tests that go without say so themselves. */
function offer(tools: readonly Tool[]): void {
  const absent = absentOf(tools);
  const isRootOnDebian = process.getuid?.() === 0 && runs('sh', ['-c', 'command -v apt-get']);
  if (absent.length === 0 || !isRootOnDebian) return;
  const packages = absent.map(({ debianPackage }) => debianPackage).join(', ');
  process.stderr.write(`npm test: installs ${packages}\n`);
  runs('sh', ['-c', `apt-get -q update; ${installCommand(absent)}`], 'inherit');
}

function absentOf(tools: readonly Tool[]): readonly Tool[] {
  return tools.filter(({ command }) => !runs('sh', ['-c', `command -v ${command}`]));
}

function installCommand(tools: readonly Tool[]): string {
  const packages = tools.map(({ debianPackage }) => debianPackage);
  return ['apt-get', ...APT_OPTIONS, 'install', ...packages].join(' ');
}

function runs(command: string, args: readonly string[], stdio: 'ignore' | 'inherit' = 'ignore') {
  // Debian starts a service that it installs; the tests start their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  return spawnSync(command, args, { env, stdio }).status === 0;
}

function allTests(): string[] {
  return globSync('test/**/*.test.ts').toSorted();
}

function runTests(options: readonly string[], files: readonly string[]): Promise<number> {
  const concurrency = Math.max(1, Math.min(4, availableParallelism()));
  const limits = [`--test-concurrency=${concurrency}`, `--test-timeout=${TEST_TIMEOUT_MS}`];
  const args = ['--import=./test/support/seed.ts', '--test', ...limits, ...options, ...files];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
