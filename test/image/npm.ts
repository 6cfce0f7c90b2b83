import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export async function npm(folder: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run('npm', [...args, '--no-audit', '--no-fund'], {
    cwd: folder,
    env: machineEnvironment(),
    timeout: 180_000,
  });
  return stdout.trim();
}

/**
 * Mounts that let npm in a build reach the registry as npm of this machine does: its settings and its
 * certificates. They are mounted, and so are not in the image.
 */
export async function npmSettingsVolumes(): Promise<string[]> {
  const mounts = {
    cafile: '/etc/ssl/certs/ca-certificates.crt',
    globalconfig: '/usr/local/etc/npmrc',
  };
  const volumes = await Promise.all(
    Object.entries(mounts).map(async ([setting, target]) => {
      const path = await npm('/', ['config', 'get', setting]);
      return existsSync(path) ? ['--volume', `${path}:${target}:ro`] : [];
    }),
  );
  return volumes.flat();
}

/** Without what an npm script adds: the Node of this package has no settings of the machine. */
function machineEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .filter((folder) => !folder.includes('node_modules'))
    .join(':');
  return { ...Object.fromEntries(kept), PATH: path };
}
