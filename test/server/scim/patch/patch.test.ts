import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Document } from '#scim/document.ts';
import type { ProblemName } from '#scim/errors.ts';
import { applyPatch } from '#scim/patch/apply.ts';
import { parsePatch } from '#scim/patch/parse.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { answerOf, plain } from '../plain.ts';

const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const messages = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

type Json = Record<string, unknown>;

const ada = {
  schemas: [core, enterprise],
  externalId: 'x1',
  userName: 'ada',
  name: { familyName: 'L', givenName: 'A' },
  active: true,
  emails: [
    { value: 'ada@work.test', type: 'work', primary: true },
    { value: 'ada@home.test', type: 'home' },
  ],
  [enterprise]: { department: 'Engines', manager: { value: 'm1' } },
  id: 'u1',
};
const [work, home] = ada.emails;

/** What the operations make of `ada`: only the attributes that differ, undefined for those that are gone. */
const rows: readonly (readonly [name: string, operations: readonly Json[], changes: Json])[] = [
  ['add a single value', [{ op: 'add', path: 'title', value: 'Dr' }], { title: 'Dr' }],
  ['add replaces a single value', [{ op: 'add', path: 'userName', value: 'b' }], { userName: 'b' }],
  ['replace', [{ op: 'replace', path: 'userName', value: 'b' }], { userName: 'b' }],
  ['replace what was absent', [{ op: 'replace', path: 'title', value: 'x' }], { title: 'x' }],
  ['remove', [{ op: 'remove', path: 'externalId' }], { externalId: undefined }],
  ['remove what is absent', [{ op: 'remove', path: 'title' }], {}],
  ['remove twice', Array(2).fill({ op: 'remove', path: 'emails' }), { emails: undefined }],
  [
    'null unassigns',
    [{ op: 'replace', path: 'externalId', value: null }],
    { externalId: undefined },
  ],
  ['[] unassigns', [{ op: 'replace', path: 'emails', value: [] }], { emails: undefined }],
  ['op in any case', [{ op: 'ADD', path: 'title', value: 'x' }], { title: 'x' }],
  [
    'path in any case',
    [{ op: 'add', path: 'NAME.GivenName', value: 'B' }],
    named({ givenName: 'B' }),
  ],
  ['keys in any case', [{ Op: 'Add', Path: 'title', Value: 'x' }], { title: 'x' }],
  [
    'a URN before the path',
    [{ op: 'replace', path: `${core}:name.givenName`, value: 'B' }],
    named({ givenName: 'B' }),
  ],
  [
    'the core URN alone is no path',
    [{ op: 'add', path: core, value: { title: 'x' } }],
    { title: 'x' },
  ],
  [
    'no path',
    [{ op: 'replace', value: { title: 'x', active: false } }],
    { title: 'x', active: false },
  ],
  ['an empty path', [{ op: 'replace', path: '', value: { title: 'x' } }], { title: 'x' }],
  ['no path, null', [{ op: 'replace', value: { externalId: null } }], { externalId: undefined }],
  [
    'no path, add to a list',
    [{ op: 'add', value: { emails: [mail('n')] } }],
    listed(work, home, mail('n')),
  ],
  [
    'no path, replace a list',
    [{ op: 'replace', value: { emails: [mail('n')] } }],
    listed(mail('n')),
  ],
  ['an unknown key', [{ op: 'add', value: { shoeSize: 7, title: 'x' } }], { title: 'x' }],
  [
    'what is read-only in a value',
    [{ op: 'add', value: { meta: {}, groups: [{ value: 'g' }] } }],
    {},
  ],
  ['the own id in a value', [{ op: 'replace', value: { id: 'u1', title: 'x' } }], { title: 'x' }],
  [
    'dotted keys and URN keys (Entra)',
    [
      {
        op: 'replace',
        value: {
          'name.givenName': 'B',
          [`${enterprise}:department`]: 'D',
          'emails[type eq "home"].value': 'h',
        },
      },
    ],
    {
      ...named({ givenName: 'B' }),
      ...extended({ department: 'D' }),
      ...listed(work, { ...home, value: 'h' }),
    },
  ],
  [
    'an extension as a key',
    [{ op: 'add', value: { [enterprise]: { department: 'D', costCenter: '1' } } }],
    extended({ department: 'D', costCenter: '1' }),
  ],
  [
    'an extension as the path',
    [{ op: 'replace', path: enterprise, value: { costCenter: '1' } }],
    extended({ costCenter: '1' }),
  ],
  [
    'an extension removed',
    [{ op: 'remove', path: enterprise }],
    { schemas: [core], [enterprise]: undefined },
  ],
  [
    'an extension emptied',
    [
      { op: 'remove', path: `${enterprise}:department` },
      { op: 'remove', path: `${enterprise}:manager` },
    ],
    { schemas: [core], [enterprise]: undefined },
  ],
  [
    'an attribute of a schema that is not known',
    [{ op: 'add', path: 'urn:example:2.0:User:tag', value: 'x' }],
    {},
  ],
  [
    'part of a complex attribute',
    [{ op: 'replace', path: 'name', value: { givenName: 'B' } }],
    named({ givenName: 'B' }),
  ],
  [
    'null in a complex value',
    [{ op: 'replace', path: 'name', value: { givenName: null } }],
    { name: { familyName: 'L' } },
  ],
  [
    'a complex attribute emptied',
    [
      { op: 'remove', path: 'name.givenName' },
      { op: 'remove', path: 'name.familyName' },
    ],
    { name: undefined },
  ],
  [
    'null for a complex attribute',
    [{ op: 'replace', path: 'name', value: null }],
    { name: undefined },
  ],
  ['"False" (Entra)', [{ op: 'Replace', path: 'active', value: 'False' }], { active: false }],
  ['"False" by add (Entra)', [{ op: 'Add', path: 'active', value: 'False' }], { active: false }],
  [
    '"false" without path (Keycloak)',
    [{ op: 'replace', value: { active: 'false' } }],
    { active: false },
  ],
  ['a password', [{ op: 'replace', path: 'password', value: 'secret' }], {}],
  [
    'a password in a value',
    [{ op: 'replace', value: { password: 'secret', title: 'x' } }],
    { title: 'x' },
  ],
  ['schemas', [{ op: 'add', path: 'schemas', value: [enterprise] }], {}],
  [
    'a manager as text',
    [{ op: 'Add', path: `${enterprise}:manager`, value: 'm2' }],
    extended({ manager: { value: 'm2' } }),
  ],
  [
    'a manager by its short name',
    [{ op: 'Add', path: 'manager', value: 'm2' }],
    extended({ manager: { value: 'm2' } }),
  ],
  [
    'a manager as an array',
    [{ op: 'Add', path: 'manager', value: [{ $ref: '..', value: 'm2' }] }],
    extended({ manager: { value: 'm2' } }),
  ],
  [
    'a manager as an object',
    [{ op: 'Replace', path: 'manager', value: { value: 'm2' } }],
    extended({ manager: { value: 'm2' } }),
  ],
  [
    'a manager by its value',
    [{ op: 'Replace', path: 'manager.value', value: 'm2' }],
    extended({ manager: { value: 'm2' } }),
  ],
  ...[null, '', [], { value: '' }, { value: null }].map(
    (value) =>
      [
        `a manager cleared by ${JSON.stringify(value)}`,
        [{ op: 'Replace', path: `${enterprise}:manager`, value }],
        { [enterprise]: { department: 'Engines' } },
      ] as const,
  ),
  [
    'a manager removed',
    [{ op: 'Remove', path: 'manager' }],
    { [enterprise]: { department: 'Engines' } },
  ],
  [
    'add to a list',
    [{ op: 'add', path: 'emails', value: [mail('n')] }],
    listed(work, home, mail('n')),
  ],
  [
    'add an object to a list',
    [{ op: 'add', path: 'emails', value: mail('n') }],
    listed(work, home, mail('n')),
  ],
  ['add what is there', [{ op: 'add', path: 'emails', value: [home] }], {}],
  ['add null to a list', [{ op: 'add', path: 'emails', value: null }], {}],
  ['add [] to a list', [{ op: 'add', path: 'emails', value: [] }], {}],
  [
    'a new primary value',
    [{ op: 'add', path: 'emails', value: [{ value: 'n', primary: true }] }],
    listed({ value: 'ada@work.test', type: 'work' }, home, { value: 'n', primary: true }),
  ],
  [
    'another value becomes primary',
    [{ op: 'replace', path: 'emails[type eq "home"].primary', value: 'True' }],
    listed({ value: 'ada@work.test', type: 'work' }, { ...home, primary: true }),
  ],
  [
    'what is there, but now primary',
    [{ op: 'add', path: 'emails', value: [{ ...home, primary: true }] }],
    listed({ value: 'ada@work.test', type: 'work' }, { ...home, primary: true }),
  ],
  [
    'what is there, primary or not',
    [{ op: 'add', path: 'emails', value: [{ value: 'ada@work.test', type: 'work' }] }],
    {},
  ],
  [
    'an element by filter',
    [{ op: 'replace', path: 'emails[type eq "work"].value', value: 'n' }],
    listed({ ...work, value: 'n' }, home),
  ],
  [
    'an element by a quoted boolean',
    [{ op: 'Replace', path: 'emails[primary eq "True"].value', value: 'n' }],
    listed({ ...work, value: 'n' }, home),
  ],
  [
    'an element by two conditions',
    [{ op: 'replace', path: 'emails[type eq "home" and value co "HOME"].value', value: 'n' }],
    listed(work, { ...home, value: 'n' }),
  ],
  [
    'a whole element',
    [{ op: 'replace', path: 'emails[type eq "home"]', value: { value: 'n' } }],
    listed(work, { ...home, value: 'n' }),
  ],
  [
    'more of an element',
    [{ op: 'add', path: 'emails[type eq "home"]', value: { display: 'd' } }],
    listed(work, { ...home, display: 'd' }),
  ],
  [
    'all elements',
    [{ op: 'replace', path: 'emails.display', value: 'd' }],
    listed({ ...work, display: 'd' }, { ...home, display: 'd' }),
  ],
  [
    'the first of all elements',
    [{ op: 'add', path: 'phoneNumbers.value', value: '1' }],
    { phoneNumbers: [{ value: '1' }] },
  ],
  [
    'no such element: created',
    [{ op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '1' }],
    { phoneNumbers: [{ value: '1', type: 'mobile' }] },
  ],
  [
    'no such element by replace',
    [{ op: 'Replace', path: 'emails[type eq "other"].value', value: 'n' }],
    listed(work, home, { value: 'n', type: 'other' }),
  ],
  [
    'no such primary element',
    [{ op: 'Add', path: 'roles[primary eq "True"].value', value: 'r' }],
    { roles: [{ value: 'r', primary: true }] },
  ],
  [
    'an element created twice',
    Array(2).fill({ op: 'Add', path: 'emails[type eq "other"].value', value: 'n' }),
    listed(work, home, { value: 'n', type: 'other' }),
  ],
  [
    'two parts of a new element',
    [
      { op: 'Add', path: 'addresses[type eq "work"].locality', value: 'L' },
      { op: 'Add', path: 'addresses[type eq "work"].country', value: 'GB' },
    ],
    { addresses: [{ locality: 'L', country: 'GB', type: 'work' }] },
  ],
  ['an element removed', [{ op: 'remove', path: 'emails[type eq "work"]' }], listed(home)],
  [
    'the value of an element removed',
    [{ op: 'Remove', path: 'emails[type eq "work"].value' }],
    listed(home),
  ],
  [
    'the value of an element set to null',
    [{ op: 'Replace', path: 'emails[type eq "home"].value', value: null }],
    listed(work),
  ],
  [
    'null for no such element',
    [{ op: 'Replace', path: 'emails[type eq "other"].value', value: null }],
    {},
  ],
  ['no such element to remove', [{ op: 'remove', path: 'emails[type eq "other"]' }], {}],
  ['no such list to remove from', [{ op: 'remove', path: 'roles[value eq "x"]' }], {}],
  [
    'only listed elements removed',
    [{ op: 'Remove', path: 'emails', value: [{ value: 'ada@home.test' }] }],
    listed(work),
  ],
  ['an empty list of elements removed', [{ op: 'Remove', path: 'emails', value: [] }], {}],
  [
    'in the order given',
    [
      { op: 'remove', path: 'emails' },
      { op: 'add', path: 'emails', value: [mail('a')] },
      { op: 'replace', path: 'emails[value eq "a"].value', value: 'b' },
    ],
    listed(mail('b')),
  ],
  [
    'back to what it was',
    [
      { op: 'replace', path: 'active', value: false },
      { op: 'replace', path: 'active', value: true },
    ],
    {},
  ],
];

for (const [name, operations, changes] of rows) {
  test(`PATCH: ${name}`, () => {
    const before = JSON.stringify(ada);
    const patched = patchUser(operations);
    assert.deepEqual(plain(patched), JSON.parse(JSON.stringify({ ...ada, ...changes })));
    assert.equal(JSON.stringify(ada), before, 'the document itself must stay as it is');
  });
}

const refused: readonly (readonly [name: string, operation: unknown, problem: ProblemName])[] = [
  ['no op', { path: 'title', value: 'x' }, 'invalidSyntax'],
  ['an unknown op', { op: 'move', path: 'title', value: 'x' }, 'invalidSyntax'],
  ['an operation that is text', 'add', 'invalidSyntax'],
  ['an operation that is null', null, 'invalidSyntax'],
  ['a path that is a number', { op: 'add', path: 1, value: 'x' }, 'invalidPath'],
  ['a path to nothing', { op: 'add', path: 'nothingHere', value: 'x' }, 'invalidPath'],
  ['a path that does not parse', { op: 'add', path: 'a b', value: 'x' }, 'invalidPath'],
  ['an open bracket', { op: 'remove', path: 'emails[type eq "x"' }, 'invalidPath'],
  ['an index', { op: 'remove', path: 'emails[0]' }, 'invalidPath'],
  ['a slash', { op: 'remove', path: '/emails' }, 'invalidPath'],
  ['a filter on a single value', { op: 'remove', path: 'name[givenName eq "x"]' }, 'invalidPath'],
  ['an unknown sub-attribute', { op: 'remove', path: 'emails[type eq "x"].size' }, 'invalidPath'],
  ['text behind the path', { op: 'remove', path: 'emails[type eq "x"].value x' }, 'invalidPath'],
  ['a long path', { op: 'remove', path: `emails[type eq "${'x'.repeat(9000)}"]` }, 'invalidPath'],
  ['20,000 brackets', { op: 'remove', path: `emails[${'('.repeat(20_000)}` }, 'invalidPath'],
  ['60 brackets', { op: 'remove', path: `emails[${'('.repeat(60)}` }, 'invalidPath'],
  ['__proto__', { op: 'add', path: '__proto__.x', value: 'x' }, 'invalidPath'],
  [
    'constructor.prototype',
    { op: 'add', path: 'constructor.prototype', value: 'x' },
    'invalidPath',
  ],
  ['name.__proto__', { op: 'add', path: 'name.__proto__', value: 'x' }, 'invalidPath'],
  [
    'an unknown attribute in the filter',
    { op: 'remove', path: 'emails[size eq 1]' },
    'invalidFilter',
  ],
  [
    'a comparison that makes no sense',
    { op: 'remove', path: 'emails[primary gt true]' },
    'invalidFilter',
  ],
  ['remove without path', { op: 'remove' }, 'noTarget'],
  ['remove with a value only', { op: 'remove', value: { title: 'x' } }, 'noTarget'],
  [
    'no match, not by type',
    { op: 'replace', path: 'emails[value eq "x"].display', value: 'd' },
    'noTarget',
  ],
  [
    'no match, not an equality',
    { op: 'replace', path: 'emails[type sw "x"].value', value: 'd' },
    'noTarget',
  ],
  [
    'no match, not a comparison',
    { op: 'add', path: 'roles[not (type eq "x")].value', value: 'd' },
    'noTarget',
  ],
  ['add without value', { op: 'add', path: 'title' }, 'invalidValue'],
  ['no path, text', { op: 'add', value: 'x' }, 'invalidValue'],
  ['no path, an array', { op: 'add', value: [{ title: 'x' }] }, 'invalidValue'],
  ['a number for text', { op: 'add', path: 'title', value: 5 }, 'invalidValue'],
  ['text for a boolean', { op: 'add', path: 'active', value: 'yes' }, 'invalidValue'],
  ['text for an object', { op: 'add', path: 'name', value: 'Ada' }, 'invalidValue'],
  [
    'two primary values',
    {
      op: 'add',
      path: 'emails',
      value: [
        { value: 'a', primary: true },
        { value: 'b', primary: true },
      ],
    },
    'invalidValue',
  ],
  ['a blank userName', { op: 'replace', path: 'userName', value: ' ' }, 'invalidValue'],
  ['a misspelt key', { op: 'add', value: { dispalyName: 'x' } }, 'invalidSyntax'],
  ['a required attribute removed', { op: 'remove', path: 'userName' }, 'mutability'],
  [
    'a required attribute unassigned',
    { op: 'replace', path: 'userName', value: null },
    'mutability',
  ],
  [
    'a required attribute unassigned without path',
    { op: 'replace', value: { userName: null } },
    'mutability',
  ],
  ['the id', { op: 'replace', path: 'id', value: 'u1' }, 'mutability'],
  ['another id in a value', { op: 'replace', value: { id: 'u2' } }, 'mutability'],
  ['meta', { op: 'replace', path: 'meta.created', value: '2026-01-01T00:00:00Z' }, 'mutability'],
  ['groups', { op: 'add', path: 'groups', value: [{ value: 'g' }] }, 'mutability'],
  ['groups by filter', { op: 'remove', path: 'groups[value eq "g"]' }, 'mutability'],
  ["a manager's name", { op: 'replace', path: 'manager.displayName', value: 'x' }, 'mutability'],
];

for (const [name, operation, problem] of refused) {
  test(`PATCH refuses ${name}`, () => {
    assert.equal(answerOf(() => patchUser([operation])).problem, problem);
  });
}

test('a later operation that is refused leaves the document as it was', () => {
  const before = JSON.stringify(ada);
  const operations = [
    { op: 'replace', path: 'emails[type eq "work"].value', value: 'n' },
    { op: 'replace', path: `${enterprise}:manager`, value: 'm2' },
    { op: 'replace', path: 'emails[value eq "gone"].display', value: 'd' },
  ];
  assert.equal(answerOf(() => patchUser(operations)).problem, 'noTarget');
  assert.equal(JSON.stringify(ada), before);
});

const bodies: readonly (readonly [name: string, body: unknown, problem: ProblemName])[] = [
  ['null', null, 'invalidSyntax'],
  ['an array', [], 'invalidSyntax'],
  ['no operations', { schemas: [messages] }, 'invalidSyntax'],
  ['an empty list of operations', { schemas: [messages], Operations: [] }, 'invalidSyntax'],
  ['operations that are an object', { schemas: [messages], Operations: {} }, 'invalidSyntax'],
  [
    'another message',
    { schemas: ['urn:x'], Operations: [{ op: 'remove', path: 'title' }] },
    'invalidSyntax',
  ],
  [
    '1,001 operations',
    { schemas: [messages], Operations: Array(1001).fill({ op: 'remove', path: 'title' }) },
    'tooLarge',
  ],
];

for (const [name, body, problem] of bodies) {
  test(`parsePatch refuses ${name}`, () => {
    assert.equal(answerOf(() => parsePatch(USER, body, { strict: false })).problem, problem);
  });
}

const strictRows: readonly (readonly [name: string, operation: Json, problem: ProblemName])[] = [
  ['no path', { op: 'replace', value: { active: false } }, 'invalidSyntax'],
  [
    'a filter without sub-attribute',
    { op: 'remove', path: 'emails[type eq "work"]' },
    'invalidPath',
  ],
  ['an unknown schema', { op: 'add', path: 'urn:example:2.0:User:tag', value: 'x' }, 'invalidPath'],
  [
    'a filter that matches nothing',
    { op: 'add', path: 'roles[type eq "x"].value', value: 'r' },
    'noTarget',
  ],
  ['a quoted boolean', { op: 'replace', path: 'active', value: 'False' }, 'invalidValue'],
];

for (const [name, operation, problem] of strictRows) {
  test(`strict PATCH refuses ${name}`, () => {
    assert.equal(answerOf(() => patchUser([operation], true)).problem, problem);
  });
}

test('strict PATCH replaces a complex attribute whole, and adds to it', () => {
  const replaced = patchUser([{ op: 'replace', path: 'name', value: { givenName: 'B' } }], true);
  assert.deepEqual(plain(replaced)['name'], { givenName: 'B' });
  const added = patchUser([{ op: 'add', path: 'name', value: { givenName: 'B' } }], true);
  assert.deepEqual(plain(added)['name'], { givenName: 'B', familyName: 'L' });
});

test('a long list can not be gone through a thousand times', () => {
  const value = Array.from({ length: 1000 }, (_, place) => ({ value: `v${place}` }));
  const fill = { op: 'replace', path: 'emails', value };
  const change = { op: 'replace', path: 'emails[value eq "v1"].display', value: 'd' };
  const removal = { op: 'remove', path: 'emails', value };
  assert.equal(answerOf(() => patchUser([fill, ...Array(500).fill(change)])).problem, 'tooLarge');
  assert.equal(answerOf(() => patchUser([fill, removal])).problem, 'tooLarge');
  const few = { op: 'remove', path: 'emails', value: value.slice(100, 200) };
  assert.equal(JSON.stringify(patchUser([fill, few])['emails']).split('{').length - 1, 900);
});

test('a list has a thousand values at most', () => {
  const value = Array.from({ length: 999 }, (_, place) => ({ value: `v${place}` }));
  const add = { op: 'add', path: 'emails', value };
  assert.equal(answerOf(() => patchUser([add])).problem, 'invalidValue');
});

test('the displayName of a group can be changed, with its id, but not removed', () => {
  const group: Document = { schemas: ['x'], displayName: 'A', id: 'g1' };
  const rename = { op: 'replace', value: { id: 'g1', displayName: 'B' } };
  const policy = { strict: false };
  const operations = parsePatch(GROUP, body([rename]), policy);
  assert.equal(applyPatch(GROUP, group, operations, policy).document['displayName'], 'B');
  const removal = { op: 'remove', path: 'displayName' };
  assert.equal(answerOf(() => parsePatch(GROUP, body([removal]), policy)).problem, 'mutability');
});

function patchUser(operations: readonly unknown[], strict = false): Document {
  // As the directory reads it from the store.
  const stored: Document = JSON.parse(JSON.stringify(ada));
  deepFreeze(stored);
  const parsed = parsePatch(USER, body(operations), { strict });
  return JSON.parse(
    JSON.stringify(applyPatch(USER, stored, parsed, { strict }).document),
    (_, value) =>
      typeof value === 'object' && !Array.isArray(value)
        ? Object.assign(Object.create(null), value)
        : value,
  );
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) deepFreeze(inner);
  Object.freeze(value);
}

function body(operations: readonly unknown[]): Json {
  return { schemas: [messages], Operations: operations };
}

function named(parts: Json): Json {
  return { name: { ...ada.name, ...parts } };
}

function extended(parts: Json): Json {
  return { [enterprise]: { department: 'Engines', manager: { value: 'm1' }, ...parts } };
}

function listed(...emails: readonly unknown[]): Json {
  return { emails };
}

function mail(value: string): Json {
  return { value };
}
