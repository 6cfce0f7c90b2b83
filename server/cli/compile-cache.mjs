import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const defaultSources = fileURLToPath(new URL('..', import.meta.url));
const defaultDirectory = fileURLToPath(
  new URL('../../node_modules/.cache/op-scim', import.meta.url),
);

/**
 * Makes Node keep what it compiled, so that it need not load its TypeScript stripper again: that
 * takes 28 MB which a process never gives back. With `fills`, a cache that is not of these sources is
 * filled by a short-lived process first. The directory may be read-only once it is filled.
 *
 * Worker threads know the cache by the variable alone.
 */
export function useCompileCache({
  fills,
  sources = defaultSources,
  directory = process.env.NODE_COMPILE_CACHE ?? defaultDirectory,
}) {
  if (fills) fill(sources, directory);
  process.env.NODE_COMPILE_CACHE = directory;
  enableCompileCache(directory);
}

function fill(sources, directory) {
  // Node keeps a part of the cache for each version and user; so does the mark.
  const mark = join(directory, `filled-${process.version}-${process.getuid?.() ?? 0}`);
  const files = readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && /\.(?:ts|js)$/.test(entry.name) && !entry.name.endsWith('.d.ts'),
    )
    .map((entry) => join(entry.parentPath, entry.name));
  const newestMs = Math.max(...files.map((file) => statSync(file).mtimeMs));
  const filledMs = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (filledMs > newestMs) return;
  try {
    mkdirSync(directory, { recursive: true });
    const { status } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', script(files)],
      {
        env: { ...process.env, NODE_COMPILE_CACHE: directory },
        stdio: 'ignore',
        timeout: 60_000,
      },
    );
    if (status === 0) writeFileSync(mark, '');
  } catch {
    // Read-only or full: the bridge runs without, and only needs more memory.
  }
}

/**
 * A graph of modules is compiled as a whole before the first one is evaluated. Here that is one that
 * throws, so the sources are compiled, and none of them runs.
 */
function script(files) {
  const stop = 'data:text/javascript,throw "compiled"';
  const imports = [stop, ...files.map((file) => pathToFileURL(file).href)];
  const entry = imports.map((specifier) => `import ${JSON.stringify(specifier)};`).join('');
  const url = `data:text/javascript,${encodeURIComponent(entry)}`;
  return `
    import { flushCompileCache } from 'node:module';
    const thrown = await import(${JSON.stringify(url)}).catch((thrown) => thrown);
    flushCompileCache();
    process.exit(thrown === 'compiled' ? 0 : 1);`;
}
