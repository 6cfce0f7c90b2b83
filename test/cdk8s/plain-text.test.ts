import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { printYaml } from '../../cdk8s/lib/template.ts';

const texts = [
  'e7',
  'E12',
  'yes',
  'off',
  'null',
  '0755',
  '1e3',
  '0o17',
  '.5',
  '~',
  '',
  'a: b',
  'plain',
];

for (const text of texts) {
  test(`the text "${text}" stays a text for readers of YAML 1.1 and 1.2`, () => {
    const printed = printYaml({ value: text });
    for (const version of ['1.1', '1.2'] as const) {
      assert.deepEqual(parse(printed, { version }), { value: text }, printed);
    }
  });
}
