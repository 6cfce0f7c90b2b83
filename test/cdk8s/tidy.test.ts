import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { test } from 'node:test';

/** The generator is for any chart: it knows nothing of op-scim. */
const LIBRARY = 'cdk8s/lib/';
const MAX_LIBRARY_LINES = 900;
const PACKAGES = ['cdk8s', 'cdk8s-plus-27', 'constructs'];

const files = globSync('cdk8s/**/*.ts').map((path) => ({ path, text: readFileSync(path, 'utf8') }));

function mistakesIn(path: string, text: string): readonly string[] {
  const specifiers = [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'/gm)].map(
    ([, specifier = '']) => specifier,
  );
  return specifiers.filter((specifier) => {
    if (specifier.startsWith('node:') || PACKAGES.includes(specifier)) return false;
    // Only what reads values files: the constructs do without it.
    if (specifier === 'yaml') return path !== 'cdk8s/lib/yaml.ts';
    if (specifier.startsWith('#'))
      return !specifier.startsWith('#config/') || path.startsWith(LIBRARY);
    const target = normalize(`${dirname(path)}/${specifier}`);
    if (path.startsWith(LIBRARY)) return !target.startsWith(LIBRARY);
    return !target.startsWith('cdk8s/') && target !== 'package.json';
  });
}

test('sources were found', () => {
  assert.ok(files.length > 25);
  assert.ok(files.some(({ text }) => text.includes("'#config/")));
});

for (const { path, text } of files) {
  test(`${path} keeps to its folder and size`, () => {
    assert.deepEqual(mistakesIn(path, text), []);
    assert.ok(text.split('\n').length <= 401);
    assert.ok(!/\bprocess\.env\b|^\s*console\./m.test(text));
  });
}

test(`the generator has less than ${MAX_LIBRARY_LINES} lines of code`, () => {
  const code = files
    .filter(({ path }) => path.startsWith(LIBRARY))
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => !/^\s*(?:\/\/|\*|\/\*|$)/.test(line));
  assert.ok(code.length < MAX_LIBRARY_LINES, `${code.length} lines`);
});
