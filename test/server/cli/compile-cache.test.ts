import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const cacheModule = new URL('../../../server/cli/compile-cache.mjs', import.meta.url).href;

/** A tree of sources whose modules tell on stdout that they ran, and an empty cache. */
function tree(t: TestContext): { sources: string; directory: string } {
  const root = mkdtempSync(join(tmpdir(), 'op-scim-cache-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const sources = join(root, 'server');
  mkdirSync(sources);
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(sources, 'main.ts'),
    `import './part.ts';\nconst x: string = 'main ';\nprocess.stdout.write(x);\n`,
  );
  writeFileSync(join(sources, 'part.ts'), `const x: string = 'part ';\nprocess.stdout.write(x);\n`);
  writeFileSync(
    join(sources, 'lonely.ts'),
    `const x: string = 'lonely ';\nprocess.stdout.write(x);\n`,
  );
  return { sources, directory: join(root, 'cache') };
}

/** Runs main.ts behind the cache; the last word says whether Node loaded its TypeScript stripper. */
function start(folders: { sources: string; directory: string }, fills: boolean): string {
  const script = `
    import { useCompileCache } from ${JSON.stringify(cacheModule)};
    useCompileCache(${JSON.stringify({ ...folders, fills })});
    await import(${JSON.stringify(join(folders.sources, 'main.ts'))});
    const strips = process.moduleLoadList.some((name) => name.includes('internal/deps/amaro'));
    process.stdout.write(strips ? 'strips' : 'cached');`;
  const entry = join(folders.sources, '..', 'entry.mjs');
  writeFileSync(entry, script);
  const run = spawnSync(process.execPath, [entry], { encoding: 'utf8', timeout: 30_000 });
  return run.stdout + run.stderr;
}

test('a start that fills the cache needs no stripper, the first one included', (t) => {
  const folders = tree(t);
  assert.equal(start(folders, true), 'part main cached');
  assert.equal(start(folders, false), 'part main cached');
});

test('a start that does not fill it strips until the cache knows the sources', (t) => {
  const folders = tree(t);
  assert.equal(start(folders, false), 'part main strips');
  assert.equal(start(folders, false), 'part main cached');
});

test('sources that changed since fill it again', (t) => {
  const folders = tree(t);
  start(folders, true);
  const part = join(folders.sources, 'part.ts');
  writeFileSync(part, `const x: string = 'new ';\nprocess.stdout.write(x);\n`);
  const later = Date.now() / 1_000 + 5;
  utimesSync(part, later, later);
  assert.equal(start(folders, true), 'new main cached');
});

test('sources that do not compile are left to the start itself', (t) => {
  const folders = tree(t);
  writeFileSync(join(folders.sources, 'lonely.ts'), 'const x: = ;');
  assert.match(start(folders, true), /^part main /);
  assert.ok(!readdirSync(folders.directory).some((name) => name.startsWith('filled-')));
});

test('a cache that can not be written is done without', (t) => {
  const folders = tree(t);
  writeFileSync(folders.directory, 'a file is in the way');
  assert.equal(start(folders, true), 'part main strips');
});
