import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import {
  compareSortable,
  nativeOrder,
  type Sortable,
  sortInSlices,
  sortKeyOf,
} from '#directory/sort.ts';
import { parseAttributeName } from '#scim/attribute-name.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { type ResolvedAttribute, resolveAttribute } from '#scim/schema/lookup.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';

const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

suite('the index that is in order already', () => {
  const rows: readonly (readonly [ResourceType, string, object | undefined])[] = [
    [USER, 'userName', { by: 'index', index: 'userName' }],
    [USER, 'displayName', { by: 'index', index: 'displayName' }],
    [USER, 'meta.created', { by: 'sequence' }],
    [USER, 'meta.lastModified', { by: 'modified' }],
    [USER, 'name.familyName', undefined],
    [USER, 'externalId', undefined],
    [USER, `${ENTERPRISE}:department`, undefined],
    [GROUP, 'displayName', { by: 'index', index: 'displayName' }],
    [GROUP, 'meta.created', { by: 'sequence' }],
    [GROUP, 'externalId', undefined],
  ];
  for (const [type, name, range] of rows) {
    test(`${type.name} by ${name}`, () => {
      const by = attribute(type, name);
      assert.deepEqual(nativeOrder(type.name, { by, descending: false }), range);
    });
  }
});

suite('what a resource is sorted by', () => {
  const ada = {
    userName: 'Ada',
    externalId: 'E-1',
    active: true,
    name: { familyName: 'King' },
    emails: [
      { value: 'B@x.org', type: 'home' },
      { value: 'A@x.org', type: 'work', primary: true },
    ],
    phoneNumbers: [{ value: '2' }, { value: '1' }],
    [ENTERPRISE]: { department: 'Analysis', manager: { value: 'M-1' } },
  };
  const rows: readonly (readonly [string, unknown])[] = [
    ['userName', 'ada'],
    ['externalId', 'E-1'],
    ['active', 1],
    ['name.familyName', 'king'],
    ['name', undefined],
    ['emails', 'a@x.org'],
    ['emails.value', 'a@x.org'],
    ['emails.type', 'work'],
    ['phoneNumbers', '2'],
    ['title', undefined],
    ['name.givenName', undefined],
    [`${ENTERPRISE}:department`, 'analysis'],
    [`${ENTERPRISE}:costCenter`, undefined],
  ];
  for (const [name, key] of rows) {
    test(name, () => assert.equal(sortKeyOf(ada, attribute(USER, name)), key));
  }
});

const sortable: fc.Arbitrary<Sortable> = fc.record({
  key: fc.constantFrom<Sortable['key'][]>(
    undefined,
    '',
    'a',
    'b',
    'B',
    'é',
    '\u{E000}',
    '\u{1F600}',
  ),
  sequence: fc.nat({ max: 9 }),
});

suite('order', () => {
  test('is total, and descending turns the whole of it round', () => {
    fc.assert(
      fc.property(sortable, sortable, sortable, (a, b, c) => {
        const sign = (x: Sortable, y: Sortable) => Math.sign(compareSortable(x, y, false));
        assert.equal(sign(a, b) + sign(b, a), 0);
        assert.equal(Math.sign(compareSortable(a, b, true)) + sign(a, b), 0);
        if (sign(a, b) <= 0 && sign(b, c) <= 0) assert.ok(sign(a, c) <= 0);
        if (sign(a, b) === 0) assert.deepEqual([a.key, a.sequence], [b.key, b.sequence]);
      }),
    );
  });

  test('in slices is the same as in one go', async () => {
    const keys = ['b', undefined, 'a', 'é', 'b'];
    for (const count of [0, 1, 999, 1_000, 1_001, 4_500]) {
      const found = Array.from({ length: count }, (_, n) => {
        return { key: keys[(n * 7919) % keys.length], sequence: (n * 104_729) % count };
      });
      for (const descending of [false, true]) {
        const expected = found.toSorted((a, b) => compareSortable(a, b, descending));
        assert.deepEqual(await sortInSlices(found, descending), expected);
      }
    }
  });

  test('is that of UTF-8 bytes, absent values last, then of creation', () => {
    const keys = ['\u{1F600}', undefined, 'b', '\u{E000}', 'a', 'a', ''];
    const sorted = keys
      .map((key, n) => ({ key, sequence: keys.length - n }))
      .toSorted((a, b) => compareSortable(a, b, false));
    assert.deepEqual(
      sorted.map(({ key, sequence }) => [key, sequence]),
      [
        ['', 1],
        ['a', 2],
        ['a', 3],
        ['b', 5],
        ['\u{E000}', 4],
        ['\u{1F600}', 7],
        [undefined, 6],
      ],
    );
  });
});

function attribute(type: ResourceType, text: string): ResolvedAttribute {
  const name = parseAttributeName(text);
  const found = name === undefined ? undefined : resolveAttribute(type, name);
  assert.ok(found, text);
  return found;
}
