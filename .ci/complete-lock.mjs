import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const lockPath = fileURLToPath(new URL('../package-lock.json', import.meta.url));

/**
 * npm leaves platform packages that a registry does not mirror out of package-lock.json, and then
 * refuses the file in `npm ci`, on every platform. This adds what their names say: os, cpu and libc.
 * Plain JavaScript, since npm runs it after each install, also on an old Node.
 */
export function completeLockFile(path = lockPath) {
  const lock = JSON.parse(readFileSync(path, 'utf8'));
  if (completeLock(lock).length > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}

/** Returns the names that it added to `lock`. */
export function completeLock(lock) {
  const added = [];
  for (const [place, parent] of Object.entries(lock.packages)) {
    if (!place.startsWith('node_modules/')) continue;
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const platform = platformOf(name, Object.keys(parent.optionalDependencies));
      if (platform === undefined || lock.packages[`node_modules/${name}`] !== undefined) continue;
      // In the order of names that npm itself writes.
      const { cpu, libc, os } = platform;
      lock.packages[`node_modules/${name}`] = {
        version,
        cpu,
        ...(parent.dev === true ? { dev: true } : {}),
        ...(libc === undefined ? {} : { libc }),
        optional: true,
        os,
      };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
  );
  return added;
}

const PLATFORM =
  /[/-](aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-([a-z0-9]+?)(?:-(.+))?$/;

/** Undefined: the name is that of no platform package. */
function platformOf(name, siblings) {
  const [, os, cpu, abi = ''] = PLATFORM.exec(name) ?? [];
  if (os === undefined) return undefined;
  const isGlibc = abi.startsWith('gnu') || siblings.includes(`${name}-musl`);
  const libc = abi.startsWith('musl') ? ['musl'] : isGlibc ? ['glibc'] : undefined;
  return { cpu: [cpu], libc, os: [os] };
}
