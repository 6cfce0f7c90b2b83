import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Directory } from '#directory/directory.ts';
import { createUser, deleteUser, patchUser } from '#directory/users.ts';
import { USER } from '#scim/schema/resource-types.ts';
import type { Store } from '#store/store.ts';
import {
  addPeople,
  assertSound,
  CALLER,
  onEachStore,
  operations,
  person,
  withCalls,
} from '../../support/directory.ts';
import { type Query, walk } from '../../support/search.ts';

const COUNT = 40;

/** What happens between two pages. `n` chooses whom, among those that may change. */
const change = fc.record({
  kind: fc.constantFrom('create', 'delete', 'rename', 'touch'),
  n: fc.nat({ max: COUNT }),
});
const query: fc.Arbitrary<Query & { limit: number }> = fc
  .record({
    type: fc.constant(USER),
    filter: fc.constantFrom(undefined, 'userName sw "P"', 'not (title eq "x")', 'active eq true'),
    by: fc.constantFrom(
      undefined,
      'userName',
      'displayName',
      'meta.created',
      'meta.lastModified',
      'title',
      'id',
    ),
    descending: fc.boolean(),
    limit: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ filter, by, ...rest }) => ({
    ...rest,
    ...(filter === undefined ? {} : { filter }),
    ...(by === undefined ? {} : { by }),
  }));

onEachStore('walks by cursor', (newDirectory) => {
  test('show each unchanged person exactly once, whatever else changes', async () => {
    const property = fc.asyncProperty(
      query,
      fc.array(change, { maxLength: 60 }),
      fc.boolean(),
      async (asked, changes, isBetweenPages) => {
        const directory = newDirectory();
        const people = await addPeople(directory, COUNT);
        // Every third one stays as it is.
        const stable = people.filter((_, n) => n % 3 === 0);
        const changing = people.filter((id) => !stable.includes(id));
        const others = new Others(directory, changing);
        const left = [...changes];
        const act = async () => {
          for (const each of left.splice(0, 4)) await others.change(each);
        };
        const pages = isBetweenPages
          ? await walk(directory, asked, act)
          : await walk(beforeQueries(directory, act), asked);
        const found = pages.flatMap(({ records }) => records.map(({ id }) => id));
        const unchanged = found.filter((id) => stable.includes(id));
        assert.deepEqual(unchanged.toSorted(), stable.toSorted());
        if (left.length === changes.length) assert.equal(found.length, COUNT);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  test('on one directory, for long: orders that changes move are walked to their end', async () => {
    const directory = newDirectory();
    const people = await addPeople(directory, COUNT);
    const others = new Others(directory, people.slice(0, COUNT / 2));
    for (const by of ['meta.lastModified', 'userName', 'title']) {
      let n = 0;
      const pages = await walk(directory, { type: USER, by, limit: 3 }, async () => {
        n += 1;
        // Those that were just shown go to the end: a bounded number of them comes again.
        if (n <= 20) await others.change({ kind: 'touch', n });
      });
      const found = pages.flatMap(({ records }) => records.map(({ id }) => id));
      for (const id of people.slice(COUNT / 2)) {
        assert.equal(found.filter((each) => each === id).length, 1, `${id} by ${by}`);
      }
    }
    await assertSound(directory);
  });
});

/** Also the queries of one page see changes between them. */
function beforeQueries(directory: Directory, act: () => Promise<void>): Directory {
  const { store } = directory;
  const query: Store['query'] = async (asked) => {
    await act();
    return await store.query(asked);
  };
  return { ...directory, store: withCalls(store, { query }) };
}

/** People who come, go and change during a walk. */
class Others {
  readonly #directory: Directory;
  readonly #ids: string[];
  #made = 0;

  constructor(directory: Directory, ids: readonly string[]) {
    this.#directory = directory;
    this.#ids = [...ids];
  }

  async change({ kind, n }: { readonly kind: string; readonly n: number }): Promise<void> {
    const place = n % Math.max(1, this.#ids.length);
    const id = this.#ids[place];
    this.#made += 1;
    if (kind === 'create' || id === undefined) {
      const made = person({ userName: `p${n}-${this.#made}`, displayName: `D${n}` });
      const { view } = await createUser(this.#directory, CALLER, made);
      this.#ids.push(view.id);
    } else if (kind === 'delete') {
      this.#ids.splice(place, 1);
      await deleteUser(this.#directory, CALLER, id, undefined);
    } else {
      const path = kind === 'rename' ? 'userName' : 'title';
      const value = `p${n}-${this.#made}`;
      const patch = operations(USER, { op: 'replace', path, value });
      await patchUser(this.#directory, CALLER, id, patch, undefined);
    }
  }
}
