import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Document } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import { compareCodePoints } from '#scim/filter/compare.ts';
import { type CompiledFilter, compileFilter } from '#scim/filter/compile.ts';
import { parseFilter } from '#scim/filter/parse.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const ada: Document = {
  id: 'Ab1',
  externalId: 'EXT-1',
  userName: 'Ada@Example.com',
  name: { givenName: 'Ada', familyName: 'Löwe' },
  nickName: '',
  active: false,
  emails: [
    { type: 'work', value: 'ada@work.test', primary: true },
    { type: 'home', value: 'ada@home.test' },
  ],
  [enterprise]: { department: 'Engines', manager: { value: 'Boss1' } },
  x509Certificates: [{ value: 'QUJD' }],
  groups: [{ value: 'g1', display: 'Staff' }],
  meta: { resourceType: 'User', lastModified: '2026-01-31T12:00:00.000Z', version: 'W/"3"' },
};

const rows: readonly (readonly [filter: string, matches: boolean])[] = [
  ['userName eq "ADA@example.COM"', true],
  ['username EQ "ada@example.com"', true],
  ['userName ne "ada@example.com"', false],
  ['userName sw "ada@"', true],
  ['userName ew ".COM"', true],
  ['userName co "EXAMPLE"', true],
  ['userName co ".*"', false],
  ['userName gt "ad"', true],
  ['userName ge "ada@example.com"', true],
  ['userName lt "b"', true],
  ['userName le "ada@example.co"', false],
  ['name.familyName eq "LO\u0308WE"', true],
  ['externalId eq "EXT-1"', true],
  ['externalId eq "ext-1"', false],
  ['id eq "Ab1"', true],
  ['id eq "ab1"', false],
  ['id sw "A" and externalId co "T-"', true],
  ['active eq false', true],
  ['active eq "False"', true],
  ['active ne "tRUE"', true],
  ['title eq "x"', false],
  ['title ne "x"', true],
  ['title eq null', true],
  ['title ne null', false],
  ['not (title pr)', true],
  ['nickName pr', false],
  ['active pr', true],
  ['name pr', true],
  ['name.middleName pr', false],
  ['name.middleName ne "x"', true],
  ['emails.value eq "ADA@home.test"', true],
  ['emails eq "ada@home.test"', true],
  ['emails co "@work"', true],
  ['emails.type ne "work"', true],
  ['emails.primary pr', true],
  ['emails[type eq "work" and value eq "ada@work.test"]', true],
  ['emails[type eq "work" and value eq "ada@home.test"]', false],
  ['emails.type eq "work" and emails.value eq "ada@home.test"', true],
  ['emails[type eq "work"].value eq "ada@work.test"', true],
  ['emails[primary eq true].value eq "ada@work.test"', true],
  ['emails[primary eq "True"].value eq "ada@work.test"', true],
  ['emails[not (type eq "work")]', true],
  ['emails[type eq "other" or value sw "ada@h"]', true],
  ['phoneNumbers[type eq "work"]', false],
  ['phoneNumbers[not (type eq "work")]', false],
  ['phoneNumbers.value eq "1"', false],
  ['phoneNumbers.value ne "1"', true],
  [`${enterprise}:department eq "engines"`, true],
  ['urn:ietf:params:scim:schemas:core:2.0:user:UserName sw "ada"', true],
  ['manager eq "Boss1"', true],
  ['manager eq "boss1"', false],
  ['manager.value eq "Boss1"', true],
  [`${enterprise}:manager.value pr`, true],
  [`${enterprise} pr`, true],
  ['x509Certificates.value eq "QUJD"', true],
  ['x509Certificates.value eq "qujd"', false],
  ['groups.value eq "g1"', true],
  ['groups eq "g1" and id eq "Ab1"', true],
  ['meta.lastModified eq "2026-01-31T13:00:00+01:00"', true],
  ['meta.lastModified gt "2026-01-31T11:59:59.999Z"', true],
  ['meta.lastModified ge "2026-01-31T12:00:00"', true],
  ['meta.lastModified lt "2026-01-31T12:00:00Z"', false],
  ['meta.lastModified sw "2026-01"', true],
  ['meta.resourceType eq "User"', true],
  ['title pr or active eq false and userName pr', true],
  ['(title pr or active eq false) and title pr', false],
  ['not (userName pr and title pr)', true],
];

for (const [filter, matches] of rows) {
  test(`${filter} is ${matches}`, () => assert.equal(compile(filter).matches(ada), matches));
}

const refused: readonly (readonly [filter: string, detail: RegExp])[] = [
  ['usrName eq "x"', /no attribute "usrName"\. Did you mean "userName"\?/],
  ['shoeSize eq 1', /no attribute "shoeSize"\. See \/Schemas/],
  ['name.givenNam pr', /"name" has no sub-attribute "givenNam"\. Did you mean "givenName"\?/],
  ['emails[kind eq "x"]', /"emails" has no sub-attribute "kind"\. It has: value/],
  ['emails[urn:x:type eq "x"]', /no sub-attribute/],
  ['userName.value eq "x"', /"userName" has no sub-attribute/],
  ['urn:example:User:userName eq "x"', /no attribute/],
  ['password eq "x"', /never returned/],
  ['password pr', /never returned/],
  ['active gt true', /type boolean, which the operator gt does not compare/],
  ['active co "t"', /true or false/],
  ['active eq "yes"', /true or false/],
  ['active eq 1', /true or false/],
  ['emails[primary lt "True"]', /type boolean/],
  ['x509Certificates.value gt "a"', /type binary/],
  ['userName eq 5', /"userName" is text/],
  ['userName eq true', /"userName" is text/],
  ['userName gt null', /does not compare null/],
  ['name eq "x"', /several parts.*"name\.formatted"/],
  ['userName[value eq "x"]', /no sub-attributes/],
  ['name.givenName[value eq "x"]', /no sub-attributes/],
  ['meta.lastModified gt "yesterday"', /is a time/],
  ['meta.lastModified gt "2026-13-01T00:00:00Z"', /is a time/],
  ['__proto__ pr', /expected an attribute name/],
  ['constructor pr', /no attribute "constructor"/],
  ['name.prototype pr', /no sub-attribute "prototype"/],
  ['emails[constructor pr]', /no sub-attribute "constructor"/],
];

for (const [filter, detail] of refused) {
  test(`${filter} is refused`, () => {
    assert.throws(
      () => compile(filter),
      (error) =>
        error instanceof ScimError &&
        error.problem === 'invalidFilter' &&
        detail.test(error.message),
    );
  });
}

test('a quoted boolean is refused in strict mode', () => {
  assert.throws(() => compileFilter(USER, parseFilter('active eq "True"'), { strict: true }));
});

test('references tells which attributes have to be loaded', () => {
  const filter = compile(`groups.value eq "g" or emails[value pr] or ${enterprise}:manager pr`);
  assert.ok(filter.references('groups') && filter.references('emails'));
  assert.ok(filter.references(enterprise) && !filter.references('members'));
  const groups = compileFilter(GROUP, parseFilter('members[value eq "a"]'), { strict: false });
  assert.ok(groups.references('members'));
  assert.ok(groups.matches({ members: [{ value: 'a' }] }) && !groups.matches({}));
});

test('the expression holds canonical names, typed values, and value for a complex attribute', () => {
  const { expression } = compile('EMAILS eq "x"');
  assert.ok(expression.op === 'compare');
  assert.deepEqual(
    [expression.target.attribute.name, expression.target.sub?.name, expression.value],
    ['emails', 'value', 'x'],
  );
  const time = compile('meta.created gt "1970-01-01T00:00:01Z"').expression;
  assert.ok(time.op === 'compare' && time.value === 1000);
  const absent = compile('title eq null').expression;
  assert.ok(absent.op === 'not' && absent.of.op === 'present');
  const some = compile('emails[type eq "work"]').expression;
  assert.ok(some.op === 'some' && some.of.op === 'compare' && some.of.target.sub?.name === 'type');
});

test('a time without zone is UTC, wherever the bridge runs', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'America/New_York';
  try {
    assert.ok(compile('meta.lastModified eq "2026-01-31T12:00:00"').matches(ada));
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test('an attribute of the prototype is no value', () => {
  assert.equal(compile('title pr').matches(JSON.parse('{"__proto__": {"title": "x"}}')), false);
});

// The order of Redis and SQLite, which compare bytes of UTF-8.
test('compareCodePoints orders as UTF-8 does', () => {
  const wellFormed = fc.string({ unit: 'binary', maxLength: 6 });
  fc.assert(
    fc.property(wellFormed, wellFormed, (left, right) => {
      const asBytes = Buffer.compare(Buffer.from(left), Buffer.from(right));
      assert.equal(Math.sign(compareCodePoints(left, right)), asBytes);
    }),
    { numRuns: 2000 },
  );
  assert.ok(compareCodePoints('\u{10000}', '\u{FFFF}') > 0);
});

function compile(filter: string): CompiledFilter {
  return compileFilter(USER, parseFilter(filter), { strict: false });
}
