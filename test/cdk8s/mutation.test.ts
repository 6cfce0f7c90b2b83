import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Mistakes that a generator of templates can have, each of which the differential test must see. */
const mutants: readonly Mutant[] = [
  {
    name: 'texts without quotes',
    file: 'cdk8s/lib/template.ts',
    from: ' | quote }}`;\n    const isNative',
    to: ' }}`;\n    const isNative',
  },
  {
    name: 'a wrong indent',
    file: 'cdk8s/lib/template.ts',
    from: 'toYaml(indent + 2)',
    to: 'toYaml(indent)',
  },
  {
    name: 'the dot inside range',
    file: 'cdk8s/lib/template.ts',
    from: "items([body], indent, '$')",
    to: "items([body], indent, '.')",
  },
  {
    name: 'numbers as a values file has them',
    file: 'cdk8s/lib/expression.ts',
    from: "kind === 'int' ? 'int64 ' : ''",
    to: "kind === 'int' ? '' : ''",
  },
  {
    name: 'a merge that keeps empty values',
    file: 'cdk8s/lib/functions.ts',
    from: 'if (!isTruthy(merged[key]))',
    to: 'if (!(key in merged))',
  },
];

const work = mkdtempSync(join(tmpdir(), 'op-scim-mutants-'));
after(() => rmSync(work, { recursive: true }));

/** A copy of what the differential test needs. */
function copyWith(mutant: Mutant | undefined, name: string): string {
  const folder = join(work, name);
  for (const path of ['cdk8s', 'server/config', 'server/base', 'test/cdk8s', 'test/support']) {
    cpSync(path, join(folder, path), { recursive: true });
  }
  for (const file of ['package.json', 'CHANGELOG.md']) cpSync(file, join(folder, file));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  if (mutant !== undefined) {
    const path = join(folder, mutant.file);
    const text = readFileSync(path, 'utf8');
    assert.ok(text.includes(mutant.from), `${mutant.file} no longer has: ${mutant.from}`);
    writeFileSync(
      path,
      text.replace(mutant.from, () => mutant.to),
    );
  }
  return folder;
}

function differential(folder: string): Promise<{ code: number; output: string }> {
  const { NODE_TEST_CONTEXT: _, ...outer } = process.env;
  const env = { ...outer, N: '10', SEED: '1', HELM_LAYER: '31' };
  const options = { cwd: folder, env, encoding: 'utf8', timeout: 120_000 } as const;
  return new Promise((done) => {
    const args = ['--test', '--test-reporter=tap', 'test/cdk8s/differential.test.ts'];
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : 1, output: stdout + stderr });
    });
  });
}

test('the differential test passes on an unchanged copy', async () => {
  const { code, output } = await differential(copyWith(undefined, 'unchanged'));
  assert.equal(code, 0, output);
});

for (const [index, mutant] of mutants.entries()) {
  test(`the differential test sees ${mutant.name}`, async () => {
    const { code, output } = await differential(copyWith(mutant, `mutant-${index}`));
    assert.equal(code, 1, output);
    assert.match(output, /only Helm refuses|: Helm .*, plain /);
  });
}
