import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAttributeName } from '#scim/attribute-name.ts';

const readable = [
  { text: 'userName', urn: undefined, name: 'userName', sub: undefined },
  { text: 'name.givenName', urn: undefined, name: 'name', sub: 'givenName' },
  { text: 'members.$ref', urn: undefined, name: 'members', sub: '$ref' },
  {
    text: 'urn:ietf:params:scim:schemas:core:2.0:User:name.givenName',
    urn: 'urn:ietf:params:scim:schemas:core:2.0:User',
    name: 'name',
    sub: 'givenName',
  },
  {
    text: 'URN:ietf:params:scim:schemas:extension:enterprise:2.0:User',
    urn: 'URN:ietf:params:scim:schemas:extension:enterprise:2.0',
    name: 'User',
    sub: undefined,
  },
];
for (const { text, ...expected } of readable) {
  test(`reads ${text}`, () => assert.deepEqual(parseAttributeName(text), expected));
}

const unreadable = [
  '',
  '.',
  'a.',
  '.a',
  ':a',
  'a:',
  '1a',
  'a b',
  'a.b.c',
  'a$b',
  'emails[',
  'ä',
  '__proto__',
];
for (const text of unreadable) {
  test(`refuses '${text}'`, () => assert.equal(parseAttributeName(text), undefined));
}
