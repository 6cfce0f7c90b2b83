import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Directory } from '#directory/directory.ts';
import { patchUser } from '#directory/users.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import {
  addGroup,
  addPeople,
  addPerson,
  CALLER,
  type NewDirectory,
  onEachStore,
  operations,
  readUser,
  refusal,
  withCalls,
} from '../../support/directory.ts';
import { find, type Query, walk } from '../../support/search.ts';

/** Who is found by which filter is told by `knows`; the number is the place in create order. */
const PEOPLE = [
  { userName: 'ada', displayName: 'Ada', title: 'Countess', externalId: 'e-0' },
  { userName: 'bob', title: 'Analyst', active: false, externalId: 'e-1' },
  { userName: 'adele', displayName: 'ada', emails: [{ value: 'a@x.org', type: 'work' }] },
  {
    userName: 'Carl',
    displayName: 'Carl',
    emails: [
      { value: 'A@X.org', type: 'home' },
      { value: 'c@x.org', type: 'work' },
    ],
  },
  { userName: 'émile', displayName: 'Émile', title: 'analyst' },
  { userName: 'zoe', emails: [{ value: 'z@x.org', type: 'work', primary: true }] },
];

onEachStore('search', (newDirectory) => {
  filters(newDirectory);
  groupFilters(newDirectory);
  orders(newDirectory);
  times(newDirectory);
  scans(newDirectory);
});

function filters(newDirectory: NewDirectory): void {
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ['userName eq "ADA"', [0]],
    ['userName eq "nobody"', []],
    ['userName sw "AD"', [0, 2]],
    ['userName sw "É"', [4]],
    ['userName ew "e"', [2, 4, 5]],
    ['displayName eq "ADA"', [0, 2]],
    ['displayName eq "Ada" and userName eq "adele"', [2]],
    ['externalId eq "e-1"', [1]],
    ['externalId eq "E-1"', []],
    ['emails.value eq "a@x.org"', [2, 3]],
    ['emails[value eq "a@x.org" and type eq "work"]', [2]],
    ['emails[value eq "a@x.org"] and emails[type eq "work"]', [2, 3]],
    ['emails.value eq "a@x.org" and active eq true', [2, 3]],
    ['active eq false', [1]],
    ['active eq false and userName eq "ada"', []],
    ['title eq "ANALYST"', [1, 4]],
    ['title eq "analyst" and userName sw "b"', [1]],
    ['not (title pr)', [2, 3, 5]],
    ['title pr or emails pr', [0, 1, 2, 3, 4, 5]],
    ['title eq null', [2, 3, 5]],
    ['userName eq "ada" or userName eq "zoe"', [0, 5]],
    ['meta.created gt "2001-01-01T00:00:00Z"', [0, 1, 2, 3, 4, 5]],
    ['meta.created lt "2001-01-01T00:00:00Z"', []],
    ['meta.resourceType eq "User"', [0, 1, 2, 3, 4, 5]],
    ['meta.version eq "W/\\"1\\""', [0, 1, 2, 3, 4, 5]],
    ['groups.display eq "Analysts"', [1, 4]],
    ['groups.type eq "direct"', [1, 4]],
    ['groups.display eq "Analysts" and userName eq "bob"', [1]],
    ['groups.display eq "Analysts" and userName eq "ada"', []],
    ['groups pr and title pr', [1, 4]],
  ];
  test('each filter finds who it should, on index pages and cursor pages alike', async () => {
    const directory = newDirectory();
    const ids: string[] = [];
    for (const attributes of PEOPLE) ids.push(await addPerson(directory, attributes));
    await addGroup(directory, 'Analysts', [ids[1] ?? '', ids[4] ?? '']);
    for (const [filter, places] of rows) {
      const expected = places.map((place) => ids[place]);
      await findsOnPages(directory, { type: USER, filter }, expected);
    }
  });

  test('by id, alone and with more', async () => {
    const directory = newDirectory();
    const id = await addPerson(directory, { userName: 'ada' });
    await findsOnPages(directory, { type: USER, filter: `id eq "${id}"` }, [id]);
    await findsOnPages(directory, { type: USER, filter: `id eq "${id}" and active eq true` }, [id]);
    await findsOnPages(directory, { type: USER, filter: `id eq "${id}" and active eq false` }, []);
    await findsOnPages(directory, { type: USER, filter: `id eq "${id.toLowerCase()}"` }, []);
    await findsOnPages(directory, { type: GROUP, filter: `id eq "${id}"` }, []);
  });

  test('a filter that is wrong is refused', async () => {
    const directory = newDirectory();
    for (const filter of [
      'colour eq "green"',
      'password eq "x"',
      'active gt true',
      'userName eq 7',
    ]) {
      await refusal('invalidFilter', find(directory, { type: USER, filter, limit: 1 }));
    }
  });
}

function groupFilters(newDirectory: NewDirectory): void {
  test('filters on groups, their members too', async () => {
    const directory = newDirectory();
    await addPeople(directory, 1_500);
    const many = Array.from({ length: 1_400 }, (_, n) => `p${n}`);
    const ids = [
      await addGroup(directory, 'Everyone', many),
      await addGroup(directory, 'Analysts', ['p1', 'p1450']),
      await addGroup(directory, 'Nobody'),
    ];
    const rows: readonly (readonly [string, readonly number[]])[] = [
      ['displayName eq "everyone"', [0]],
      ['members.value eq "p1"', [0, 1]],
      ['members.value eq "p1399"', [0]],
      ['members.value eq "p1450"', [1]],
      ['members.value eq "p1499"', []],
      ['members.value eq "nobody"', []],
      ['members[value eq "p1"] and displayName eq "Analysts"', [1]],
      ['members[value eq "p1" and type eq "User"]', [0, 1]],
      ['members[value eq "p1" and type eq "Group"]', []],
      ['members.value eq "p1" and members.value eq "p1450"', [1]],
      ['members.value eq "p1" and members.value eq "p1399"', [0]],
      ['members.value sw "p1450"', [1]],
      ['members.value sw "p139"', [0]],
      ['members pr', [0, 1]],
      ['not (members pr)', [2]],
      ['meta.resourceType eq "Group" and members pr', [0, 1]],
    ];
    for (const [filter, places] of rows) {
      const expected = places.map((place) => ids[place]);
      await findsOnPages(directory, { type: GROUP, filter }, expected);
    }
  });
}

function orders(newDirectory: NewDirectory): void {
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ['userName', [0, 2, 1, 3, 5, 4]],
    ['displayName', [0, 2, 3, 4, 1, 5]],
    ['meta.created', [0, 1, 2, 3, 4, 5]],
    ['meta.lastModified', [1, 2, 3, 4, 5, 0]],
    ['title', [1, 4, 0, 2, 3, 5]],
    ['emails.value', [2, 3, 5, 0, 1, 4]],
    ['active', [1, 0, 2, 3, 4, 5]],
    ['externalId', [0, 1, 2, 3, 4, 5]],
  ];
  const narrower: readonly (readonly [string, (place: number) => boolean])[] = [
    ['', () => true],
    ['userName sw "ad"', (place) => place === 0 || place === 2],
    ['not (externalId pr)', (place) => place > 1],
    ['displayName eq "ada" or title eq "analyst"', (place) => [0, 1, 2, 4].includes(place)],
  ];
  test('each order, up and down, with and without a filter, on index and cursor pages', async () => {
    const directory = newDirectory();
    const ids: string[] = [];
    for (const attributes of PEOPLE) {
      ids.push(await addPerson(directory, attributes));
      await sleep(2);
    }
    const nick = operations(USER, { op: 'add', path: 'nickName', value: 'A' });
    await patchUser(directory, CALLER, ids[0] ?? '', nick, undefined);
    for (const [by, places] of rows) {
      for (const [filter, matches] of narrower) {
        const expected = places.filter(matches).map((place) => ids[place]);
        const query = { type: USER, ...(filter === '' ? {} : { filter }), by };
        await findsOnPages(directory, query, expected);
        await findsOnPages(directory, { ...query, descending: true }, expected.toReversed());
      }
    }
  });
}

function times(newDirectory: NewDirectory): void {
  test('filters by time, to the millisecond', async () => {
    const directory = newDirectory();
    const ids: string[] = [];
    const timesMs: number[] = [];
    for (const userName of ['a', 'b', 'c']) {
      const id = await addPerson(directory, { userName });
      ids.push(id);
      timesMs.push((await readUser(directory, id)).modifiedMs);
      await sleep(3);
    }
    const [, middleMs = 0] = timesMs;
    const zones = [
      new Date(middleMs).toISOString(),
      new Date(middleMs).toISOString().replace('Z', '+00:00'),
    ];
    const rows = { lt: [0], le: [0, 1], eq: [1], ge: [1, 2], gt: [2], ne: [0, 2] };
    for (const time of zones) {
      for (const [operator, places] of Object.entries(rows)) {
        const expected = places.map((place) => ids[place]);
        const filter = `meta.lastModified ${operator} "${time}"`;
        await findsOnPages(directory, { type: USER, filter }, expected);
        await findsOnPages(
          directory,
          { type: USER, filter: `${filter} and active eq true` },
          expected,
        );
      }
    }
  });
}

function scans(newDirectory: NewDirectory): void {
  test('totals of scans are exact, however small the page', async () => {
    const directory = newDirectory();
    await addPeople(directory, 1_001);
    const filter = 'userName ew "7"';
    for (const [offset, limit, first] of [
      [0, 0, undefined],
      [0, 1, 'p7'],
      [99, 10, 'p997'],
      [100, 10, undefined],
    ] as const) {
      const { total, records } = await find(directory, { type: USER, filter, offset, limit });
      assert.deepEqual([total, records[0]?.id], [100, first]);
      assert.ok(records.length <= limit);
    }
  });

  test('a scan that takes too long is refused, with the attributes that have an index', async () => {
    const directory = slow(newDirectory({ scanLimitMs: 30 }), 20);
    await addPeople(directory, 1_000);
    for (const query of [{ filter: 'title pr' }, { by: 'title' }]) {
      const page = find(directory, { type: USER, ...query, offset: 0, limit: 10 });
      assert.match((await refusal('tooMany', page)).message, /userName, externalId/);
    }
    // What has an index is answered all the same.
    const { total } = await find(directory, {
      type: USER,
      filter: 'userName eq "p7"',
      offset: 0,
      limit: 1,
    });
    assert.equal(total, 1);
  });

  test('a scan within one slice is never too long', async () => {
    const directory = slow(newDirectory({ scanLimitMs: 1 }), 10);
    await addPeople(directory, 100);
    const { total } = await find(directory, {
      type: USER,
      filter: 'title pr',
      offset: 0,
      limit: 10,
    });
    assert.equal(total, 0);
  });

  test('with a cursor pages are shorter instead, and together they are whole', async () => {
    const directory = slow(newDirectory({ scanLimitMs: 30 }), 20);
    const people = await addPeople(directory, 1_500);
    const pages = await walk(directory, { type: USER, filter: 'userName ew "7"', limit: 500 });
    assert.ok(pages.length > 2, `${pages.length} pages`);
    const found = pages.flatMap(({ records }) => records.map(({ id }) => id));
    assert.deepEqual(
      found,
      people.filter((id) => id.endsWith('7')),
    );
    // An exact total was not to be had in time.
    assert.equal(pages[0]?.total, undefined);
  });
}

/** All of it in one page, in index pages, and in cursor pages: each time the same. */
async function findsOnPages(
  directory: Directory,
  query: Query,
  expected: readonly (string | undefined)[],
): Promise<void> {
  const about = JSON.stringify({ ...query, type: query.type.name });
  for (const size of [1, 2, 50]) {
    const found: string[] = [];
    for (let offset = 0; offset <= expected.length; offset += size) {
      const { total, records } = await find(directory, { ...query, offset, limit: size });
      assert.equal(total, expected.length, about);
      found.push(...records.map(({ id }) => id));
    }
    assert.deepEqual(found, expected, `${about}, pages of ${size}`);
    const pages = await walk(directory, { ...query, limit: size });
    const walked = pages.flatMap(({ records }) => records.map(({ id }) => id));
    assert.deepEqual(walked, expected, `${about}, cursor pages of ${size}`);
    for (const { records } of pages) assert.ok(records.length <= size, about);
  }
}

/** A store of which each query takes a while. */
function slow(directory: Directory, ms: number): Directory {
  const { store } = directory;
  return {
    ...directory,
    store: withCalls(store, {
      query: async (query) => {
        await sleep(ms);
        return await store.query(query);
      },
    }),
  };
}
