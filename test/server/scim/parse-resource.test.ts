import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '#scim/nearest.ts';
import { parseResource } from '#scim/parse-resource.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { answerOf, plain } from './plain.ts';

const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
const coreGroup = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const tolerant = { strict: false };
const strict = { strict: true };

interface Accepted {
  rule: string;
  type?: ResourceType;
  body: object;
  keeps: object;
}

const accepted: Accepted[] = [
  {
    rule: 'names in any letter case',
    body: { USERNAME: 'ada', Name: { GIVENNAME: 'Ada' } },
    keeps: { userName: 'ada', name: { givenName: 'Ada' } },
  },
  {
    rule: 'null and empty arrays are unassigned',
    body: { userName: 'ada', title: null, roles: [], name: null, emails: null },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'null sub-attributes are unassigned, and so is what holds nothing else',
    body: {
      userName: 'ada',
      name: { givenName: null },
      phoneNumbers: [{ type: 'work', primary: true, value: null }, null],
    },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'a password is dropped, whatever its type',
    body: { userName: 'ada', password: 's3cret' },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'what is readOnly is ignored, whatever its type',
    body: { userName: 'ada', id: 7, meta: 'x', groups: [{ value: 'g' }] },
    keeps: { userName: 'ada' },
  },
  {
    rule: '$ref is not kept',
    body: { userName: 'ada', manager: { value: 'm', $ref: '../Users/m', displayName: 'M' } },
    keeps: { userName: 'ada', [enterprise]: { manager: { value: 'm' } } },
  },
  {
    rule: 'unknown attributes are ignored',
    body: { userName: 'ada', shoeSize: 43, name: { nickname: 'A' }, 'urn:example:x': { a: 1 } },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'short unknown names are no slips',
    body: { userName: 'ada', nam: 'x' },
    keeps: { userName: 'ada' },
  },
  {
    rule: "another type's attribute is no slip of this one's",
    body: { userName: 'ada', member: null, display: 'x', value: 'y' },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'a misspelt attribute without a value does no harm',
    body: { userName: 'ada', dispalyName: null },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'an element is kept once',
    body: {
      userName: 'ada',
      emails: [
        { value: 'a@x.test', type: 'work' },
        { TYPE: 'work', value: 'a@x.test' },
        { value: 'a@x.test' },
      ],
    },
    keeps: {
      userName: 'ada',
      emails: [{ value: 'a@x.test', type: 'work' }, { value: 'a@x.test' }],
    },
  },
  {
    rule: 'one primary value may stand',
    body: {
      userName: 'ada',
      emails: [
        { value: 'a', primary: true },
        { value: 'b', primary: false },
      ],
    },
    keeps: {
      userName: 'ada',
      emails: [
        { value: 'a', primary: true },
        { value: 'b', primary: false },
      ],
    },
  },
  {
    rule: 'an empty externalId is none',
    body: { userName: 'ada', externalId: '' },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'schemas follow the content, not the body',
    body: { schemas: [core, enterprise], userName: 'ada', [enterprise]: {} },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'the extension is named in schemas when it is there',
    body: { userName: 'ada', [enterprise.toLowerCase()]: { Department: 'R' } },
    keeps: { userName: 'ada', [enterprise]: { department: 'R' } },
  },
  {
    rule: 'schemas may name URNs that are not known',
    body: { schemas: ['urn:example:x', enterprise, core], userName: 'ada' },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'text outside the BMP is text',
    body: { userName: 'ada\u{1F600}' },
    keeps: { userName: 'ada\u{1F600}' },
  },
];

for (const { rule, type = USER, body, keeps } of accepted) {
  test(`parseResource: ${rule}`, () => {
    const { schemas, ...rest } = plain(parseResource(type, body, tolerant).document);
    assert.deepEqual(rest, keeps);
    const extension = enterprise in keeps ? [enterprise] : [];
    assert.deepEqual(schemas, [type.schema.id, ...extension]);
  });
}

interface Refused {
  rule: string;
  type?: ResourceType;
  body: unknown;
  answers: string;
  says?: RegExp;
}

const deep: unknown = JSON.parse(`${'['.repeat(20)}${']'.repeat(20)}`);
const refused: Refused[] = [
  { rule: 'a body that is no object', body: ['ada'], answers: 'invalidSyntax' },
  { rule: 'no body', body: undefined, answers: 'invalidSyntax' },
  {
    rule: 'no userName',
    body: { displayName: 'Ada' },
    answers: 'invalidValue',
    says: /userName is required/,
  },
  {
    rule: 'a blank userName',
    body: { userName: ' \t' },
    answers: 'invalidValue',
    says: /userName/,
  },
  {
    rule: 'a group without displayName',
    type: GROUP,
    body: { displayName: null },
    answers: 'invalidValue',
    says: /displayName is required/,
  },
  {
    rule: 'one name in two letter cases',
    body: { userName: 'a', username: 'b' },
    answers: 'invalidSyntax',
    says: /userName came twice/,
  },
  {
    rule: 'one name in two letter cases, none of them ours',
    body: { username: 'a', USERNAME: null },
    answers: 'invalidSyntax',
  },
  {
    rule: 'one sub-attribute twice',
    body: { userName: 'a', name: { givenName: 'a', givenname: 'b' } },
    answers: 'invalidSyntax',
    says: /name\.givenName/,
  },
  {
    rule: 'an extension attribute bare and with its URN',
    body: { userName: 'a', manager: 'm', [enterprise]: { manager: 'n' } },
    answers: 'invalidSyntax',
    says: /manager came twice/,
  },
  {
    rule: 'a misspelt attribute',
    body: { userName: 'a', dispalyName: 'A' },
    answers: 'invalidSyntax',
    says: /"dispalyName".*Did you mean displayName/,
  },
  {
    rule: 'a misspelt bare extension attribute',
    body: { userName: 'a', departmnet: 'A' },
    answers: 'invalidSyntax',
    says: /mean department/,
  },
  {
    rule: 'a misspelt sub-attribute',
    body: { userName: 'a', name: { givenNam: 'A' } },
    answers: 'invalidSyntax',
    says: /"name\.givenNam".*mean givenName/,
  },
  {
    rule: 'a number for a string',
    body: { userName: 7 },
    answers: 'invalidValue',
    says: /userName must be a string, but a number came/,
  },
  {
    rule: 'an object for a string',
    body: { userName: 'a', title: {} },
    answers: 'invalidValue',
    says: /title must be a string, but an object came/,
  },
  {
    rule: 'an array for a string',
    body: { userName: ['a'] },
    answers: 'invalidValue',
    says: /an array came/,
  },
  {
    rule: 'a string for an object',
    body: { userName: 'a', name: 'Ada' },
    answers: 'invalidValue',
    says: /name must be an object, but a string came/,
  },
  {
    rule: 'a string that is no boolean',
    body: { userName: 'a', active: 'yes' },
    answers: 'invalidValue',
    says: /active must be true or false/,
  },
  { rule: 'a number for a boolean', body: { userName: 'a', active: 1 }, answers: 'invalidValue' },
  {
    rule: 'a number for an array',
    body: { userName: 'a', emails: 7 },
    answers: 'invalidValue',
    says: /emails must be an array/,
  },
  {
    rule: 'a wrong type inside an array',
    body: { userName: 'a', emails: [{ value: 'x' }, { value: 7 }] },
    answers: 'invalidValue',
    says: /emails\[1\]\.value/,
  },
  {
    rule: 'an array inside an array',
    body: { userName: 'a', emails: [[{ value: 'x' }]] },
    answers: 'invalidValue',
  },
  {
    rule: 'an object deeper than the schema',
    body: { userName: 'a', name: { givenName: { first: 'A' } } },
    answers: 'invalidValue',
    says: /name\.givenName/,
  },
  {
    rule: 'an extension that is no object',
    body: { userName: 'a', [enterprise]: 'x' },
    answers: 'invalidValue',
    says: /enterprise/,
  },
  {
    rule: 'a wrong type in an extension',
    body: { userName: 'a', [enterprise]: { department: 7 } },
    answers: 'invalidValue',
    says: /User:department must/,
  },
  {
    rule: 'a bare attribute beside an extension that is no object',
    body: { userName: 'a', department: 'R', [enterprise]: 'x' },
    answers: 'invalidValue',
  },
  {
    rule: 'two managers',
    body: { userName: 'a', manager: [{ value: 'm' }, { value: 'n' }] },
    answers: 'invalidValue',
  },
  {
    rule: 'two primary values',
    body: {
      userName: 'a',
      emails: [
        { value: 'x', primary: true },
        { value: 'y', primary: 'true' },
      ],
    },
    answers: 'invalidValue',
    says: /emails has 2 primary/,
  },
  { rule: 'U+0000', body: { userName: 'a\0' }, answers: 'invalidValue', says: /U\+0000/ },
  {
    rule: 'half a surrogate pair',
    body: { userName: 'a', title: '\uD83D' },
    answers: 'invalidValue',
    says: /surrogate/,
  },
  {
    rule: 'a long indexed text',
    body: { userName: 'a'.repeat(1_025) },
    answers: 'invalidValue',
    says: /1025 characters; at most 1024/,
  },
  {
    rule: 'a long e-mail address',
    body: { userName: 'a', emails: [{ value: 'a'.repeat(1_025) }] },
    answers: 'invalidValue',
  },
  {
    rule: 'a long text',
    body: { userName: 'a', title: 'a'.repeat(65_537) },
    answers: 'invalidValue',
  },
  {
    rule: 'a certificate that is not base64',
    body: { userName: 'a', x509Certificates: [{ value: 'ä' }] },
    answers: 'invalidValue',
    says: /base64/,
  },
  {
    rule: 'too many values',
    body: { userName: 'a', emails: Array(1_001).fill({ value: 'x' }) },
    answers: 'invalidValue',
    says: /1001 values/,
  },
  {
    rule: 'too many attributes',
    body: {
      userName: 'a',
      ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x${i}`, i])),
    },
    answers: 'invalidSyntax',
  },
  {
    rule: 'JSON more than 20 deep, also where it is ignored',
    body: { userName: 'a', whatever: deep },
    answers: 'invalidSyntax',
    says: /20 deep/,
  },
  {
    rule: 'schemas of the wrong type',
    body: { schemas: { core }, userName: 'a' },
    answers: 'invalidValue',
    says: /schemas must be/,
  },
  {
    rule: 'a group at the endpoint of users',
    body: { schemas: [coreGroup], userName: 'a' },
    answers: 'invalidValue',
    says: /Send it to \/Groups/,
  },
];
for (const { rule, type = USER, body, answers, says = /./ } of refused) {
  test(`parseResource refuses ${rule}`, () => {
    const error = answerOf(() => parseResource(type, body, tolerant));
    assert.equal(error.problem, answers);
    assert.match(error.message, says);
  });
}

test('parseResource does not repeat a long unknown name', () => {
  const error = answerOf(() =>
    parseResource(USER, { ['x'.repeat(1e5)]: 1, schemas: [core] }, strict),
  );
  assert(error.message.length < 200);
});

test('no attribute has a name that is a slip of another one', () => {
  const names = new Set(
    [USER, GROUP].flatMap(({ schema, extensions }) =>
      [schema, ...extensions].flatMap(({ attributes }) =>
        attributes.flatMap(({ name, subAttributes }) => [
          name,
          ...subAttributes.map((s) => s.name),
        ]),
      ),
    ),
  );
  for (const name of names)
    assert.equal(name.length < 5 ? undefined : nearest(name, names), undefined);
});
