import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Document } from '#scim/document.ts';
import { parseProjection } from '#scim/projection.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { answerOf } from './plain.ts';

const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const user: Document = {
  schemas: [core, enterprise],
  id: 'i',
  userName: 'ada',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  emails: [{ value: 'a@x.test', type: 'work' }, { value: 'b@x.test' }],
  [enterprise]: { department: 'R', manager: { value: 'm', $ref: '/Users/m' } },
  groups: [{ value: 'g' }],
  meta: { version: 'W/"1"', resourceType: 'User' },
};
const { schemas, id } = user;

const shown = [
  { rule: 'a name', list: 'userName', shows: { userName: 'ada' } },
  {
    rule: 'a list with spaces and another letter case',
    list: ' USERNAME , groups',
    shows: { userName: 'ada', groups: [{ value: 'g' }] },
  },
  { rule: 'a sub-attribute', list: 'name.givenName', shows: { name: { givenName: 'Ada' } } },
  {
    rule: 'a sub-attribute of each value; values without it are left out',
    list: 'emails.type',
    shows: { emails: [{ type: 'work' }] },
  },
  { rule: 'an attribute and its part', list: 'name.givenName,name', shows: { name: user['name'] } },
  {
    rule: 'an attribute after its part',
    list: 'name,name.givenName',
    shows: { name: user['name'] },
  },
  { rule: 'two parts', list: 'name.givenName,name.familyName', shows: { name: user['name'] } },
  {
    rule: 'a core attribute by its URN',
    list: `${core}:emails.value`,
    shows: { emails: [{ value: 'a@x.test' }, { value: 'b@x.test' }] },
  },
  {
    rule: 'an extension attribute',
    list: `${enterprise}:department`,
    shows: { [enterprise]: { department: 'R' } },
  },
  {
    rule: 'a part of an extension attribute',
    list: `${enterprise}:manager.value`,
    shows: { [enterprise]: { manager: { value: 'm' } } },
  },
  {
    rule: 'an extension attribute named bare',
    list: 'department',
    shows: { [enterprise]: { department: 'R' } },
  },
  { rule: 'an extension as a whole', list: enterprise, shows: { [enterprise]: user[enterprise] } },
  { rule: 'a part of meta', list: 'meta.version', shows: { meta: { version: 'W/"1"' } } },
  { rule: 'only id and schemas when no name exists', list: 'shoeSize,__proto__,,a b', shows: {} },
];
for (const { rule, list, shows } of shown) {
  test(`attributes: ${rule}`, () => {
    assert.deepEqual(answered(list, undefined), { schemas, id, ...shows });
  });
}

const hidden = [
  { rule: 'a name', list: 'NAME', hides: ['name'] },
  { rule: 'a list', list: 'groups,meta', hides: ['groups', 'meta'] },
  { rule: 'not id and schemas', list: 'id,schemas', hides: [] },
  { rule: 'nothing when no name exists', list: 'shoeSize', hides: [] },
  { rule: 'an extension as a whole', list: enterprise, hides: [enterprise] },
  {
    rule: 'an attribute whose every part is hidden',
    list: 'name.givenName,name.familyName',
    hides: ['name'],
  },
];
for (const { rule, list, hides } of hidden) {
  test(`excludedAttributes: ${rule}`, () => {
    const left = Object.entries(user).filter(([name]) => !hides.includes(name));
    assert.deepEqual(answered(undefined, list), Object.fromEntries(left));
  });
}

test('excludedAttributes: sub-attributes, also of values and extensions', () => {
  const list = `name.familyName,emails.type,${enterprise}:manager.$ref`;
  assert.deepEqual(answered(undefined, list), {
    ...user,
    name: { givenName: 'Ada' },
    emails: [{ value: 'a@x.test' }, { value: 'b@x.test' }],
    [enterprise]: { department: 'R', manager: { value: 'm' } },
  });
});

const wanted = [
  { attributes: 'id', wants: false },
  { attributes: 'members', wants: true },
  { attributes: 'Members.value', wants: true },
  { excludedAttributes: 'members', wants: false },
  { excludedAttributes: 'members.display', wants: true },
  { excludedAttributes: 'members.$ref', wants: true },
  { excludedAttributes: 'displayName', wants: true },
];
for (const { attributes, excludedAttributes, wants } of wanted) {
  const asked = attributes === undefined ? `all but ${excludedAttributes}` : attributes;
  test(`members are ${wants ? '' : 'not '}loaded for ${asked}`, () => {
    assert.equal(parseProjection(GROUP, attributes, excludedAttributes)?.wants('members'), wants);
  });
}

test('without the parameters, or with empty ones, there is no projection', () => {
  assert.equal(parseProjection(USER, undefined, undefined), undefined);
  assert.equal(parseProjection(USER, '', ' '), undefined);
});

test('both parameters are refused', () => {
  const error = answerOf(() => parseProjection(USER, 'id', 'groups'));
  assert.equal(error.problem, 'invalidValue');
});

test('the resource that is projected stays as it is', () => {
  const before = JSON.stringify(user);
  parseProjection(USER, undefined, 'name.givenName,emails.type')?.apply(user);
  assert.equal(JSON.stringify(user), before);
});

/** What a client gets to read of the user. */
function answered(attributes: string | undefined, excludedAttributes: string | undefined): unknown {
  const projection = parseProjection(USER, attributes, excludedAttributes);
  assert(projection !== undefined);
  return JSON.parse(JSON.stringify(projection.apply(user)));
}
