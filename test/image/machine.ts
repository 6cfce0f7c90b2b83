import { spawnSync } from 'node:child_process';

/** Debian packages by the commands that the tests of the image run. */
export const CONTAINER_TOOLS: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  podman: 'podman',
  runc: 'runc',
  debootstrap: 'debootstrap',
  ip: 'iproute2',
  unshare: 'util-linux',
};

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
  const absent = Object.keys(CONTAINER_TOOLS).filter((tool) => !isThere(tool));
  if (absent.length > 0) {
    const packages = absent.map((tool) => CONTAINER_TOOLS[tool]).join(' ');
    return {
      reason: `${absent.join(', ')} is not installed. On Debian: apt-get install ${packages}`,
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
