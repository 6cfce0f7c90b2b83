import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAttributeName } from '#scim/attribute-name.ts';
import type { Attribute } from '#scim/schema/attribute.ts';
import { resolveAttribute } from '#scim/schema/lookup.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';

const rows: { type?: typeof GROUP; name: string; has: Partial<Attribute> }[] = [
  { name: 'userName', has: { required: true, caseExact: false, uniqueness: 'server' } },
  { name: 'externalId', has: { caseExact: true, mutability: 'readWrite' } },
  { name: 'id', has: { caseExact: true, mutability: 'readOnly', returned: 'always' } },
  { name: 'password', has: { mutability: 'writeOnly', returned: 'never' } },
  { name: 'groups', has: { mutability: 'readOnly', multiValued: true } },
  { name: 'active', has: { type: 'boolean' } },
  { name: 'emails.type', has: { canonicalValues: ['work', 'home', 'other'] } },
  { name: 'x509Certificates.value', has: { type: 'binary', caseExact: true } },
  { name: 'photos.value', has: { type: 'reference', referenceTypes: ['external'] } },
  { name: 'manager.displayName', has: { mutability: 'readOnly' } },
  { type: GROUP, name: 'displayName', has: { required: true, uniqueness: 'server' } },
  { type: GROUP, name: 'members.value', has: { mutability: 'immutable' } },
  { type: GROUP, name: 'members.type', has: { canonicalValues: ['User'] } },
];
for (const { type = USER, name, has } of rows) {
  test(`${type.name}.${name} has the characteristics of RFC 7643`, () => {
    const parsed = parseAttributeName(name);
    assert(parsed !== undefined);
    const found = resolveAttribute(type, parsed);
    const attribute = found?.sub ?? found?.attribute;
    assert(attribute !== undefined);
    assert.deepEqual({ ...attribute, ...has }, attribute);
  });
}

const userAttributes =
  'userName name displayName nickName profileUrl title userType preferredLanguage locale timezone ' +
  'active password emails phoneNumbers ims photos addresses groups entitlements roles x509Certificates';

test('the User schema has every attribute of RFC 7643 §4.1', () => {
  assert.equal(USER.schema.attributes.map((attribute) => attribute.name).join(' '), userAttributes);
});
