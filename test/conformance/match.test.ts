import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Json, parseConversation } from './conversation.ts';
import { differences, valueAt } from './match.ts';

interface Row {
  readonly name: string;
  readonly expected: Json;
  readonly matching: readonly (Json | undefined)[];
  readonly different: readonly (Json | undefined)[];
}

const rows: readonly Row[] = [
  { name: 'a plain value', expected: 'a', matching: ['a'], different: ['b', 1, null, undefined] },
  { name: 'a number', expected: 1, matching: [1], different: ['1', 2, [1]] },
  {
    name: 'an object',
    expected: { a: 1 },
    matching: [{ a: 1 }, { a: 1, b: 2 }],
    different: [{}, { a: 2 }, { b: 1 }, [], 'a', null, undefined],
  },
  {
    name: 'a list',
    expected: [1, { a: 1 }],
    matching: [[1, { a: 1, b: 2 }]],
    different: [[1], [{ a: 1 }, 1], [1, { a: 1 }, 2], { 0: 1 }, undefined],
  },
  {
    name: '$exact',
    expected: { $exact: true, a: 1 },
    matching: [{ a: 1 }],
    different: [{ a: 1, b: 2 }, {}, 'a', []],
  },
  {
    name: '$exact of nothing',
    expected: { $exact: true },
    matching: [{}],
    different: [{ a: 1 }, 'a', [], undefined],
  },
  {
    name: '$contains',
    expected: { $contains: [{ a: 1 }, { a: 1 }] },
    matching: [
      [{ a: 1 }, { a: 1 }],
      [{ a: 1 }, 2, { a: 1, b: 1 }],
    ],
    different: [[{ a: 1 }], [], {}, undefined],
  },
  {
    name: '$contains with $length',
    expected: { $contains: [1], $length: 2 },
    matching: [[1, 2]],
    different: [[1], [1, 2, 3], [2, 3]],
  },
  { name: '$length of a text', expected: { $length: 1 }, matching: ['a'], different: ['', 1] },
  { name: '$type', expected: { $type: 'number' }, matching: [0], different: ['0', undefined] },
  { name: '$type array', expected: { $type: 'array' }, matching: [[]], different: [{}, null] },
  { name: '$matches', expected: { $matches: '^a' }, matching: ['ab'], different: ['ba', 1] },
  { name: '$not', expected: { $not: 'a' }, matching: ['b', undefined, {}], different: ['a'] },
  { name: '$absent', expected: { $absent: true }, matching: [undefined], different: [null, {}] },
  { name: '$ref', expected: { $ref: 'x' }, matching: [{ $ref: 'x' }], different: [{}, 'x'] },
  {
    name: 'inherited members',
    expected: { toString: { $absent: true } },
    matching: [{}],
    different: [{ toString: 1 }],
  },
];

describe('differences', () => {
  for (const { name, expected, matching, different } of rows) {
    test(name, () => {
      for (const actual of matching) {
        assert.deepEqual(differences(expected, actual), [], JSON.stringify(actual));
      }
      for (const actual of different) {
        assert.notDeepEqual(differences(expected, actual), [], JSON.stringify(actual));
      }
    });
  }

  test('an unknown matcher is a mistake of the conversation', () => {
    assert.throws(() => differences({ $contain: [1] }, [1]), /\$contain is not a matcher/);
  });
});

test('valueAt walks lists, objects and URNs', () => {
  const root = { Resources: [{ 'urn:a:2.0:User': { b: 1 } }] };
  assert.equal(valueAt(root, 'Resources/0/urn:a:2.0:User/b'), 1);
  assert.equal(valueAt(root, 'Resources/1/b'), undefined);
  assert.equal(valueAt(root, 'toString'), undefined);
});

describe('parseConversation', () => {
  const step = { request: { method: 'GET', path: '/' }, expect: { status: 200 } };
  const good = { title: 't', source: 's', rows: ['r'], conversation: [step] };
  const mistakes: Record<string, Json> = {
    'no steps': { ...good, conversation: [] },
    'no expectation': { ...good, conversation: [{ request: step.request }] },
    'no status': { ...good, conversation: [{ ...step, expect: { body: {} } }] },
    'a misspelt expectation': {
      ...good,
      conversation: [{ ...step, expect: { status: 200, bodie: {} } }],
    },
    'a misspelt step': { ...good, conversation: [{ ...step, expects: {} }] },
    'no source': { ...good, source: '' },
  };
  test('takes a good one', () => {
    assert.equal(parseConversation('x/y', JSON.stringify(good)).conversation.length, 1);
  });
  for (const [name, mistake] of Object.entries(mistakes)) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parseConversation('x/y', JSON.stringify(mistake)), /^Error: x\/y/);
    });
  }
});
