import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMembers } from '#scim/parse-members.ts';
import { parseResource } from '#scim/parse-resource.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import { answerOf, plain } from './plain.ts';

const tolerant = { strict: false };

const accepted: { rule: string; value: unknown; ids: string[] }[] = [
  { rule: 'null', value: null, ids: [] },
  { rule: 'an empty array', value: [], ids: [] },
  {
    rule: 'objects',
    value: [{ value: 'b', type: 'User', display: 'B' }, { value: 'a' }],
    ids: ['b', 'a'],
  },
  { rule: 'names in any case', value: [{ VALUE: 'a', TYPE: 'user' }], ids: ['a'] },
  { rule: 'a null $ref, as Entra sends it', value: [{ $ref: null, value: 'a' }], ids: ['a'] },
  { rule: 'ids alone', value: ['a', 'b'], ids: ['a', 'b'] },
  { rule: 'one object instead of an array', value: { value: 'a' }, ids: ['a'] },
  { rule: 'one id twice', value: ['a', { value: 'b' }, { value: 'a' }], ids: ['a', 'b'] },
  { rule: 'ids that differ in case', value: ['a', 'A'], ids: ['a', 'A'] },
];
for (const { rule, value, ids } of accepted) {
  test(`parseMembers takes ${rule}`, () => {
    assert.deepEqual(parseMembers(value, tolerant, 'members'), ids);
  });
}

const refused: { rule: string; value: unknown; says: RegExp; strict?: boolean }[] = [
  { rule: 'a number', value: 7, says: /members must be an array/ },
  {
    rule: 'a member without value',
    value: [{ value: 'a' }, { display: 'x' }],
    says: /members\[1\] has no value/,
  },
  { rule: 'a member with an empty value', value: [{ value: '' }], says: /has no value/ },
  {
    rule: 'a number as value',
    value: [{ value: 7 }],
    says: /members\[0\]\.value must be a string/,
  },
  { rule: 'null as member', value: [null], says: /members\[0\] must be an object/ },
  {
    rule: 'a group by its type',
    value: [{ value: 'a', type: 'Group' }],
    says: /Groups in groups are not supported/,
  },
  {
    rule: 'a group by its $ref',
    value: [{ $ref: 'https://x.test/scim/Groups/g', value: 'g' }],
    says: /Groups in groups/,
  },
  { rule: 'value in two letter cases', value: [{ value: 'a', VALUE: 'b' }], says: /value twice/ },
  { rule: 'a very long id', value: ['a'.repeat(1_025)], says: /1025 characters/ },
  { rule: 'U+0000 in an id', value: ['a\0'], says: /U\+0000/ },
  { rule: 'half a surrogate pair in an id', value: [{ value: '\uDC00' }], says: /surrogate/ },
  { rule: 'ids alone when strict', value: ['a'], says: /must be an object/, strict: true },
  { rule: 'one object when strict', value: { value: 'a' }, says: /must be an array/, strict: true },
];
for (const { rule, value, says, strict = false } of refused) {
  test(`parseMembers refuses ${rule}`, () => {
    const error = answerOf(() => parseMembers(value, { strict }, 'members'));
    assert.match(error.message, says);
  });
}

test('a group body that says nothing of members is told from one that has none', () => {
  assert.equal(parseResource(GROUP, { displayName: 'g' }, tolerant).members, undefined);
  assert.deepEqual(parseResource(GROUP, { displayName: 'g', members: null }, tolerant).members, []);
  assert.deepEqual(parseResource(GROUP, { displayName: 'g', Members: ['a'] }, tolerant).members, [
    'a',
  ]);
});

test('members are not in the document', () => {
  const { document } = parseResource(GROUP, { displayName: 'g', members: ['a'] }, tolerant);
  assert.deepEqual(Object.keys(plain(document)), ['schemas', 'displayName']);
});
