import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Builder {
  readonly command: string;
  /** Ends with 0 where the builder is there and works; docker is often a client without a daemon. */
  readonly check: readonly string[];
  readonly build: readonly string[];
}

// The format of Docker: that of OCI has no HEALTHCHECK.
const builders: readonly Builder[] = [
  { command: 'buildah', check: ['version'], build: ['bud', '--format', 'docker', '--layers'] },
  { command: 'podman', check: ['version'], build: ['build', '--format', 'docker'] },
  { command: 'docker', check: ['info'], build: ['build'] },
];

/**
 * `npm run image [-- OPTION…]` builds op-scim-bridge:<version> with buildah, podman or docker, whichever
 * works here. Options go to the builder: `--build-arg NODE_DIGEST=sha256:…`, `--tag NAME`.
 */
const options = process.argv.slice(2);
const builder = builders.find(({ command, check }) => isGood(command, check));
if (builder === undefined) {
  process.stderr.write(
    'npm run image: none of buildah, podman and docker works here. Install one of them, or start the daemon of docker.\n',
  );
  process.exit(1);
}
const args = [...builder.build, ...describedBuild(), ...options, root];
process.stderr.write(`${builder.command} ${args.join(' ')}\n`);
process.exitCode = spawnSync(builder.command, args, { stdio: 'inherit' }).status ?? 1;

function isGood(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;
}

function describedBuild(): string[] {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
    readonly version: string; // Our own file.
  };
  const described = {
    NODE_DIGEST: '',
    VERSION: version,
    REVISION: git('rev-parse', 'HEAD'),
    // Of the commit, not of the build: the same sources make the same image.
    CREATED: git('show', '--no-patch', '--format=%cI', 'HEAD'),
  };
  const args = Object.entries(described).flatMap(([name, value]) => [
    '--build-arg',
    `${name}=${value}`,
  ]);
  return ['--tag', `op-scim-bridge:${version}`, ...args];
}

/** Empty outside of a clone. */
function git(...args: readonly string[]): string {
  const { status, stdout } = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : '';
}
