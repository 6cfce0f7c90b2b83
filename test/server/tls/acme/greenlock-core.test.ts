import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const GUARD = new URL('../../../support/network-guard.mjs', import.meta.url).href;

/** Makes a client and waits for all that it does by itself; the core's own 3 s become 1 ms. */
const START_CLIENT = `
  const client = core.acme.create({
    maintainerEmail: 'someone@example.com', packageAgent: 'op-scim/0', __timeout: 1,
  });
  await client.init({ meta: {}, termsOfService: true });
`;

test('the core as it was published calls home, which the network guard sees', () => {
  const { notes } = run(`
    import { loadCore } from '#tls/acme/greenlock-core.ts';
    const core = loadCore();
    ${START_CLIENT}
  `);
  assert.match(notes, /^connects to api\.rootprojects\.org:443$/m);
});

test('the corrected core calls nobody', () => {
  const { notes, output } = run(`
    import { loadCore } from '#tls/acme/greenlock-core.ts';
    import { correct } from '#tls/acme/greenlock-corrections.ts';
    const core = correct(loadCore());
    ${START_CLIENT}
    console.log('started');
  `);
  assert.equal(output, 'started\n');
  assert.equal(notes, '');
});

for (const [engine, isLoaded] of [
  ['native', false],
  ['greenlock', true],
] as const) {
  test(`with the engine ${engine} the core is ${isLoaded ? '' : 'not '}loaded`, () => {
    const { output } = run(`
      import { createRequire } from 'node:module';
      import { loadEngine } from '#tls/engines.ts';
      const { name } = await loadEngine('${engine}');
      const files = Object.keys(createRequire(import.meta.url).cache);
      console.log(name, files.some((file) => file.includes('@root')));
    `);
    assert.equal(output, `${engine} ${isLoaded}\n`);
  });
}

/** Ends when the code has nothing more to do. */
function run(code: string): { readonly notes: string; readonly output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-core-'));
  const file = join(folder, 'guard.log');
  writeFileSync(file, '');
  const args = ['--import', GUARD, '--input-type=module', '--eval', code];
  const env = { GUARD_FILE: file, GUARD_ALLOWED: '' };
  const child = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 60_000 });
  const notes = readFileSync(file, 'utf8');
  rmSync(folder, { recursive: true });
  assert.equal(child.status, 0, child.stderr);
  return { notes, output: child.stdout };
}
