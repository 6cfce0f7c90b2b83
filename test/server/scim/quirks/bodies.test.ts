import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResource } from '#scim/parse-resource.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { answerOf, plain } from '../plain.ts';

// What identity providers send beyond RFC 7643, and that strict mode takes none of it.

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
    rule: 'Entra: booleans as strings',
    body: { userName: 'ada', active: 'False', emails: [{ value: 'a', primary: 'TRUE' }] },
    keeps: { userName: 'ada', active: false, emails: [{ value: 'a', primary: true }] },
  },
  {
    rule: 'Entra: the manager as a string without the URN',
    body: { userName: 'ada', manager: 'm' },
    keeps: { userName: 'ada', [enterprise]: { manager: { value: 'm' } } },
  },
  {
    rule: 'Entra: the manager as an array of one',
    body: { userName: 'ada', [enterprise]: { manager: [{ value: 'm' }] } },
    keeps: { userName: 'ada', [enterprise]: { manager: { value: 'm' } } },
  },
  {
    rule: 'Entra: the manager cleared by an empty string',
    body: { userName: 'ada', [enterprise]: { manager: '' } },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'Entra: the manager cleared by an empty value',
    body: { userName: 'ada', manager: { value: '' } },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'Entra: the manager cleared by an empty array',
    body: { userName: 'ada', manager: [] },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'Entra: bare extension attributes join the extension',
    body: { userName: 'ada', EmployeeNumber: '7', [enterprise]: { department: 'R' } },
    keeps: { userName: 'ada', [enterprise]: { employeeNumber: '7', department: 'R' } },
  },
  {
    rule: 'Entra: bare extension attributes join an extension in another letter case',
    body: { userName: 'ada', division: 'D', [enterprise.toLowerCase()]: { department: 'R' } },
    keeps: { userName: 'ada', [enterprise]: { division: 'D', department: 'R' } },
  },
  {
    rule: 'Entra: attributes with their URN in front',
    body: { [`${core}:userName`]: 'ada', [`${enterprise}:department`]: 'R' },
    keeps: { userName: 'ada', [enterprise]: { department: 'R' } },
  },
  {
    rule: 'Entra: nulls, empty roles and both URNs without the extension',
    body: {
      schemas: [core, enterprise],
      userName: 'ada',
      meta: { resourceType: 'User' },
      roles: [],
      name: { formatted: null },
    },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'Entra: the extra URN of groups',
    type: GROUP,
    body: {
      schemas: [
        coreGroup,
        'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
      ],
      displayName: 'g',
      externalId: 'e',
    },
    keeps: { displayName: 'g', externalId: 'e' },
  },
  {
    rule: 'Okta: PUT of what GET gave',
    body: { schemas: [core], id: 'i', userName: 'ada', groups: [], meta: { version: 'W/"1"' } },
    keeps: { userName: 'ada' },
  },
  {
    rule: 'OneLogin: URNs from before RFC 7643',
    body: {
      schemas: ['urn:scim:schemas:core:2.0', 'urn:scim:schemas:extension:enterprise:2.0'],
      userName: 'jo',
      'urn:scim:schemas:extension:enterprise:2.0': { department: 'R' },
    },
    keeps: { userName: 'jo', [enterprise]: { department: 'R' } },
  },
  {
    rule: 'OneLogin: URNs from before RFC 7643 in front of attributes',
    body: {
      'urn:scim:schemas:core:2.0:userName': 'jo',
      'urn:scim:schemas:extension:enterprise:2.0:department': 'R',
    },
    keeps: { userName: 'jo', [enterprise]: { department: 'R' } },
  },
  {
    rule: 'schemas that name both resource types',
    body: { schemas: [coreGroup, core.toUpperCase()], userName: 'jo' },
    keeps: { userName: 'jo' },
  },
  {
    rule: 'OneLogin: the old URN of a group',
    type: GROUP,
    body: { schemas: ['urn:scim:schemas:core:2.0'], displayName: 'g' },
    keeps: { displayName: 'g' },
  },
  {
    rule: 'OneLogin: e-mails as one object',
    body: { userName: 'jo', emails: { value: 'jo@x.test' } },
    keeps: { userName: 'jo', emails: [{ value: 'jo@x.test' }] },
  },
  {
    rule: 'e-mails as one string, or as strings',
    body: { userName: 'jo', emails: 'jo@x.test', roles: ['r'] },
    keeps: { userName: 'jo', emails: [{ value: 'jo@x.test' }], roles: [{ value: 'r' }] },
  },
  {
    rule: 'JumpCloud: extension URN first, id, null e-mails',
    body: {
      schemas: [enterprise, core],
      id: 'j',
      userName: 'jo',
      emails: null,
      photos: [],
      phoneNumbers: [{ type: 'work', value: 'tel:+1-555-0100' }],
      [enterprise]: { costCenter: '1' },
    },
    keeps: {
      userName: 'jo',
      phoneNumbers: [{ type: 'work', value: 'tel:+1-555-0100' }],
      [enterprise]: { costCenter: '1' },
    },
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

const keptInStrict: Accepted[] = [
  {
    rule: 'the URNs of what it holds',
    body: { schemas: [core, enterprise], userName: 'a', [enterprise]: { manager: { value: 'm' } } },
    keeps: { userName: 'a', [enterprise]: { manager: { value: 'm' } } },
  },
  {
    rule: 'an extension named and not there',
    body: { schemas: [core, enterprise], USERNAME: 'a', active: true },
    keeps: { userName: 'a', active: true },
  },
];
for (const { rule, body, keeps } of keptInStrict) {
  test(`strict accepts ${rule}`, () => {
    const { schemas: _, ...rest } = plain(parseResource(USER, body, strict).document);
    assert.deepEqual(rest, keeps);
  });
}

const refusedInStrict: Refused[] = [
  { rule: 'no schemas', body: { userName: 'a' }, answers: 'invalidValue' },
  { rule: 'schemas as a string', body: { schemas: core, userName: 'a' }, answers: 'invalidValue' },
  {
    rule: 'schemas without the core URN',
    body: { schemas: [enterprise], userName: 'a' },
    answers: 'invalidSyntax',
    says: /core/,
  },
  {
    rule: 'an extension not in schemas',
    body: { schemas: [core], userName: 'a', [enterprise]: { department: 'R' } },
    answers: 'invalidSyntax',
    says: /enterprise/,
  },
  {
    rule: 'an unknown URN',
    body: { schemas: [core, 'urn:example:x'], userName: 'a' },
    answers: 'invalidSyntax',
    says: /"urn:example:x"/,
  },
  {
    rule: 'the old URNs',
    body: { schemas: ['urn:scim:schemas:core:2.0'], userName: 'a' },
    answers: 'invalidSyntax',
  },
  {
    rule: 'unknown attributes',
    body: { schemas: [core], userName: 'a', shoeSize: 43 },
    answers: 'invalidSyntax',
    says: /"shoeSize" is not an attribute of User/,
  },
  {
    rule: 'unknown attributes without a value',
    body: { schemas: [core], userName: 'a', shoeSize: null },
    answers: 'invalidSyntax',
  },
  {
    rule: 'bare extension attributes',
    body: { schemas: [core], userName: 'a', manager: { value: 'm' } },
    answers: 'invalidSyntax',
  },
  {
    rule: 'booleans as strings',
    body: { schemas: [core], userName: 'a', active: 'True' },
    answers: 'invalidValue',
  },
  {
    rule: 'one object for an array',
    body: { schemas: [core], userName: 'a', emails: { value: 'x' } },
    answers: 'invalidValue',
  },
  {
    rule: 'strings as elements',
    body: { schemas: [core], userName: 'a', emails: ['x'] },
    answers: 'invalidValue',
  },
  {
    rule: 'a manager as a string',
    body: { schemas: [core, enterprise], userName: 'a', [enterprise]: { manager: 'm' } },
    answers: 'invalidValue',
  },
];
for (const { rule, body, answers, says = /./ } of refusedInStrict) {
  test(`strict refuses ${rule}`, () => {
    const error = answerOf(() => parseResource(USER, body, strict));
    assert.equal(error.problem, answers);
    assert.match(error.message, says);
  });
}
