import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { options } from '#config/options.ts';
import { references } from '../../docs/generate.ts';

for (const [path, text] of references()) {
  test(`${path} is what "npm run generate" writes`, () => {
    assert.equal(readFileSync(path, 'utf8'), text, 'run npm run generate');
  });
}

test('docs/config.md has a row for each setting', () => {
  const rows =
    references()
      .get('docs/config.md')
      ?.match(/^\| `OP_/gm) ?? [];
  assert.equal(rows.length, Object.keys(options).length);
});
