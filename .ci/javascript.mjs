import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * For the npm package alone, since Node strips no types below node_modules: writes JavaScript and
 * declarations beside the sources before packing, and removes them afterwards.
 */
const sources = globSync(['server/**/*.ts', 'cdk8s/**/*.ts'], { cwd: root }).filter(
  (path) => !path.endsWith('.d.ts'),
);
if (process.argv[2] === 'write') write();
else remove();

function write() {
  for (const path of sources) {
    const text = stripTypeScriptTypes(readFileSync(`${root}/${path}`, 'utf8'));
    writeFileSync(`${root}/${path.replace(/ts$/, 'js')}`, asJavaScript(text));
  }
  const tsc = ['node_modules/typescript/bin/tsc', '-p', '.ci/tsconfig.declarations.json'];
  execFileSync(process.execPath, tsc, { cwd: root, stdio: 'inherit' });
  for (const path of globSync(['server/**/*.d.ts', 'cdk8s/**/*.d.ts'], { cwd: root })) {
    writeFileSync(`${root}/${path}`, asJavaScript(readFileSync(`${root}/${path}`, 'utf8')));
  }
}

function remove() {
  for (const path of sources) {
    for (const extension of ['js', 'd.ts']) {
      rmSync(`${root}/${path.replace(/ts$/, extension)}`, { force: true });
    }
  }
}

/** Names of modules: './x.ts' and '#folder/x.ts', also where a worker is started. */
function asJavaScript(text) {
  return text
    .replaceAll(/(['"])([.#][^'"\n]*)\.ts\1/g, '$1$2.js$1')
    .replaceAll("'#main'", "'#main.js'");
}
