import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { foldCase } from '#scim/fold.ts';

const equalPairs = [
  ['ASCII', 'Ada@Example.COM', 'ada@example.com'],
  ['composed and decomposed', 'Zoe\u0308', 'ZO\u00cb'],
  ['the Kelvin sign', '\u212a', 'k'],
  ['the final sigma', '\u039f\u03a3', '\u03bf\u03c3'],
  ['a final sigma in lower case', '\u03bf\u03c2', '\u03bf\u03c3'],
] as const;

for (const [name, left, right] of equalPairs) {
  test(`foldCase makes equal: ${name}`, () => assert.equal(foldCase(left), foldCase(right)));
}

test('foldCase keeps different letters apart', () => {
  assert.notEqual(foldCase('ada'), foldCase('àda'));
});

test('foldCase is idempotent and leaves no U+0000', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const folded = foldCase(text);
      assert.equal(foldCase(folded), folded);
      assert.ok(!folded.includes('\0'));
    }),
    { numRuns: 2000 },
  );
});
