import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { patchGroup, replaceGroup } from '#directory/groups.ts';
import { applyEdits, difference, smallChange } from '#directory/member-change.ts';
import type { MemberEdit } from '#scim/patch/operation.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import { MAX_PAIR_CHANGES } from '#store/store.ts';
import {
  addGroup,
  addPeople,
  assertSound,
  CALLER,
  eventsOf,
  group,
  groupsOf,
  membersOf,
  onEachStore,
  operations,
  readGroup,
  refusal,
} from '../../support/directory.ts';

const PEOPLE = ['a', 'b', 'c', 'd', 'e'];
const ids = fc.array(fc.constantFrom(...PEOPLE), { maxLength: 4 });
const edit: fc.Arbitrary<MemberEdit> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add', 'remove', 'replace'), ids }),
  fc.constant({ kind: 'clear' as const }),
  ids.map((of) => ({ kind: 'removeWhere' as const, matches: (id: string) => of.includes(id) })),
);

suite('edits of a member list', () => {
  test('applyEdits does what each edit says, one after the other', async () => {
    const property = fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(...PEOPLE)),
      fc.array(edit),
      async (before, edits) => {
        let expected = before;
        for (const each of edits) {
          if (each.kind === 'clear' || each.kind === 'replace') expected = [];
          if (each.kind === 'add' || each.kind === 'replace')
            expected = [...new Set([...expected, ...each.ids])];
          if (each.kind === 'remove') expected = expected.filter((id) => !each.ids.includes(id));
          if (each.kind === 'removeWhere') expected = expected.filter((id) => !each.matches(id));
        }
        assert.deepEqual([...(await applyEdits(new Set(before), edits))], expected);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  test('the small change and the difference lead from one list to the other', async () => {
    const property = fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(...PEOPLE)),
      fc.array(edit),
      async (before, edits) => {
        const after = await applyEdits(new Set(before), edits);
        const isNamed = edits.every(({ kind }) => kind === 'add' || kind === 'remove');
        const small = smallChange(edits);
        assert.equal(small !== undefined, isNamed);
        for (const changes of [small, await difference(new Set(before), after)]) {
          if (changes === undefined) continue;
          const left = before.filter((id) => !changes.remove.includes(id));
          assert.deepEqual(new Set([...left, ...changes.add]), after);
          assert.equal(
            new Set([...changes.add, ...changes.remove]).size,
            changes.add.length + changes.remove.length,
          );
        }
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  test(`more than ${MAX_PAIR_CHANGES} changes are not small`, async () => {
    const many = Array.from({ length: MAX_PAIR_CHANGES + 1 }, (_, n) => `p${n}`);
    const most = many.slice(1);
    assert.equal(smallChange([{ kind: 'add', ids: many }]), undefined);
    assert.equal(smallChange([{ kind: 'add', ids: most }])?.add.length, MAX_PAIR_CHANGES);
    assert.equal(
      smallChange([
        { kind: 'add', ids: most },
        { kind: 'remove', ids: ['p0'] },
      ]),
      undefined,
    );
    const none = new Set<string>();
    assert.equal(await difference(none, new Set(many)), undefined);
    assert.equal(await difference(new Set(many), none), undefined);
    assert.equal((await difference(new Set(most), none))?.remove.length, MAX_PAIR_CHANGES);
  });
});

interface Row {
  readonly title: string;
  readonly list: readonly object[];
  readonly becomes: readonly string[];
}

const at = (...values: readonly string[]) => values.map((value) => ({ value }));

const ROWS: readonly Row[] = [
  {
    title: 'add',
    list: [{ op: 'add', path: 'members', value: at('p3', 'p4') }],
    becomes: ['p0', 'p1', 'p2', 'p3', 'p4'],
  },
  {
    title: 'add without path',
    list: [{ op: 'add', value: { members: at('p3') } }],
    becomes: ['p0', 'p1', 'p2', 'p3'],
  },
  {
    title: 'remove by filter',
    list: [{ op: 'remove', path: 'members[value eq "p1"]' }],
    becomes: ['p0', 'p2'],
  },
  {
    title: 'remove by listed values, as Entra sends it',
    list: [{ op: 'remove', path: 'members', value: at('p0', 'p2') }],
    becomes: ['p1'],
  },
  { title: 'remove of all', list: [{ op: 'remove', path: 'members' }], becomes: [] },
  {
    title: 'remove by a search',
    list: [{ op: 'remove', path: 'members[value gt "p0" and type eq "User"]' }],
    becomes: ['p0'],
  },
  {
    title: 'replace: who stays keeps the place, who is new comes last',
    list: [{ op: 'replace', path: 'members', value: at('p4', 'p2', 'p0') }],
    becomes: ['p0', 'p2', 'p4'],
  },
  {
    title: 'replace by nobody',
    list: [{ op: 'replace', path: 'members', value: [] }],
    becomes: [],
  },
  {
    title: 'remove all, then add some',
    list: [
      { op: 'remove', path: 'members' },
      { op: 'add', path: 'members', value: at('p2', 'p5') },
    ],
    becomes: ['p2', 'p5'],
  },
  {
    title: 'the last word on an id counts',
    list: [
      { op: 'remove', path: 'members[value eq "p1"]' },
      { op: 'add', path: 'members', value: at('p1', 'p3') },
      { op: 'remove', path: 'members[value eq "p3"]' },
    ],
    becomes: ['p0', 'p1', 'p2'],
  },
];

onEachStore('small changes of members', (newDirectory) => {
  for (const { title, list, becomes } of ROWS) {
    test(title, async () => {
      const directory = newDirectory();
      const people = await addPeople(directory, 6);
      const id = await addGroup(directory, 'Analysts', ['p0', 'p1', 'p2']);
      await patchGroup(directory, CALLER, id, operations(GROUP, ...list), undefined);
      assert.deepEqual(await membersOf(directory, id), becomes);
      for (const person of people) {
        assert.deepEqual(await groupsOf(directory, person), becomes.includes(person) ? [id] : []);
      }
      const isSame = becomes.join() === 'p0,p1,p2';
      assert.equal((await readGroup(directory, id)).version, isSame ? 1 : 2);
      await assertSound(directory);
    });
  }

  test('ids that no user has are left out and reported, or all is refused', async () => {
    const add = operations(GROUP, { op: 'add', path: 'members', value: at('p1', 'x', 'y') });
    const skipping = newDirectory();
    await addPeople(skipping, 2);
    const skipped = await addGroup(skipping, 'Analysts', ['p0', 'z']);
    assert.deepEqual(await membersOf(skipping, skipped), ['p0']);
    const { unknownMembers, changed } = await patchGroup(skipping, CALLER, skipped, add, undefined);
    assert.deepEqual([unknownMembers, changed], [['x', 'y'], true]);
    assert.deepEqual(await membersOf(skipping, skipped), ['p0', 'p1']);

    const refusing = newDirectory({ onUnknownMembers: 'refuse' });
    await addPeople(refusing, 2);
    const refused = await addGroup(refusing, 'Analysts', ['p0']);
    const patched = patchGroup(refusing, CALLER, refused, add, undefined);
    assert.match((await refusal('invalidValue', patched)).message, /x, y\. .*Nothing was changed/);
    const put = replaceGroup(refusing, CALLER, refused, group('B'), ['p1', 'x'], undefined);
    await refusal('invalidValue', put);
    await refusal('invalidValue', addGroup(refusing, 'Others', ['p1', 'x']));
    assert.deepEqual(await membersOf(refusing, refused), ['p0']);
    assert.equal((await readGroup(refusing, refused)).version, 1);
    assert.equal((await refusing.store.counts()).groups, 1);
    assert.equal((await eventsOf(refusing)).length, 1);
    await assertSound(refusing);
  });
});
