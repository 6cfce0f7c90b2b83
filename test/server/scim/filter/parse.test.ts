import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ScimError } from '#scim/errors.ts';
import { type Filter, operators } from '#scim/filter/ast.ts';
import { parseFilter } from '#scim/filter/parse.ts';
import { printFilter } from '#scim/filter/print.ts';

/** Each text and how it is printed: brackets show what was understood. */
const valid: readonly (readonly [name: string, text: string, printed: string])[] = [
  ['any case of operators', 'userName Eq "a" AND title PR', 'userName eq "a" and title pr'],
  ['and before or', 'a pr or b pr and c pr', 'a pr or b pr and c pr'],
  ['brackets against precedence', '(a pr or b pr) and c pr', '(a pr or b pr) and c pr'],
  ['not binds closest', 'not (a pr) and b pr', 'not (a pr) and b pr'],
  ['not without a space', 'not(a pr)', 'not (a pr)'],
  ['an attribute called nothing', 'nothing pr', 'nothing pr'],
  ['needless brackets go', '((a eq 1))', 'a eq 1'],
  ['several spaces', '  a   eq   1  ', 'a eq 1'],
  ['sub-attribute', 'name.familyName co "O\'Malley"', 'name.familyName co "O\'Malley"'],
  ['$ref', 'manager.$ref sw "/Users/"', 'manager.$ref sw "/Users/"'],
  [
    'value path',
    'emails[type eq "work" and value eq "x"]',
    'emails[type eq "work" and value eq "x"]',
  ],
  ['value path with or', 'emails[a pr or b pr]', 'emails[a pr or b pr]'],
  [
    'sub-attribute after a value path',
    'emails[type eq "work" or primary eq true].value eq "x"',
    'emails[(type eq "work" or primary eq true) and value eq "x"]',
  ],
  [
    'pr after a value path',
    'emails[type eq "work"].value pr',
    'emails[type eq "work" and value pr]',
  ],
  [
    'a URN',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"',
  ],
  ['true in any case', 'active eq True', 'active eq true'],
  ['null', 'title ne NULL', 'title ne null'],
  ['numbers', 'a gt -1.5e+3', 'a gt -1500'],
  ['negative zero', 'a eq -0', 'a eq 0'],
  ['escapes', String.raw`a eq "\u0041\"\\\/\n"`, String.raw`a eq "A\"\\/\n"`],
  ['a surrogate pair', String.raw`a eq "\ud83d\ude00"`, 'a eq "😀"'],
  ['text beyond ASCII', 'a eq "Zoë 😀"', 'a eq "Zoë 😀"'],
  ['brackets within text', 'a eq ") or (b pr"', 'a eq ") or (b pr"'],
  ['50 brackets', `${'('.repeat(50)}a pr${')'.repeat(50)}`, 'a pr'],
];

for (const [name, text, printed] of valid) {
  test(`parseFilter takes ${name}`, () => assert.equal(printFilter(parseFilter(text)), printed));
}

const invalid: readonly (readonly [name: string, text: string, detail: RegExp])[] = [
  ['nothing', '', /position 1: expected an attribute name.*found the end/],
  ['no operator', 'userName', /position 9: expected an operator/],
  ['no value', 'userName eq', /position 12: expected a value.*found the end/],
  ['an unknown operator', 'a is 1', /position 3: expected an operator \(pr, eq.*found is/],
  ['text without quotation marks', 'a eq bjensen', /position 6: expected a value.*found bjensen/],
  ['apostrophes', "a eq 'x'", /position 6: .*found '/],
  ['an open string', 'a eq "x', /position 8: expected a closing quotation mark/],
  ['an open string after a backslash', 'a eq "x\\"', /closing quotation mark/],
  ['a wrong escape', String.raw`a eq "\x"`, /position 6: expected a string without/],
  ['a control character', 'a eq "\n"', /position 6: expected a string without/],
  ['and at the end', 'a pr and', /position 9: .*found the end/],
  ['two expressions', 'a pr b pr', /position 6: expected "and", "or" or the end/],
  ['an open bracket', '(a pr', /position 6: .*"\)"/],
  ['a bracket too many', 'a pr)', /position 5: .*the end/],
  ['not without a bracket', 'not a pr', /position 5: expected "\(" after "not"/],
  ['an empty value path', 'emails[]', /position 8: /],
  ['an open value path', 'emails[type pr', /position 15: .*"\]"/],
  ['a value path in another', 'a[b[c pr]]', /position 4: .*no other value path/],
  ['two sub-attributes', 'a.b.c pr', /position 1: expected an attribute name/],
  ['two sub-attributes after a value path', 'a[b pr].c.d pr', /one sub-attribute name/],
  ['a leading zero', 'a eq 01', /expected a value/],
  ['a number beyond all', 'a eq 1e999', /expected a value/],
  ['NaN', 'a eq NaN', /expected a value/],
  ['a strange character', 'a eq 1 & b eq 2', /position 8: .*found &/],
  ['a character beyond the basic plane', 'a 😀 b', /found 😀/],
  ['51 brackets', `${'('.repeat(51)}a pr${')'.repeat(51)}`, /at most 50/],
  ['50 brackets and a value path', `${'('.repeat(50)}a[b pr]${')'.repeat(50)}`, /at most 50/],
  ['not within not within not', `${'not ('.repeat(51)}a pr${')'.repeat(51)}`, /at most 50/],
  ['20,000 brackets', '('.repeat(20_000), /20000 characters/],
  ['8,193 characters', `a eq "${'x'.repeat(8186)}"`, /8193 characters/],
];

for (const [name, text, detail] of invalid) {
  test(`parseFilter refuses ${name}`, () => {
    assert.throws(
      () => parseFilter(text),
      (error) =>
        error instanceof ScimError &&
        error.problem === 'invalidFilter' &&
        detail.test(error.message),
    );
  });
}

test('a filter of 8,192 characters is taken', () => {
  assert.equal(parseFilter(`a eq "${'x'.repeat(8185)}"`).op, 'compare');
});

const names = fc.constantFrom(
  { urn: undefined, name: 'userName', sub: undefined },
  { urn: undefined, name: 'members', sub: '$ref' },
  { urn: 'urn:ietf:params:scim:schemas:core:2.0:User', name: 'name', sub: 'givenName' },
);
const literals = fc.oneof(
  fc.string({ unit: 'binary' }), // any code point: quotation marks and controls too
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number || 0),
);

function filtersOf(withValuePaths: boolean): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter; many: Filter[] }>((tie) => ({
    many: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
    filter: fc.oneof(
      { maxDepth: 4 },
      names.map((name): Filter => ({ op: 'present', name })),
      fc
        .tuple(names, fc.constantFrom(...operators), literals)
        .map(([name, operator, value]): Filter => ({ op: 'compare', name, operator, value })),
      tie('filter').map((of): Filter => ({ op: 'not', of })),
      tie('many').map((of): Filter => ({ op: 'and', of })),
      tie('many').map((of): Filter => ({ op: 'or', of })),
      ...(withValuePaths
        ? [
            fc
              .tuple(names, filtersOf(false))
              .map(([name, of]): Filter => ({ op: 'some', name, of })),
          ]
        : []),
    ),
  })).filter;
}

// Printing loses nothing: quoting, nesting and precedence agree with the parser.
test('parseFilter undoes printFilter', () => {
  fc.assert(
    fc.property(filtersOf(true), (filter) =>
      assert.deepEqual(parseFilter(printFilter(filter)), filter),
    ),
    { numRuns: 500 },
  );
});

const fragments = fc.constantFrom(
  ...[
    'a',
    'emails',
    'not',
    'and',
    'or',
    'eq',
    'pr',
    '(',
    ')',
    '[',
    ']',
    '"x"',
    '"',
    '.b',
    ' ',
    '\\',
  ],
  ...['true', '1', 'urn:x:', '$', '__proto__', '😀', '\0'],
);

test('whatever the text, parseFilter returns or throws a ScimError', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fragments, { maxLength: 40 }).map((parts) => parts.join('')),
    fc.array(fragments, { maxLength: 40 }).map((parts) => parts.join(' ')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseFilter(text);
      } catch (error) {
        assert.ok(error instanceof ScimError, String(error));
        assert.equal(error.problem, 'invalidFilter');
      }
    }),
    { numRuns: 3000 },
  );
});
