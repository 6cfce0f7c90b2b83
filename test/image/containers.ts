import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

/**
 * Images are kept here from run to run, apart from those of the machine: stand-ins for public images
 * have the names of the real ones.
 */
export const STORAGE = '/var/tmp/op-scim-image-tests';

const run = promisify(execFile);

/** Environment in which buildah and podman use that storage, and runc without systemd. */
export function containerEnvironment(): NodeJS.ProcessEnv {
  mkdirSync(STORAGE, { recursive: true, mode: 0o700 });
  const settings = `${STORAGE}/containers.conf`;
  const storage = `${STORAGE}/storage.conf`;
  writeFileSync(
    settings,
    [
      '[containers]',
      // Root without CAP_SYS_RESOURCE can not raise its limits, as podman wants to.
      'default_ulimits = ["nofile=20000:20000", "nproc=32000:32000"]',
      '[engine]',
      'cgroup_manager = "cgroupfs"',
      'runtime = "runc"',
      'events_logger = "none"',
    ].join('\n'),
  );
  writeFileSync(
    storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${STORAGE}/images"\nrunroot = "${STORAGE}/run"\n`,
  );
  return { ...process.env, CONTAINERS_CONF: settings, CONTAINERS_STORAGE_CONF: storage };
}

/** Runs a command to its end; rejects with what it printed. Resolves to stdout without its last line break. */
export async function containerCommand(
  command: string,
  args: readonly string[],
  timeoutMs = 60_000,
): Promise<string> {
  const { stdout } = await run(command, args, {
    env: containerEnvironment(),
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.trimEnd();
}

export async function hasImage(name: string): Promise<boolean> {
  return containerCommand('podman', ['image', 'exists', name]).then(
    () => true,
    () => false,
  );
}
