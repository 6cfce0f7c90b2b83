import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ABSENT } from '#directory/indexes.ts';
import { type Plan, planFilter } from '#directory/plan.ts';
import type { Policy } from '#scim/document.ts';
import { parseFilter } from '#scim/filter/parse.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';

const LENIENT: Policy = { strict: false };
const NOON_MS = Date.UTC(2031, 4, 4, 12);
const NOON = '"2031-05-04T12:00:00Z"';

interface Row {
  readonly type: ResourceType;
  readonly filter: string;
  readonly range: Plan['range'];
  /** Whether more has to be tested on each resource of the range. */
  readonly hasRest: boolean;
}

const everything = { by: 'sequence' } as const;
const index = (name: string, equals: string) => ({ by: 'index', index: name, equals }) as const;

const ROWS: readonly Row[] = [
  row(USER, 'userName eq "Ada@Example.com"', index('userName', 'ada@example.com')),
  row(USER, 'USERNAME Eq "Ada"', index('userName', 'ada')),
  row(
    USER,
    'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "Ada"',
    index('userName', 'ada'),
  ),
  row(USER, 'externalId eq "E-1"', index('externalId', 'E-1')),
  row(USER, 'displayName eq "Ada King"', index('displayName', 'ada king')),
  row(USER, 'emails.value eq "A@x.org"', index('emails', 'a@x.org')),
  row(USER, 'emails eq "A@x.org"', index('emails', 'a@x.org')),
  row(USER, 'emails[value eq "A@x.org"]', index('emails', 'a@x.org')),
  row(USER, 'emails[value eq "A@x.org" and type eq "work"]', index('emails', 'a@x.org'), true),
  row(USER, 'emails[type eq "work" and value eq "A@x.org"]', index('emails', 'a@x.org'), true),
  row(USER, 'emails[value eq "A@x.org" or type eq "work"]', everything, true),
  row(USER, 'emails[not (value eq "A@x.org")]', everything, true),
  row(USER, 'id eq "X"', { by: 'id', id: 'X' }),
  row(USER, 'userName sw "Ada"', { by: 'index', index: 'userName', startsWith: 'ada' }),
  row(USER, 'displayName sw "Ada"', everything, true),
  row(USER, 'userName co "ada"', everything, true),
  row(USER, 'userName ne "ada"', everything, true),
  row(USER, 'not (userName eq "ada")', everything, true),
  row(USER, 'userName pr', everything, true),
  row(USER, 'active eq true', everything, true),
  row(USER, 'title eq "ada"', everything, true),
  row(USER, 'displayName eq null', everything, true),
  row(
    USER,
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "7"',
    everything,
    true,
  ),
  row(USER, `meta.lastModified eq ${NOON}`, { by: 'modified', fromMs: NOON_MS, toMs: NOON_MS }),
  row(USER, `meta.lastModified gt ${NOON}`, { by: 'modified', fromMs: NOON_MS + 1 }),
  row(USER, `meta.lastModified ge ${NOON}`, { by: 'modified', fromMs: NOON_MS }),
  row(USER, `meta.lastModified lt ${NOON}`, { by: 'modified', toMs: NOON_MS - 1 }),
  row(USER, `meta.lastModified le ${NOON}`, { by: 'modified', toMs: NOON_MS }),
  row(USER, `meta[lastModified gt ${NOON}]`, { by: 'modified', fromMs: NOON_MS + 1 }),
  row(USER, `meta.lastModified ne ${NOON}`, everything, true),
  row(USER, `meta.created gt ${NOON}`, everything, true),
  row(GROUP, 'displayName eq "Analysts"', index('displayName', 'analysts')),
  row(GROUP, 'externalId eq "G-1"', index('externalId', 'G-1')),
  row(GROUP, 'id eq "x"', { by: 'id', id: 'x' }),
  row(GROUP, 'id eq "xY"', { by: 'id', id: 'xY' }),
  row(USER, 'id eq "xY"', { by: 'id', id: 'xY' }),
  row(GROUP, 'members.value eq "X"', { by: 'member', memberId: 'X' }),
  row(GROUP, 'members eq "X"', { by: 'member', memberId: 'X' }),
  row(GROUP, 'members[value eq "X"]', { by: 'member', memberId: 'X' }),
  row(GROUP, 'members[value eq "X" and type eq "User"]', { by: 'member', memberId: 'X' }, true),
  row(GROUP, 'members.value sw "X"', everything, true),
  row(GROUP, `meta.lastModified gt ${NOON}`, { by: 'modified', fromMs: NOON_MS + 1 }),
  // Parts of `and`: the narrowest one is read, the others are tested.
  row(USER, 'active eq true and userName eq "ada"', index('userName', 'ada'), true),
  row(USER, 'userName eq "ada" and active eq true', index('userName', 'ada'), true),
  row(USER, 'displayName eq "a" and userName eq "b"', index('userName', 'b'), true),
  row(USER, 'userName sw "a" and displayName eq "b"', index('displayName', 'b'), true),
  row(USER, 'userName eq "a" and id eq "X"', { by: 'id', id: 'X' }, true),
  row(
    USER,
    `meta.lastModified gt ${NOON} and userName sw "a"`,
    { by: 'index', index: 'userName', startsWith: 'a' },
    true,
  ),
  row(USER, 'userName eq "a" and userName eq "b"', index('userName', 'a'), true),
  row(
    USER,
    'emails[value eq "a" and primary eq true] and active eq true',
    index('emails', 'a'),
    true,
  ),
  row(GROUP, 'displayName eq "A" and members.value eq "X"', { by: 'member', memberId: 'X' }, true),
  row(USER, 'userName eq "a" or userName eq "b"', everything, true),
  row(USER, '(userName eq "a" or active eq true) and title pr', everything, true),
  // An absent displayName is indexed under a value of its own, which is no name.
  row(USER, `displayName eq "${ABSENT}"`, everything, true),
];

suite('the index that answers a filter', () => {
  for (const { type, filter, range, hasRest } of ROWS) {
    test(`${type.name}: ${filter}`, () => {
      const plan = planFilter(type, parseFilter(filter), LENIENT);
      assert.deepEqual(plan.range, range);
      assert.equal(plan.rest !== undefined, hasRest);
    });
  }

  test('no filter: everything, and nothing to test', () => {
    assert.deepEqual(planFilter(USER, undefined, LENIENT), { range: everything, rest: undefined });
  });
});

suite('groups, where people are searched too', () => {
  const nothing = { by: 'id', id: '' } as const;
  const rows: readonly (readonly [string, Plan['range'], boolean | undefined])[] = [
    ['userName eq "a"', nothing, undefined],
    ['title pr', nothing, undefined],
    ['emails[type eq "work"]', nothing, undefined],
    ['displayName eq "Navy" and userName pr', nothing, undefined],
    ['userName ne "a"', everything, true],
    ['title eq null', everything, true],
    ['title ne null', nothing, undefined],
    ['not (userName eq "a")', everything, true],
    ['userName eq "a" or displayName eq "navy"', everything, true],
    ['userName eq "a" or displayName eq "army"', everything, false],
    ['displayName eq "Navy" and not (title pr)', index('displayName', 'navy'), true],
  ];
  for (const [filter, range, isMatch] of rows) {
    test(filter, () => {
      const plan = planFilter(GROUP, parseFilter(filter), LENIENT, [USER]);
      assert.deepEqual(plan.range, range);
      if (isMatch === undefined) return;
      assert.equal(plan.rest?.matches({ schemas: [], displayName: 'Navy' }), isMatch);
    });
  }

  test('what nobody has is refused', () => {
    assert.throws(() => planFilter(GROUP, parseFilter('colour pr'), LENIENT, [USER]));
    assert.throws(() => planFilter(GROUP, parseFilter('userName pr'), LENIENT));
  });
});

suite('what is left to test', () => {
  const ada = {
    schemas: [],
    userName: 'ada',
    active: true,
    emails: [
      { value: 'a@x.org', type: 'home' },
      { value: 'b@x.org', type: 'work' },
    ],
  };
  const rows: readonly (readonly [string, boolean])[] = [
    ['userName eq "ada" and active eq true', true],
    ['userName eq "ada" and active eq false', false],
    ['userName eq "ada" and active eq true and title pr', false],
    ['userName eq "ada" and not (active eq false)', true],
    ['userName eq "ada" and (active eq false or emails.value eq "b@x.org")', true],
    ['emails[value eq "a@x.org" and type eq "home"]', true],
    ['emails[value eq "a@x.org" and type eq "work"]', false],
    ['emails[value eq "a@x.org" and type eq "home"] and active eq false', false],
    ['emails[value eq "a@x.org"] and emails[type eq "work"]', true],
    ['userName eq "ada" and userName eq "grace"', false],
  ];
  for (const [filter, isMatch] of rows) {
    test(`${filter}: ${isMatch}`, () => {
      const { rest } = planFilter(USER, parseFilter(filter), LENIENT);
      assert.equal(rest?.matches(ada), isMatch);
    });
  }
});

function row(type: ResourceType, filter: string, range: Plan['range'], hasRest = false): Row {
  return { type, filter, range, hasRest };
}
