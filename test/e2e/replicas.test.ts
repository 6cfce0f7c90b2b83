import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openRedisBackend } from '#store/redis/backend.ts';
import type { StoreBackend } from '#store/store.ts';
import {
  type BridgeProcess,
  createSession,
  startBridgeProcess,
} from '../support/bridge-process.ts';
import {
  addGroup,
  addPeople,
  assertSound,
  directoryOn,
  eventsOf,
  membersOf,
  readGroup,
  readUser,
} from '../support/directory.ts';
import { type Answer, assertScimError, bodyOf, call, idOf } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

// Two bridges, each a process of its own, on one Redis: no client can tell which one answers.
const ACCOUNT = 'replicas';
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

let folder: string;
let redis: RedisServer;
let backend: StoreBackend;
let bridges: readonly BridgeProcess[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'op-scim-replicas-'));
  redis = await startRedis();
  const session = await createSession(folder, ACCOUNT);
  const store = { kind: 'redis', url: redis.url } as const;
  bridges = await Promise.all([
    startBridgeProcess({ store, session }),
    startBridgeProcess({ store, session }),
  ]);
  backend = await openRedisBackend({ url: redis.url });
});
after(async () => {
  await backend?.close();
  await Promise.all(bridges.map((bridge) => bridge.kill9()));
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The `n`-th request goes to the bridges in turn. */
function send(n: number, method: string, path: string, body?: object): Promise<Answer> {
  const bridge = bridges[n % 2];
  assert.ok(bridge);
  const text = body === undefined ? undefined : JSON.stringify(body);
  return call(bridge, method, path, { body: text });
}

function directory() {
  return directoryOn(backend.account(ACCOUNT));
}

function patchOf(...operations: readonly object[]): object {
  return { schemas: [PATCH_OP], Operations: operations };
}

test('20 racing creates of one userName: one is done, the others are refused', async () => {
  for (const name of ['ada', 'grace', 'mary']) {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        send(n, 'POST', '/Users', { userName: n % 3 === 0 ? name.toUpperCase() : name }),
      ),
    );
    const [done, ...more] = answers.filter(({ status }) => status === 201);
    assert.ok(done);
    assert.deepEqual(more, []);
    for (const answer of answers) {
      if (answer !== done) assert.match(assertScimError(answer, 409), new RegExp(idOf(done)));
    }
  }
  const [gone] = await Promise.all([send(0, 'POST', '/Users', { userName: 'leaver' })]);
  assert.equal((await send(1, 'DELETE', `/Users/${idOf(gone)}`)).status, 204);
  const back = await Promise.all(
    Array.from({ length: 20 }, (_, n) => send(n, 'POST', '/Users', { userName: 'leaver' })),
  );
  assert.deepEqual(back.filter(({ status }) => status === 201).map(idOf), [idOf(gone)]);
  await assertSound(directory());
});

test('20 racing creates of one displayName: one is done', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => send(n, 'POST', '/Groups', { displayName: 'Racers' })),
  );
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [201, ...Array(19).fill(409)]);
});

test('60 PATCHes of one person by both lose nothing', async () => {
  const id = idOf(await send(0, 'POST', '/Users', { userName: 'contended' }));
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) => {
      const value = [{ value: `a${n}@example.com` }];
      return send(n, 'PATCH', `/Users/${id}`, patchOf({ op: 'add', path: 'emails', value }));
    }),
  );
  for (const { status, text } of answers) assert.equal(status, 200, text);
  const { version, body } = await readUser(directory(), id);
  assert.equal(version, 61);
  assert.equal(JSON.parse(body).emails.length, 60);
  const events = await eventsOf(directory());
  assert.equal(events.filter((event) => event.id === id).length, 61);
});

test('members, names and deletions by both leave what they should', async () => {
  const people = await addPeople(directory(), 60, 'm');
  const id = await addGroup(directory(), 'Shared');
  const answers = await Promise.all([
    ...people.map((value, n) =>
      send(
        n,
        'PATCH',
        `/Groups/${id}`,
        patchOf({ op: 'add', path: 'members', value: [{ value }] }),
      ),
    ),
    ...Array.from({ length: 6 }, (_, n) =>
      send(
        n,
        'PATCH',
        `/Groups/${id}`,
        patchOf({ op: 'replace', path: 'displayName', value: `Shared ${n}` }),
      ),
    ),
  ]);
  for (const { status, text } of answers) assert.ok(status === 204 || status === 200, text);
  assert.deepEqual((await membersOf(directory(), id)).toSorted(), people.toSorted());
  assert.equal((await readGroup(directory(), id)).version, 67);
  const removals = await Promise.all([
    ...people.slice(0, 20).map((each, n) => send(n, 'DELETE', `/Users/${each}`)),
    ...people
      .slice(20, 40)
      .map((each, n) =>
        send(
          n,
          'PATCH',
          `/Groups/${id}`,
          patchOf({ op: 'remove', path: `members[value eq "${each}"]` }),
        ),
      ),
  ]);
  for (const { status, text } of removals) assert.equal(status, 204, text);
  assert.deepEqual((await membersOf(directory(), id)).toSorted(), people.slice(40).toSorted());
  assert.equal((await readGroup(directory(), id)).version, 107);
  await assertSound(directory());
});

test('If-Match: of racing changes by both one is done', async () => {
  const created = await send(0, 'POST', '/Users', { userName: 'guarded' });
  const tag = String(created.headers['etag']);
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, n) => {
      const bridge = bridges[n % 2];
      assert.ok(bridge);
      const body = JSON.stringify({ userName: 'guarded', title: `t${n}` });
      const headers = { 'if-match': tag };
      return call(bridge, 'PUT', `/Users/${idOf(created)}`, { body, headers });
    }),
  );
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [200, ...Array(9).fill(412)]);
});

test('a walk by cursor goes on at the other bridge', async () => {
  const people = await addPeople(directory(), 100, 'walker');
  for (const query of [
    'filter=userName%20sw%20%22walker%22',
    'filter=userName%20co%20%22walker%22',
    'filter=userName%20sw%20%22walker%22&sortBy=title',
  ]) {
    const found: string[] = [];
    let cursor: string | undefined = '';
    for (let n = 0; cursor !== undefined; n += 1) {
      assert.ok(n < 100, 'the walk does not end');
      const answer: Answer = await send(n, 'GET', `/Users?${query}&count=7&cursor=${cursor}`);
      assert.equal(answer.status, 200, answer.text);
      const { Resources, nextCursor } = bodyOf(answer);
      assert.ok(Array.isArray(Resources));
      found.push(...Resources.map(({ id }) => id));
      cursor = nextCursor === undefined ? undefined : String(nextCursor);
    }
    assert.deepEqual(found.toSorted(), people.toSorted(), query);
  }
});

test('a member list that one replaces is old or new at the other, never mixed', async () => {
  const old = await addPeople(directory(), 2_500, 'old');
  const fresh = await addPeople(directory(), 2_500, 'new');
  const id = await addGroup(directory(), 'Replaced', old);
  const lists = [old, fresh].map((ids) => ids.map((value) => ({ value })));
  const seen = new Set<string>();
  for (let round = 0; round < 4; round += 1) {
    const members = lists[(round + 1) % 2];
    let isDone = false;
    const work = send(0, 'PUT', `/Groups/${id}`, { displayName: 'Replaced', members }).finally(
      () => {
        isDone = true;
      },
    );
    for (let reads = 0; !isDone && reads < 1_000; reads += 1) {
      const answer = await send(1, 'GET', `/Groups/${id}`);
      assert.equal(answer.status, 200);
      const list = bodyOf(answer)['members'];
      assert.ok(Array.isArray(list));
      const kinds = new Set(list.map(({ value }) => value.slice(0, 3)));
      assert.deepEqual([kinds.size, list.length], [1, 2_500], `${[...kinds]}, ${list.length}`);
      for (const kind of kinds) seen.add(kind);
    }
    assert.equal((await work).status, 200);
  }
  assert.deepEqual(seen, new Set(['old', 'new']));
  await assertSound(directory());
});
