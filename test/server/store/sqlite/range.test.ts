import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { afterPrefix, modifiedKey, parsePosition, printPosition } from '#store/sqlite/range.ts';

const PREFIXES = [
  { name: 'a letter', prefix: 'ab', after: 'ac' },
  { name: 'nothing: no end', prefix: '', after: undefined },
  { name: 'before the surrogates', prefix: 'a\ud7ff', after: 'a\ue000' },
  { name: 'outside the first plane', prefix: '\u{1f600}', after: '\u{1f601}' },
  { name: 'the last code point carries', prefix: 'a\u{10ffff}\u{10ffff}', after: 'b' },
  { name: 'only last code points: no end', prefix: '\u{10ffff}', after: undefined },
];

for (const { name, prefix, after } of PREFIXES) {
  test(`the end of a prefix range, ${name}`, () => {
    assert.equal(afterPrefix(prefix), after);
  });
}

test('a text begins with the prefix exactly when it lies in the prefix range', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\ud7ff', '\ue000', '\u{10ffff}') });
  fc.assert(
    fc.property(text, text, (prefix, value) => {
      const after = afterPrefix(prefix);
      const isInside =
        order(prefix, value) <= 0 && (after === undefined || order(value, after) < 0);
      assert.equal(isInside, value.startsWith(prefix));
    }),
  );
});

test('times sort as texts', () => {
  const time = fc.integer({ min: 0, max: Date.UTC(5000, 0) });
  fc.assert(
    fc.property(time, time, (left, right) => {
      const texts = [modifiedKey(left, 1).value, modifiedKey(right, 1).value] as const;
      assert.equal(Math.sign(order(...texts)), Math.sign(left - right));
    }),
  );
});

test('a position survives printing, and what is none is told', () => {
  const key = { value: 'ada:1@example.com', sequence: 12 };
  assert.deepEqual(parsePosition(printPosition(key)), key);
  for (const text of ['', ':', 'x:y', '1.5:y', '12']) {
    assert.throws(() => parsePosition(text), /is not a position/);
  }
});

function order(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}
