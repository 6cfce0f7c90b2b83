import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProblemName } from '#scim/errors.ts';
import { applyPatch } from '#scim/patch/apply.ts';
import type { MemberEdit } from '#scim/patch/operation.ts';
import { MAX_PATCH_OPERATIONS, parsePatch } from '#scim/patch/parse.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import { answerOf } from '../plain.ts';

type Json = Record<string, unknown>;

const rows: readonly (readonly [name: string, operation: Json, edits: readonly MemberEdit[]])[] = [
  ['add (Entra)', { op: 'Add', path: 'members', value: [{ $ref: null, value: 'a' }] }, [add('a')]],
  [
    'add several',
    { op: 'add', path: 'members', value: [{ value: 'b' }, { value: 'a' }] },
    [add('b', 'a')],
  ],
  ['add one object', { op: 'add', path: 'members', value: { value: 'a' } }, [add('a')]],
  ['add a bare id', { op: 'add', path: 'members', value: 'a' }, [add('a')]],
  ['add nobody', { op: 'add', path: 'members', value: [] }, []],
  ['add null', { op: 'add', path: 'members', value: null }, []],
  ['add without path', { op: 'add', value: { members: [{ value: 'a' }] } }, [add('a')]],
  [
    'add by the full name',
    {
      op: 'add',
      path: 'urn:ietf:params:scim:schemas:core:2.0:Group:members',
      value: [{ value: 'a' }],
    },
    [add('a')],
  ],
  ['replace', { op: 'replace', path: 'members', value: [{ value: 'a' }] }, [replaced('a')]],
  [
    'replace without path',
    { op: 'replace', value: { members: [{ value: 'a' }] } },
    [replaced('a')],
  ],
  ['replace by nobody', { op: 'replace', path: 'members', value: [] }, [replaced()]],
  ['replace by null', { op: 'replace', path: 'members', value: null }, [replaced()]],
  ['remove one (Okta)', { op: 'remove', path: 'members[value eq "a"]' }, [removed('a')]],
  [
    'remove one of two',
    { op: 'remove', path: 'members[value eq "a" or value eq "b"]' },
    [removed('a', 'b')],
  ],
  [
    'remove those listed (Entra)',
    { op: 'Remove', path: 'members', value: [{ value: 'a' }] },
    [removed('a')],
  ],
  ['remove nobody that is listed', { op: 'Remove', path: 'members', value: [] }, []],
  ['remove all', { op: 'remove', path: 'members' }, [{ kind: 'clear' }]],
  ['remove all with null', { op: 'remove', path: 'members', value: null }, [{ kind: 'clear' }]],
];

for (const [name, operation, edits] of rows) {
  test(`members: ${name}`, () => assert.deepEqual(editsOf([operation]), edits));
}

const searches: readonly (readonly [filter: string, matching: string[], others: string[]])[] = [
  ['value sw "a"', ['a', 'ab'], ['b', 'A']],
  ['not (value eq "a")', ['b'], ['a']],
  ['type eq "User"', ['a'], []],
  ['type eq "User" and value eq "a"', ['a'], ['b']],
  ['type eq "Group" or value eq "a"', ['a'], ['b']],
];

for (const [filter, matching, others] of searches) {
  test(`members[${filter}] removes by searching`, () => {
    const [edit] = editsOf([{ op: 'remove', path: `members[${filter}]` }]);
    assert.ok(edit?.kind === 'removeWhere');
    for (const id of matching) assert.equal(edit.matches(id), true, id);
    for (const id of others) assert.equal(edit.matches(id), false, id);
  });
}

const refused: readonly (readonly [name: string, operation: Json, problem: ProblemName])[] = [
  [
    'a group',
    { op: 'add', path: 'members', value: [{ value: 'g', type: 'Group' }] },
    'invalidValue',
  ],
  [
    'a group by $ref',
    { op: 'add', path: 'members', value: [{ value: 'g', $ref: 'https://x/Groups/g' }] },
    'invalidValue',
  ],
  ['no value', { op: 'add', path: 'members', value: [{ display: 'x' }] }, 'invalidValue'],
  ['a number', { op: 'add', path: 'members', value: [{ value: 7 }] }, 'invalidValue'],
  ['a listed one without value', { op: 'remove', path: 'members', value: [{}] }, 'invalidValue'],
  [
    'a change of a member',
    { op: 'replace', path: 'members[value eq "a"].value', value: 'b' },
    'mutability',
  ],
  [
    'an exchange of a member',
    { op: 'replace', path: 'members[value eq "a"]', value: { value: 'b' } },
    'mutability',
  ],
  ['part of a member', { op: 'remove', path: 'members[value eq "a"].type' }, 'mutability'],
  ['all values', { op: 'remove', path: 'members.value' }, 'mutability'],
  ['an unknown sub-attribute', { op: 'remove', path: 'members[userName eq "a"]' }, 'invalidFilter'],
];

for (const [name, operation, problem] of refused) {
  test(`members: ${name} is refused`, () => {
    assert.equal(answerOf(() => editsOf([operation])).problem, problem);
  });
}

test('edits keep the order of the operations', () => {
  const operations = [
    { op: 'remove', path: 'members[value eq "a"]' },
    { op: 'add', path: 'members', value: [{ value: 'a' }] },
    { op: 'replace', value: { displayName: 'B' } },
    { op: 'remove', path: 'members' },
    { op: 'add', path: 'members', value: [{ value: 'b' }] },
  ];
  assert.deepEqual(editsOf(operations), [removed('a'), add('a'), { kind: 'clear' }, add('b')]);
});

test('a group whose members alone change needs no document', () => {
  const operations = parse([{ op: 'add', path: 'members', value: [{ value: 'a' }] }]);
  const { members } = applyPatch(GROUP, { id: 'g1' }, operations, { strict: false });
  assert.deepEqual(members, [add('a')]);
});

test('a search costs by the group, so that there may be ten in a request', () => {
  const search = { op: 'remove', path: 'members[value sw "a"]' };
  assert.equal(editsOf(Array(10).fill(search)).length, 10);
  assert.equal(answerOf(() => editsOf(Array(11).fill(search))).problem, 'tooLarge');
});

test('a request that names members is accepted up to the limit of operations', () => {
  const one = { op: 'remove', path: 'members[value eq "a"]' };
  assert.equal(editsOf(Array(MAX_PATCH_OPERATIONS).fill(one)).length, MAX_PATCH_OPERATIONS);
});

function editsOf(operations: readonly Json[]): readonly MemberEdit[] {
  const group = { schemas: ['x'], displayName: 'A', id: 'g1' };
  return applyPatch(GROUP, group, parse(operations), { strict: false }).members;
}

function parse(operations: readonly Json[]) {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  return parsePatch(GROUP, { schemas, Operations: operations }, { strict: false });
}

function add(...ids: string[]): MemberEdit {
  return { kind: 'add', ids };
}

function removed(...ids: string[]): MemberEdit {
  return { kind: 'remove', ids };
}

function replaced(...ids: string[]): MemberEdit {
  return { kind: 'replace', ids };
}
