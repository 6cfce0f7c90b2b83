import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScimError } from '#scim/errors.ts';

const quoted: readonly (readonly [string, string, string])[] = [
  ['a line feed', 'found \n.', 'found U+000A.'],
  ['a null and a delete', '\0\x7f', 'U+0000U+007F'],
  ['separators of lines and paragraphs', '\u2028\u2029', 'U+2028U+2029'],
  ['half a surrogate pair', 'x\ud800y', 'xU+D800y'],
  ['a turn of direction', '\u202egro.elpmaxe', 'U+202Egro.elpmaxe'],
  ['letters of any script', 'Ægir 山田 سارة', 'Ægir 山田 سارة'],
  ['joined emoji and a tag of a language', '👩‍💻 می‌خواهم', '👩‍💻 می‌خواهم'],
];

for (const [name, detail, shown] of quoted) {
  test(`the detail of an error shows ${name}`, () => {
    const error = new ScimError('invalidFilter', detail);
    assert.equal(error.message, shown);
    assert.equal(error.toBody('1a2b').detail, `${shown} (ref 1a2b)`);
  });
}
