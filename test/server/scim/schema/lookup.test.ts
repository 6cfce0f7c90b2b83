import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAttributeName } from '#scim/attribute-name.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { resolveAttribute } from '#scim/schema/lookup.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const rows = [
  { rule: 'a core attribute', text: 'userName', found: 'userName' },
  { rule: 'a core attribute in any case', text: 'USERNAME', found: 'userName' },
  { rule: 'a sub-attribute in any case', text: 'Name.GIVENNAME', found: 'name.givenName' },
  { rule: 'a common attribute', text: 'externalid', found: 'externalId' },
  { rule: 'a sub-attribute of meta', text: 'meta.lastmodified', found: 'meta.lastModified' },
  { rule: 'schemas', text: 'schemas', found: 'schemas' },
  {
    rule: 'a core attribute by its URN',
    text: 'urn:ietf:params:scim:schemas:core:2.0:User:emails.value',
    found: 'emails.value',
  },
  {
    rule: 'an extension attribute by its URN in any case',
    text: `${enterprise.toUpperCase()}:manager.value`,
    found: `${enterprise}:manager.value`,
  },
  {
    rule: 'an extension attribute without the URN, as Entra names manager',
    text: 'manager',
    found: `${enterprise}:manager`,
  },
  { rule: 'an extension as a whole', text: enterprise, found: enterprise },
  {
    rule: 'an attribute after a dot behind the extension',
    text: `${enterprise}.department`,
    found: `${enterprise}:department`,
  },
  {
    rule: 'an attribute of a group',
    type: GROUP,
    text: 'displayName',
    found: 'displayName',
  },
  { rule: 'no enterprise attribute of a group', type: GROUP, text: 'manager', found: undefined },
  { rule: 'no unknown attribute', text: 'shoeSize', found: undefined },
  { rule: 'no unknown sub-attribute', text: 'name.nickName', found: undefined },
  { rule: 'no sub-attribute of a simple attribute', text: 'userName.value', found: undefined },
  { rule: 'no attribute of an unknown URN', text: 'urn:example:User:userName', found: undefined },
  { rule: 'nothing that objects inherit', text: 'constructor', found: undefined },
];
for (const { rule, type, text, found } of rows) {
  test(`resolveAttribute finds ${rule}`, () => assert.equal(resolved(type ?? USER, text), found));
}

function resolved(type: ResourceType, text: string): string | undefined {
  const name = parseAttributeName(text);
  assert(name !== undefined);
  const found = resolveAttribute(type, name);
  if (found === undefined) return undefined;
  const prefix = found.extension === undefined ? '' : `${found.extension}:`;
  const suffix = found.sub === undefined ? '' : `.${found.sub.name}`;
  return `${prefix}${found.attribute.name}${suffix}`;
}
