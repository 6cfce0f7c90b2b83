/** Rows that need what conversations can't have: races, volume, time. Each gets an empty account. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, JsonObject } from './conversation.ts';
import { HOSTILE_KEYS, hostileRequests } from './hostile-requests.ts';
import { call, createUsers, type LiveAnswer, memberIds, membersOf } from './live-client.ts';
import type { Bridge } from './runner.ts';

export interface LiveCase {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  run(bridge: Bridge): Promise<void>;
}

export const LIVE_CASES: readonly LiveCase[] = [
  {
    name: 'live/racing-creates',
    title: 'of 20 racing creates one wins, the others are 409',
    rows: ['7.13'],
    run: racingCreates,
  },
  {
    name: 'live/cursor-under-deletes',
    title: 'a cursor shows each unchanged person exactly once while others come and go',
    rows: ['7.36'],
    run: cursorUnderDeletes,
  },
  {
    name: 'live/thousand-operations',
    title: '1,000 member operations in one PATCH, and one too many',
    rows: ['7.59'],
    run: thousandOperations,
  },
  {
    name: 'live/parallel-patches',
    title: '20 parallel PATCHes of one group or one person lose nothing',
    rows: ['7.59'],
    run: parallelPatches,
  },
  {
    name: 'live/big-groups',
    title: 'a group beyond any slice is never cut short, however it is written and read',
    rows: ['7.38', '7.39', '7.57'],
    run: bigGroups,
  },
  {
    name: 'live/rate-limit',
    title: 'above the limit 429 with Retry-After, below it nothing is refused',
    rows: ['7.66'],
    env: { OP_RATE_LIMIT: '25' },
    run: rateLimit,
  },
  {
    name: 'live/expensive-filters',
    title: 'hostile filters are answered within a second and hold nobody up',
    rows: ['7.30'],
    run: expensiveFilters,
  },
  {
    name: 'live/hostile-keys',
    title: 'no key, path, filter or name in a query reaches a prototype',
    rows: ['7.64', '7.65'],
    run: hostileKeys,
  },
];

async function racingCreates(bridge: Bridge): Promise<void> {
  const twenty = Array.from({ length: 20 }, (_, index) => index);
  const users = await Promise.all(
    twenty.map((index) =>
      call(bridge, 'POST', '/Users', {
        userName: index % 2 === 0 ? 'ada@example.com' : 'ADA@example.com',
      }),
    ),
  );
  const groups = await Promise.all(
    twenty.map(() => call(bridge, 'POST', '/Groups', { displayName: 'Navy' })),
  );
  for (const answers of [users, groups]) {
    const lost = answers.filter(({ status }) => status !== 201);
    assert.equal(lost.length, 19);
    for (const { status, body } of lost) {
      assert.equal(status, 409);
      assert.equal(body['scimType'], 'uniqueness');
    }
  }
  for (const path of ['/Users', '/Groups']) {
    assert.equal((await call(bridge, 'GET', path)).body['totalResults'], 1);
  }
}

async function cursorUnderDeletes(bridge: Bridge): Promise<void> {
  for (const query of ['', '&filter=userName sw "walk"', '&sortBy=userName']) {
    const ids = await createUsers(bridge, 40, 'walk');
    const removed = new Set<string>();
    const seen: string[] = [];
    let cursor: Json | undefined = '';
    for (let page = 0; cursor !== undefined; page += 1) {
      assert.ok(page < 20, 'the walk does not end');
      const answer: LiveAnswer = await call(
        bridge,
        'GET',
        `/Users?cursor=${String(cursor)}&count=7${query}`,
      );
      assert.equal(answer.status, 200);
      seen.push(...idsOf(answer));
      cursor = answer.body['nextCursor'];
      // One that was seen, one that was not, and somebody new.
      for (const id of [ids[page * 7 + 1], ids[page * 7 + 12]]) {
        if (id !== undefined && !removed.has(id)) {
          removed.add(id);
          assert.equal((await call(bridge, 'DELETE', `/Users/${id}`)).status, 204);
        }
      }
      await call(bridge, 'POST', '/Users', { userName: `walk-new${page}${query.length}` });
    }
    assert.equal(new Set(seen).size, seen.length, `twice in one walk: ${query}`);
    const missed = ids.filter((id) => !removed.has(id) && !seen.includes(id));
    assert.deepEqual(missed, [], `missed: ${query}`);
    await emptyAccount(bridge);
  }
}

async function thousandOperations(bridge: Bridge): Promise<void> {
  const ids = await createUsers(bridge, 1_000, 'op');
  const group = await createGroup(bridge);
  const operations = ids.map((id) => ({ op: 'Add', path: 'members', value: [{ value: id }] }));
  assert.equal((await patch(bridge, group, operations)).status, 204);
  assert.deepEqual(await membersOf(bridge, group), new Set(ids));

  const changes = ids.map((id, index) =>
    index % 2 === 0
      ? { op: 'remove', path: `members[value eq "${id}"]` }
      : { op: 'add', path: 'members', value: [{ value: id }] },
  );
  assert.equal((await patch(bridge, group, changes)).status, 204);
  const odd = ids.filter((_, index) => index % 2 === 1);
  assert.deepEqual(await membersOf(bridge, group), new Set(odd));

  const tooMany = [...operations, { op: 'remove', path: 'members' }];
  const refused = await patch(bridge, group, tooMany);
  assert.equal(refused.status, 413);
  assert.deepEqual(await membersOf(bridge, group), new Set(odd));
}

async function parallelPatches(bridge: Bridge): Promise<void> {
  const ids = await createUsers(bridge, 200, 'par');
  const group = await createGroup(bridge);
  const first = ids.slice(0, 100);
  await patch(bridge, group, [
    { op: 'add', path: 'members', value: first.map((value) => ({ value })) },
  ]);
  // Ten add ten each, ten remove ten each, all at once; one more writes the name.
  const parts = Array.from({ length: 20 }, (_, index) => ids.slice(index * 10, index * 10 + 10));
  const answers = await Promise.all([
    ...parts.map((part, index) =>
      patch(
        bridge,
        group,
        index < 10
          ? part.map((id) => ({ op: 'remove', path: `members[value eq "${id}"]` }))
          : [{ op: 'add', path: 'members', value: part.map((value) => ({ value })) }],
      ),
    ),
    patch(bridge, group, [{ op: 'replace', path: 'displayName', value: 'Renamed' }]),
  ]);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([204]));
  assert.deepEqual(await membersOf(bridge, group), new Set(ids.slice(100)));
  const renamed = await call(bridge, 'GET', `/Groups/${group}?excludedAttributes=members`);
  assert.equal(renamed.body['displayName'], 'Renamed');
  await parallelPatchesOfOnePerson(bridge);
}

async function parallelPatchesOfOnePerson(bridge: Bridge): Promise<void> {
  const [id] = await createUsers(bridge, 1, 'busy');
  const roles = Array.from({ length: 20 }, (_, index) => `role-${index}`);
  const answers = await Promise.all(
    roles.map((value) =>
      call(bridge, 'PATCH', `/Users/${id}`, {
        Operations: [{ op: 'add', path: 'roles', value: [{ value }] }],
      }),
    ),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const { body } = await call(bridge, 'GET', `/Users/${id}`);
  assert.ok(Array.isArray(body['roles']));
  const kept = body['roles'].map((role) => JSON.stringify(role)).sort();
  assert.deepEqual(kept, roles.map((value) => JSON.stringify({ value })).sort());
  assert.equal(Object(body['meta']).version, 'W/"21"');
}

async function bigGroups(bridge: Bridge): Promise<void> {
  const ids = [
    ...(await createUsers(bridge, 1_000, 'big-a')),
    ...(await createUsers(bridge, 600, 'big-b')),
  ];
  const most = ids.slice(0, 1_500);
  const posted = await call(bridge, 'POST', '/Groups', {
    displayName: 'Crew',
    members: most.map((value) => ({ value })),
  });
  assert.equal(posted.status, 201);
  assert.equal(memberIds(posted.body).size, 1_500);
  const group = String(posted.body['id']);
  for (const query of ['', '?attributes=members', '?excludedAttributes=displayName']) {
    const read = await call(bridge, 'GET', `/Groups/${group}${query}`);
    assert.equal(read.status, 200);
    assert.deepEqual(memberIds(read.body), new Set(most), `GET ${query}`);
  }
  for (const query of ['', '?attributes=members.value', '?filter=displayName eq "Crew"']) {
    const { body } = await call(bridge, 'GET', `/Groups${query}`);
    const [listed] = resourcesOf({ body });
    assert.ok(listed !== undefined);
    assert.deepEqual(memberIds(listed), new Set(most), `list ${query}`);
  }
  const later = ids.slice(100);
  const value = later.map((id) => ({ value: id }));
  const replaced = await patch(bridge, group, [{ op: 'replace', path: 'members', value }]);
  assert.equal(replaced.status, 204);
  assert.deepEqual(await membersOf(bridge, group), new Set(later));
  const put = await call(bridge, 'PUT', `/Groups/${group}`, {
    displayName: 'Crew',
    members: most.map((id) => ({ value: id })),
  });
  assert.equal(put.status, 200);
  assert.deepEqual(memberIds(put.body), new Set(most));
  const cleared = await patch(bridge, group, [{ op: 'remove', path: 'members' }]);
  assert.equal(cleared.status, 204);
  assert.deepEqual(await membersOf(bridge, group), new Set());
}

async function rateLimit(bridge: Bridge): Promise<void> {
  const burst = await Promise.all(
    Array.from({ length: 150 }, () => call(bridge, 'GET', '/Users?count=1')),
  );
  const served = burst.filter(({ status }) => status === 200);
  const refused = burst.filter(({ status }) => status === 429);
  assert.equal(served.length + refused.length, 150);
  assert.ok(served.length >= 25, `${served.length} served of a burst`);
  assert.ok(refused.length > 0, 'nothing was refused');
  for (const { headers, body } of refused) {
    assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/u);
    assert.equal(body['status'], '429');
  }
  const waitSeconds = Number(refused[0]?.headers.get('retry-after'));
  assert.ok(waitSeconds <= 10, `Retry-After is ${waitSeconds}`);
  await sleep(waitSeconds * 1_000);
  for (let second = 0; second < 2; second += 1) {
    for (let n = 0; n < 20; n += 1) {
      assert.equal((await call(bridge, 'GET', '/Users?count=1')).status, 200);
    }
    await sleep(1_000);
  }
}

async function expensiveFilters(bridge: Bridge): Promise<void> {
  await createUsers(bridge, 300, 'cost');
  const filters = [
    `${'('.repeat(20_000)}title pr${')'.repeat(20_000)}`,
    `${'not ('.repeat(3_000)}title pr${')'.repeat(3_000)}`,
    `emails[${'('.repeat(5_000)}value pr`,
    Array.from({ length: 250 }, (_, n) => `userName co "${n}x"`).join(' or '),
    `userName co "${'a'.repeat(4_000)}b"`,
    `userName eq "${'\\'.repeat(8_001)}`,
    `${'a.'.repeat(4_000)}b eq "1"`,
    `userName eq ${'9'.repeat(4_000)}`,
    `${' '.repeat(50_000)}title pr`,
    'title pr and '.repeat(600),
  ];
  for (const filter of filters) {
    const startedMs = performance.now();
    const search = call(bridge, 'POST', '/Users/.search', { filter });
    const [answer, other] = await Promise.all([search, call(bridge, 'GET', '/Users?count=1')]);
    const tookMs = performance.now() - startedMs;
    const what = `${filter.slice(0, 30)}… of ${filter.length}`;
    assert.ok(answer.status === 200 || answer.status === 400, `${what}: ${answer.status}`);
    assert.equal(other.status, 200);
    assert.ok(tookMs < 1_000, `${what}: ${Math.round(tookMs)} ms`);
  }
}

async function hostileKeys(bridge: Bridge): Promise<void> {
  const [victim] = await createUsers(bridge, 1, 'victim');
  assert.ok(victim !== undefined);
  const before = await call(bridge, 'GET', `/Users/${victim}?excludedAttributes=meta`);
  const prototypeKeys = Reflect.ownKeys(Object.prototype);
  for (const { what, method, path, text } of hostileRequests(victim)) {
    const answer = await call(bridge, method, path, text);
    assert.ok(answer.status >= 200 && answer.status < 500, `${what}: ${answer.status}`);
  }
  // The bridge may run in this very process.
  assert.deepEqual(Reflect.ownKeys(Object.prototype), prototypeKeys);
  const after = await call(bridge, 'GET', `/Users/${victim}?excludedAttributes=meta`);
  for (const key of HOSTILE_KEYS) {
    assert.ok(!Object.hasOwn(after.body, key), `the victim has ${key}`);
  }
  assert.equal(after.body['userName'], before.body['userName']);
  const fresh = await call(bridge, 'POST', '/Users', { userName: 'after@example.com' });
  assert.deepEqual(Object.keys(fresh.body).sort(), ['active', 'id', 'meta', 'schemas', 'userName']);
}

async function createGroup(bridge: Bridge): Promise<string> {
  const { status, body } = await call(bridge, 'POST', '/Groups', { displayName: 'Crew' });
  assert.equal(status, 201);
  return String(body['id']);
}

function patch(
  bridge: Bridge,
  groupId: string,
  operations: readonly JsonObject[],
): Promise<LiveAnswer> {
  return call(bridge, 'PATCH', `/Groups/${groupId}`, { Operations: [...operations] });
}

async function emptyAccount(bridge: Bridge): Promise<void> {
  const { body } = await call(bridge, 'GET', '/Users?count=1000&attributes=id');
  for (const id of idsOf({ body })) {
    await call(bridge, 'DELETE', `/Users/${id}`);
  }
}

function idsOf(answer: Pick<LiveAnswer, 'body'>): string[] {
  return resourcesOf(answer).map((resource) => String(resource['id']));
}

function resourcesOf({ body }: Pick<LiveAnswer, 'body'>): JsonObject[] {
  const resources = body['Resources'];
  assert.ok(Array.isArray(resources), 'no Resources in a list');
  return resources.map((resource) => {
    assert.ok(typeof resource === 'object' && resource !== null && !Array.isArray(resource));
    return resource;
  });
}
