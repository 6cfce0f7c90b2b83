import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseLargeJson } from '#http/large-json.ts';
import { ScimError } from '#scim/errors.ts';

const nested = (depth: number, inside = '') => '['.repeat(depth) + inside + ']'.repeat(depth);
const filler = `"${'x'.repeat(20_000)}"`;

const fine = {
  '20 levels': nested(20, filler),
  'brackets inside a string': `["${'['.repeat(20_000)}"]`,
  'an escaped quotation mark before brackets': `["\\"${'['.repeat(20_000)}"]`,
  'a backslash at the end of a string': `["\\\\",${filler},"\\\\"]`,
  'many lists side by side': `[${'[[[]]],'.repeat(20_000)}[]]`,
  '100,000 members of four attributes': `[${Array(100_000).fill('{"a":1,"b":2,"c":3,"d":4}').join()}]`,
  'a list in an object, with white space around everything': ` { "a" : 1 ,\n"b":\t[ ${Array(20_000).fill(' "value" ').join()} ] , "c" : null } `,
  'a long list named twice': `{"a":[${Array(20_000).fill('12345678').join()}],"b":1,"a":[${Array(20_000).fill('1234567').join()}]}`,
  'names that are traps': `{"__proto__":[${Array(20_000).fill('{"__proto__":1}').join()}],"constructor":{"toString":1},"7":0,"3":0}`,
  'halves of surrogate pairs, escaped': `[${Array(20_000).fill('"\\ud800","\\uDFFF"').join()}]`,
  'a number alone': ' 1 ',
};
for (const [name, text] of Object.entries(fine)) {
  test(`read as JSON.parse does: ${name}`, async () => {
    assert.deepEqual(await parseLargeJson(text), JSON.parse(text));
  });
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
  test(`refused with ${status}: ${name}`, async () => {
    await assert.rejects(
      parseLargeJson(text),
      (thrown) => thrown instanceof ScimError && thrown.status === status,
    );
  });
}

const run = Array(20_000).fill('"value"').join();
const broken = {
  'a comma at the end of a list': [`[${run},]`, undefined],
  'two commas': [`[${run},,1]`, undefined],
  'a comma missing behind a long list': [`[[${run}] 1]`, 20_000 * 8 + 3],
  'a comma missing between long lists': [`[[${run}] [${run}]]`, 20_000 * 8 + 3],
  'a list that ends as an object': [`{"a":[${run}}`, 20_000 * 8 + 5],
  'a long list that does not end': [`{"a":[${run}`, undefined],
  'a string that does not end': [`[${run},"x]`, undefined],
  'text behind the end': [`[${run}] x`, 20_000 * 8 + 2],
  'a second list behind the end': [`[${run}][${run}]`, 20_000 * 8 + 1],
  'a name missing': [`{"a":1,[${run}]}`, undefined],
  'a value with two names': [`{"a":"b":[${run}]}`, undefined],
  'a number and a list': [`{"a":1[${run}]}`, undefined],
  'a list as a name': [`{[${run}]:1}`, undefined],
  'a comma first': [`[,${run}]`, undefined],
  'a comma outside': [`1,[${run}]`, 1],
} as const;
for (const [name, [text, position]] of Object.entries(broken)) {
  test(`not JSON: ${name}`, async () => {
    assert.throws(() => JSON.parse(text), SyntaxError);
    await assert.rejects(parseLargeJson(text), (thrown) => {
      if (!(thrown instanceof SyntaxError)) return false;
      return position === undefined || thrown.message.includes(` at position ${position}`);
    });
  });
}

/** The value as text with what `deepEqual` would let pass, or that there is none. */
async function outcomeOf(parse: () => unknown): Promise<unknown> {
  try {
    return [await parse()];
  } catch (thrown) {
    assert.ok(thrown instanceof SyntaxError, String(thrown));
    return 'SyntaxError';
  }
}

const key = fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'constructor', '', '1', '0'));
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('"', '\\', '[,]'),
);
const blank = fc.constantFrom('', '', ' ', '\n\t', '\r ');
/** JSON with white space, and with names that come twice: objects and lists as text. */
const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc
      .oneof(text, fc.double(), fc.boolean(), fc.constant(null))
      .map((leaf) => JSON.stringify(leaf)),
    fc
      .array(fc.tuple(blank, tie('value'), blank), { maxLength: 6 })
      .map((elements) => `[${elements.map((element) => element.join('')).join()}]`),
    fc
      .array(fc.tuple(blank, key, blank, tie('value'), blank), { maxLength: 6 })
      .map(
        (members) =>
          `{${members.map(([a, name, b, value, c]) => `${a}${JSON.stringify(name)}${b}:${value}${c}`).join()}}`,
      ),
  ),
})).value;
const slice = fc.integer({ min: 1, max: 40 });

test('any JSON is read as JSON.parse does, in slices of any size', async () => {
  await fc.assert(
    fc.asyncProperty(json, blank, slice, async (value, around, size) => {
      const whole = `${around}${value}${around}`;
      const expected: unknown = JSON.parse(whole);
      const parsed = await parseLargeJson(whole, size);
      assert.deepEqual(parsed, expected);
      assert.equal(JSON.stringify(parsed), JSON.stringify(expected)); // The order of names too.
    }),
    { numRuns: 1_000 },
  );
});

test('what JSON.parse refuses is refused, and nothing else', async () => {
  const edit = fc.record({
    at: fc.nat(),
    removed: fc.integer({ min: 0, max: 2 }),
    added: fc.constantFrom('', ',', '[', ']', '{', '}', '"', '\\', ':', ' ', '1', 'x', '\u00a0'),
  });
  await fc.assert(
    fc.asyncProperty(json, edit, slice, async (value, { at, removed, added }, size) => {
      const place = at % (value.length + 1);
      const edited = value.slice(0, place) + added + value.slice(place + removed);
      const expected = await outcomeOf(() => JSON.parse(edited));
      assert.deepEqual(await outcomeOf(() => parseLargeJson(edited, size)), expected);
    }),
    { numRuns: 2_000 },
  );
});
