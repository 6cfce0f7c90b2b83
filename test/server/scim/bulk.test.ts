import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BulkRequest, nextOperation, parseBulk, pathWithIds, withIds } from '#scim/bulk.ts';
import type { ProblemName } from '#scim/errors.ts';
import { answerOf } from './plain.ts';

type Json = Record<string, unknown>;

const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

test('an operation is read with its method in capitals and the bulkIds it needs', () => {
  const { operations, failOnErrors } = parse([
    { method: 'post', path: '/Users', bulkId: 'ada', data: { userName: 'ada' } },
    {
      method: 'PATCH',
      path: '/Groups/bulkId:staff',
      version: 'W/"1"',
      data: addMember('bulkId:ada'),
    },
  ]);
  assert.equal(failOnErrors, undefined);
  assert.deepEqual(
    operations.map(({ method, bulkId, version, needs }) => [method, bulkId, version, [...needs]]),
    [
      ['POST', 'ada', undefined, []],
      ['PATCH', undefined, 'W/"1"', ['ada', 'staff']],
    ],
  );
});

test('names have no case', () => {
  const operation = { Method: 'POST', PATH: '/Users', bulkid: 'a', Version: '1', DATA: {} };
  const { operations, failOnErrors } = parseBulk(
    { Schemas: schemas, operations: [operation], FAILONERRORS: 3 },
    10,
  );
  assert.equal(failOnErrors, 3);
  const needs = new Set();
  assert.deepEqual(operations, [
    { method: 'POST', path: '/Users', bulkId: 'a', version: '1', data: {}, needs },
  ]);
});

test('failOnErrors is read; 0 and null are never', () => {
  assert.equal(parse([deletion('a')], { failOnErrors: 2 }).failOnErrors, 2);
  assert.equal(parse([deletion('a')], { failOnErrors: null }).failOnErrors, undefined);
  assert.equal(parse([deletion('a')], { failOnErrors: 0 }).failOnErrors, undefined);
});

const refused: readonly (readonly [name: string, body: unknown, problem: ProblemName])[] = [
  ['null', null, 'invalidSyntax'],
  ['an array', [], 'invalidSyntax'],
  ['no schemas', { Operations: [deletion('a')] }, 'invalidSyntax'],
  ['another message', { schemas: ['urn:x'], Operations: [deletion('a')] }, 'invalidSyntax'],
  ['no operations', { schemas, Operations: [] }, 'invalidSyntax'],
  ['operations that are none', { schemas, Operations: [null] }, 'invalidSyntax'],
  ['an operation without method', { schemas, Operations: [{ path: '/Users' }] }, 'invalidSyntax'],
  ['an operation without path', { schemas, Operations: [{ method: 'POST' }] }, 'invalidSyntax'],
  [
    'failOnErrors as text',
    { schemas, failOnErrors: '1', Operations: [deletion('a')] },
    'invalidSyntax',
  ],
  [
    'failOnErrors below 0',
    { schemas, failOnErrors: -1, Operations: [deletion('a')] },
    'invalidSyntax',
  ],
  ['a bulkId twice', { schemas, Operations: [post('a', {}), post('a', {})] }, 'invalidSyntax'],
  ['too many operations', { schemas, Operations: Array(11).fill(deletion('a')) }, 'tooLarge'],
  ['data that is too deep', { schemas, Operations: [post('a', deep(30))] }, 'invalidSyntax'],
];

for (const [name, body, problem] of refused) {
  test(`parseBulk refuses ${name}`, () => {
    assert.equal(answerOf(() => parseBulk(body, 10)).problem, problem);
  });
}

const orders: readonly (readonly [
  name: string,
  operations: readonly Json[],
  order: readonly string[],
])[] = [
  ['as they came', [deletion('x'), post('a', {}), deletion('y')], ['0', '1', '2']],
  ['a forward reference', [group('g', 'a', 'b'), post('a', {}), post('b', {})], ['1', '2', '0']],
  ['a backward reference', [post('a', {}), group('g', 'a')], ['0', '1']],
  ['a chain', [managed('a', 'b'), managed('b', 'c'), post('c', {})], ['2', '1', '0']],
  ['a path', [{ method: 'DELETE', path: '/Users/bulkId:a' }, post('a', {})], ['1', '0']],
  ['a reference to nothing', [group('g', 'nobody'), post('a', {})], ['0', '1']],
  [
    'two people who manage each other',
    [managed('a', 'b'), managed('b', 'a')],
    ['0 incomplete', '1'],
  ],
  ['someone who manages himself', [managed('a', 'a')], ['0 incomplete']],
  [
    'a group and a circle',
    [group('g', 'a', 'b'), managed('a', 'b'), managed('b', 'a')],
    ['1 incomplete', '2', '0'],
  ],
  [
    'a circle and who builds on a part of it: the circle is ended first',
    [group('g', 'a'), managed('a', 'b'), managed('b', 'c'), managed('c', 'a'), deletion('x')],
    ['4', '1 incomplete', '3', '2', '0'],
  ],
];

for (const [name, operations, order] of orders) {
  test(`the order of ${name}`, () => assert.deepEqual(orderOf(parse(operations)), order));
}

test('every operation has its turn once, after all that it needs unless there is a circle', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const edges = fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 10 });
  fc.assert(
    fc.property(edges, (edges) => {
      const operations = names.map((name, place) =>
        group(name, ...edges.filter(([from]) => from === place).map(([, to]) => `${names[to]}`)),
      );
      const order = orderOf(parse(operations));
      assert.deepEqual(order.map((each) => Number.parseInt(each, 10)).sort(), [0, 1, 2, 3, 4]);
      const isAcyclic = edges.every(([from, to]) => from > to);
      if (isAcyclic) assert.deepEqual(order, ['0', '1', '2', '3', '4']);
    }),
  );
});

test('references become ids where ids stand, and nowhere else', () => {
  const data = {
    userName: 'bulkId:a',
    members: [{ value: 'bulkId:a', display: 'bulkId:a' }, 'bulkId:b', { value: 'c' }],
    [enterprise]: { manager: { value: 'bulkId:b' } },
    [`${enterprise}:manager`]: 'bulkId:a',
  };
  assert.deepEqual(withIds(data, idOf), {
    userName: 'bulkId:a',
    members: [{ value: '1', display: 'bulkId:a' }, '2', { value: 'c' }],
    [enterprise]: { manager: { value: '2' } },
    [`${enterprise}:manager`]: '1',
  });
});

test('a reference without id takes its element or attribute with it', () => {
  const data = {
    userName: 'ada',
    members: [
      { value: 'bulkId:x', type: 'User' },
      { value: 'bulkId:a' },
      'bulkId:x',
      { Value: 'bulkId:x' },
    ],
    [enterprise]: { department: 'D', manager: { value: 'bulkId:x' } },
    manager: 'bulkId:x',
  };
  assert.deepEqual(withIds(data, idOf), {
    userName: 'ada',
    members: [{ value: '1' }],
    [enterprise]: { department: 'D' },
  });
});

test('a path gets its id; an unknown reference stays, and is not found', () => {
  assert.equal(pathWithIds('/Groups/bulkId:a', idOf), '/Groups/1');
  assert.equal(pathWithIds('/Groups/bulkId:x', idOf), '/Groups/bulkId:x');
  assert.equal(pathWithIds('/Groups/a', idOf), '/Groups/a');
});

test('no key of the data reaches a prototype', () => {
  const data = JSON.parse(
    '{"__proto__": {"value": "bulkId:a"}, "constructor": {"manager": "bulkId:a"}}',
  );
  const replaced = withIds(data, idOf);
  assert.equal(
    JSON.stringify(replaced),
    '{"__proto__":{"value":"1"},"constructor":{"manager":"1"}}',
  );
  assert.equal(Object.getPrototypeOf(replaced), Object.prototype);
});

function idOf(bulkId: string): string | undefined {
  return new Map([
    ['a', '1'],
    ['b', '2'],
  ]).get(bulkId);
}

/** The places of the operations in the order of their turns. */
function orderOf({ operations }: BulkRequest): string[] {
  const left = [...operations];
  const known = new Set<string>();
  const begun: string[] = [];
  const order: string[] = [];
  while (left.length > 0) {
    const awaited = begun.filter((bulkId) => !known.has(bulkId));
    const { place, isIncomplete } = nextOperation(left, known, awaited);
    const [operation] = left.splice(place, 1);
    assert.ok(operation !== undefined, 'a place beyond the operations');
    if (operation.bulkId !== undefined) known.add(operation.bulkId);
    if (isIncomplete) begun.push(...operation.needs);
    order.push(`${operations.indexOf(operation)}${isIncomplete ? ' incomplete' : ''}`);
  }
  return order;
}

function parse(operations: readonly Json[], more: Json = {}): BulkRequest {
  return parseBulk({ schemas, Operations: operations, ...more }, 10);
}

function post(bulkId: string, data: unknown): Json {
  return { method: 'POST', path: '/Users', bulkId, data };
}

function managed(bulkId: string, manager: string): Json {
  return post(bulkId, {
    userName: bulkId,
    [enterprise]: { manager: { value: `bulkId:${manager}` } },
  });
}

function group(bulkId: string, ...members: readonly string[]): Json {
  const data = {
    displayName: bulkId,
    members: members.map((value) => ({ value: `bulkId:${value}` })),
  };
  return { method: 'POST', path: '/Groups', bulkId, data };
}

function deletion(id: string): Json {
  return { method: 'DELETE', path: `/Users/${id}` };
}

function addMember(value: string): Json {
  return { Operations: [{ op: 'add', path: 'members', value: [{ value }] }] };
}

function deep(levels: number): unknown {
  return levels === 0 ? 'x' : { x: deep(levels - 1) };
}
