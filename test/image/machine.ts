import { spawnSync } from 'node:child_process';

export interface Tool {
  readonly command: string;
  readonly debianPackage: string;
}

/** What the tests of the image run. */
export const CONTAINER_TOOLS: readonly Tool[] = [
  { command: 'buildah', debianPackage: 'buildah' },
  { command: 'podman', debianPackage: 'podman' },
  { command: 'runc', debianPackage: 'runc' },
  { command: 'debootstrap', debianPackage: 'debootstrap' },
  { command: 'ip', debianPackage: 'iproute2' },
  { command: 'unshare', debianPackage: 'util-linux' },
];

export interface Obstacle {
  readonly reason: string;
  /** A run with CI=true then fails: it would only have had to install them. */
  readonly couldBeMended: boolean;
}

/** Why this machine can not build and run the image; undefined where it can. */
export function obstacle(): Obstacle | undefined {
  if (process.platform !== 'linux') {
    return { reason: `Containers need Linux, this is ${process.platform}.`, couldBeMended: false };
  }
  if (process.getuid?.() !== 0) {
    return {
      reason: 'Building base images and making network namespaces needs root.',
      couldBeMended: false,
    };
  }
  const absent = CONTAINER_TOOLS.filter(({ command }) => !isThere(command));
  if (absent.length > 0) {
    const commands = absent.map(({ command }) => command).join(', ');
    const packages = absent.map(({ debianPackage }) => debianPackage).join(' ');
    return {
      reason: `Not installed: ${commands}. On Debian: apt-get install ${packages}`,
      couldBeMended: isThere('apt-get'),
    };
  }
  const unshared = spawnSync('unshare', ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'], {
    encoding: 'utf8',
  });
  return unshared.status === 0
    ? undefined
    : {
        reason: `The kernel makes no namespaces for this user: ${unshared.stderr.trim()}`,
        couldBeMended: false,
      };
}

function isThere(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}
