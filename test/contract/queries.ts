import assert from 'node:assert/strict';
import { suite } from 'node:test';
import type { Query, Range, Store, StoredRecord } from '#store/store.ts';
import {
  type Check,
  changing,
  commitDone,
  create,
  createUsers,
  creating,
  deleting,
  read,
  sleep,
  updating,
} from './fixture.ts';

/** Ranges, their order, and the ways to page through them. */
export function queryChecks(check: Check): void {
  suite('queries: ranges', () => rangeChecks(check));
  suite('queries: paging', () => pagingChecks(check));
}

function rangeChecks(check: Check): void {
  check('sequence: records in the order of their creation', async (store) => {
    for (const id of ['z', 'a', 'm']) await create(store, 'users', id);
    await create(store, 'groups', 'b');
    assert.deepEqual(await idsOf(store, { by: 'sequence' }), ['z', 'a', 'm']);
    await commitDone(store, { writes: [deleting('users', await read(store, 'users', 'a'))] });
    await create(store, 'users', 'a');
    assert.deepEqual(await idsOf(store, { by: 'sequence' }), ['z', 'm', 'a']);
  });

  check('index: by value in UTF-8 bytes, then by sequence', async (store) => {
    // By UTF-16 units U+10000 would come before U+FFFD, and by locale ä before z.
    const names = ['\u{10000}', 'z', '\ufffd', 'a', 'Z', 'ä', 'ab', 'a\u0001', '', 'a'];
    for (const [n, name] of names.entries()) await create(store, 'users', `u${n}`, { name });
    const expected = ['u8', 'u4', 'u3', 'u9', 'u7', 'u6', 'u1', 'u5', 'u2', 'u0'];
    assert.deepEqual(await idsOf(store, { by: 'index', index: 'name' }), expected);
    assert.deepEqual(
      await idsOf(store, { by: 'index', index: 'name' }, true),
      expected.toReversed(),
    );
  });

  check('index equals and startsWith', async (store) => {
    const names = ['a', 'ab', 'abc', 'b', 'aä', 'a\u{10ffff}x', 'A', 'a\u0001', 'ab'];
    for (const [n, name] of names.entries()) await create(store, 'users', `u${n}`, { name });
    const rows: readonly (readonly [object, readonly string[]])[] = [
      [{ equals: 'ab' }, ['u1', 'u8']],
      [{ equals: 'a' }, ['u0']],
      [{ equals: '' }, []],
      [{ equals: 'x' }, []],
      [{ startsWith: 'ab' }, ['u1', 'u8', 'u2']],
      [{ startsWith: 'a' }, ['u0', 'u7', 'u1', 'u8', 'u2', 'u4', 'u5']],
      [{ startsWith: 'a\u{10ffff}' }, ['u5']],
      [{ startsWith: 'c' }, []],
      [{ startsWith: '' }, ['u6', 'u0', 'u7', 'u1', 'u8', 'u2', 'u4', 'u5', 'u3']],
    ];
    for (const [bounds, ids] of rows) {
      const range = { by: 'index', index: 'name', ...bounds } as const;
      assert.deepEqual(await idsOf(store, range), ids, JSON.stringify(bounds));
      assert.deepEqual(await idsOf(store, range, true), ids.toReversed(), JSON.stringify(bounds));
    }
  });

  check('an index has many entries of a record, and follows its changes', async (store) => {
    await create(store, 'users', 'u', { name: 'u', tags: ['x', 'y'] });
    await create(store, 'users', 'v', { name: 'v', tags: ['y'] });
    const tagged = (equals: string) => idsOf(store, { by: 'index', index: 'tag', equals });
    assert.deepEqual([await tagged('x'), await tagged('y')], [['u'], ['u', 'v']]);
    const next = { name: 'u', tags: ['z', 'y'] };
    await commitDone(store, { writes: [updating('users', await read(store, 'users', 'u'), next)] });
    assert.deepEqual(
      [await tagged('x'), await tagged('y'), await tagged('z')],
      [[], ['u', 'v'], ['u']],
    );
    assert.deepEqual(await idsOf(store, { by: 'index', index: 'other' }), []);
  });

  check('modified: by time of change, both bounds inclusive', async (store) => {
    const times: number[] = [];
    for (const id of ['a', 'b', 'c']) {
      times.push((await create(store, 'users', id)).modifiedMs);
      await sleep(3);
    }
    const [first = 0, second = 0, third = 0] = times;
    const modified = (bounds: object) => idsOf(store, { by: 'modified', ...bounds });
    assert.deepEqual(await modified({}), ['a', 'b', 'c']);
    assert.deepEqual(await modified({ fromMs: second }), ['b', 'c']);
    assert.deepEqual(await modified({ fromMs: second + 1 }), ['c']);
    assert.deepEqual(await modified({ toMs: second }), ['a', 'b']);
    assert.deepEqual(await modified({ toMs: first - 1 }), []);
    assert.deepEqual(await modified({ fromMs: second, toMs: second }), ['b']);
    assert.deepEqual(await modified({ fromMs: third, toMs: first }), []);
    assert.deepEqual(await modified({ fromMs: -5, toMs: -1 }), []);
    await commitDone(store, {
      writes: [updating('users', await read(store, 'users', 'a'), { name: 'a2' })],
    });
    assert.deepEqual(await modified({}), ['b', 'c', 'a']);
    assert.deepEqual(await modified({ toMs: third }), ['b', 'c']);
  });

  check('modified: equal times are ordered by sequence', async (store) => {
    await createUsers(store, 12); // one commit, so one time
    const ids = Array.from({ length: 12 }, (_, n) => `u${n}`);
    assert.deepEqual(await idsOf(store, { by: 'modified' }), ids);
    assert.deepEqual(await idsOf(store, { by: 'modified' }, true), ids.toReversed());
  });

  check('member: the groups of a person by their sequence', async (store) => {
    await createUsers(store, 2);
    for (const id of ['g2', 'g1', 'g3', 'g4']) await create(store, 'groups', id);
    for (const id of ['g3', 'g1', 'g2'])
      await commitDone(store, changing(id, { add: ['u0', 'u1'] }));
    await commitDone(store, changing('g1', { remove: ['u1'] }));
    const groups = (memberId: string) => idsOf(store, { by: 'member', memberId });
    assert.deepEqual(await groups('u0'), ['g2', 'g1', 'g3']);
    assert.deepEqual(await groups('u1'), ['g2', 'g3']);
    assert.deepEqual(await groups('absent'), []);
  });
}

function pagingChecks(check: Check): void {
  check('offset, limit and total in each kind of range and both directions', async (store) => {
    await seed(store, 25);
    for (const [collection, range] of RANGES) {
      for (const descending of [false, true]) {
        const all = await store.query({ collection, range, descending, limit: 100 });
        assert.equal(all.total, all.records.length);
        assert.ok(all.total >= 8, JSON.stringify(range));
        for (let offset = 0; offset <= all.total + 1; offset += 3) {
          const page = await store.query({ collection, range, descending, offset, limit: 4 });
          assert.deepEqual(page.records, all.records.slice(offset, offset + 4));
          assert.equal(page.total, all.total);
          assert.equal(
            page.next === undefined,
            offset + 4 >= all.total,
            `${JSON.stringify(range)} ${offset}`,
          );
        }
      }
    }
  });

  check('positions lead through each kind of range in both directions', async (store) => {
    await seed(store, 25);
    for (const [collection, range] of RANGES) {
      for (const descending of [false, true]) {
        const query = { collection, range, descending };
        const all = await store.query({ ...query, limit: 100 });
        assert.deepEqual(await walk(store, { ...query, limit: 3 }), all.records);
        assert.deepEqual(await walk(store, { ...query, limit: all.total }), all.records);
      }
    }
  });

  check('limit 0 only counts', async (store) => {
    await seed(store, 9);
    for (const [collection, range] of RANGES) {
      const { total, records, next } = await store.query({ collection, range, limit: 0 });
      assert.ok(total > 0);
      assert.deepEqual([records, next], [[], undefined]);
    }
  });

  check('a position stays good when its record is deleted or moves', async (store) => {
    await createUsers(store, 6);
    const query = { collection: 'users', range: { by: 'index', index: 'name' }, limit: 3 } as const;
    for (const descending of [false, true]) {
      const { next = '', records } = await store.query({ ...query, descending });
      const last = records.at(-1);
      assert.ok(last);
      await commitDone(store, { writes: [deleting('users', last)] });
      const rest = await store.query({ ...query, descending, after: next });
      assert.deepEqual(
        rest.records.map(({ id }) => id),
        descending ? ['u1', 'u0'] : ['u3', 'u4', 'u5'],
      );
      assert.equal(rest.next, undefined);
    }
  });

  check('a walk shows each unchanged record once while others come and go', async (store) => {
    const ids = await createUsers(store, 30);
    const seen: string[] = [];
    let after: string | undefined;
    for (let round = 0; round < 100; round += 1) {
      const query: Query = { collection: 'users', range: { by: 'sequence' }, limit: 4 };
      const page: Awaited<ReturnType<Store['query']>> = await store.query(
        after === undefined ? query : { ...query, after },
      );
      seen.push(...page.records.map(({ id }) => id));
      await create(store, 'users', `new${round}`);
      if (round % 2 === 0 && round < 10) {
        await commitDone(store, {
          writes: [deleting('users', await read(store, 'users', `u${round}`))],
        });
      }
      if (page.next === undefined || round > 12) break;
      after = page.next;
    }
    for (const id of ids.slice(10)) {
      assert.equal(seen.filter((other) => other === id).length, 1, id);
    }
  });

  check(
    'include adds groups to people, and first members to groups, on get and query alike',
    async (store) => {
      await seed(store, 12);
      for (const [collection, range] of RANGES) {
        const include = { groups: true, members: true };
        const { records } = await store.query({ collection, range, limit: 50, include });
        const got = await store.get(
          collection,
          records.map(({ id }) => id),
          include,
        );
        assert.deepEqual(records, got);
        for (const record of records) {
          assert.equal(record.groups !== undefined, collection === 'users');
          assert.equal(record.members !== undefined, collection === 'groups');
        }
        const plain = await store.query({ collection, range, limit: 1 });
        assert.ok(plain.records.every((record) => !('groups' in record) && !('members' in record)));
      }
      const { groups } = await read(store, 'users', 'u0');
      const expected = Array.from({ length: 12 }, (_, n) => ({ id: `g${n}`, label: `p${n % 2}` }));
      assert.deepEqual(groups, expected);
    },
  );
}

const RANGES: readonly (readonly ['users' | 'groups', Range])[] = [
  ['users', { by: 'sequence' }],
  ['users', { by: 'modified' }],
  ['users', { by: 'index', index: 'name' }],
  ['users', { by: 'index', index: 'name', equals: 'p0' }],
  ['users', { by: 'index', index: 'name', startsWith: 'p' }],
  ['groups', { by: 'member', memberId: 'u0' }],
  ['groups', { by: 'index', index: 'name' }],
];

/** `count` users and groups named p0 and p1; u0 is in all groups. */
async function seed(store: Store, count: number): Promise<void> {
  const name = (n: number) => ({ name: `p${n % 2}` });
  for (let n = 0; n < count; n += 1) {
    const user = creating('users', `u${n}`, name(n));
    await commitDone(store, { writes: [user, creating('groups', `g${n}`, name(n))] });
    await commitDone(store, changing(`g${n}`, { add: ['u0'] }));
  }
  // So that the name's ranges p0 have at least 8 members also for small counts.
  for (let n = 0; n < 8; n += 1) await create(store, 'users', `v${n}`, { name: 'p0' });
}

async function idsOf(store: Store, range: Range, descending = false): Promise<readonly string[]> {
  const collection = range.by === 'member' ? 'groups' : 'users';
  const result = await store.query({ collection, range, descending, limit: 100 });
  assert.equal(result.total, result.records.length);
  assert.equal(result.next, undefined);
  return result.records.map(({ id }) => id);
}

async function walk(store: Store, query: Query): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  let after: string | undefined;
  for (let round = 0; round < 200; round += 1) {
    const page = await store.query(after === undefined ? query : { ...query, after });
    records.push(...page.records);
    if (page.next === undefined) return records;
    after = page.next;
  }
  assert.fail('The range does not end.');
}
