import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkShape } from '#http/body-shape.ts';
import { ScimError } from '#scim/errors.ts';

const bytes = (text: string) => Buffer.from(text);
const nested = (depth: number, inside = '') => '['.repeat(depth) + inside + ']'.repeat(depth);
const filler = `"${'x'.repeat(20_000)}"`;

const fine = {
  '20 levels': nested(20, filler),
  'brackets inside a string': `["${'['.repeat(20_000)}"]`,
  'an escaped quotation mark before brackets': `["\\"${'['.repeat(20_000)}"]`,
  'a backslash at the end of a string': `["\\\\",${filler},"\\\\"]`,
  'many lists side by side': `[${'[[[]]],'.repeat(20_000)}[]]`,
  'a small body, which the parsers judge': nested(8_000),
  '100,000 members of four attributes': `[${Array(100_000).fill('{"a":1,"b":2,"c":3,"d":4}').join()}]`,
  'a string that does not end': `"${'x'.repeat(20_000)}\\`,
};
for (const [name, text] of Object.entries(fine)) {
  test(`may pass: ${name}`, () => checkShape(bytes(text)));
}

const refused = {
  '21 levels': [nested(21, filler), 400],
  '21 levels of objects': [`${'{"a":'.repeat(21)}${filler}${'}'.repeat(21)}`, 400],
  '4,000,000 levels': [nested(4_000_000), 400],
  '21 levels behind other things': [`[${filler},${nested(20)}]`, 400],
  'a million numbers': [`[${'1,'.repeat(1_000_000)}1]`, 413],
  'a million empty objects': [`[${'{},'.repeat(1_000_000)}{}]`, 413],
} as const;
for (const [name, [text, status]] of Object.entries(refused)) {
  test(`refused with ${status}: ${name}`, () => {
    assert.throws(
      () => checkShape(bytes(text)),
      (thrown) => thrown instanceof ScimError && thrown.status === status,
    );
  });
}

test('any JSON that is not too deep passes, whatever its strings hold', () => {
  const key = fc.string({ unit: 'binary', maxLength: 8 });
  fc.assert(
    fc.property(fc.json({ maxDepth: 15, stringUnit: 'binary' }), key, (text, name) => {
      checkShape(bytes(`{${JSON.stringify(name)}:${text},"filler":${filler}}`));
    }),
  );
});
