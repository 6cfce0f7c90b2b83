import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ProvisioningEvent } from '#directory/event.ts';
import { openRedisBackend } from '#store/redis/backend.ts';
import type { StoreBackend } from '#store/store.ts';
import { makeSession, startBridge, type TestBridge } from '../support/bridge.ts';
import { directoryOn, eventsOf } from '../support/directory.ts';
import { type Answer, bodyOf, call, idOf } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

// The history that operators read, as the requests of a client leave it in the store.
const ACCOUNT = 'events';
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

let redis: RedisServer;
let bridge: TestBridge;
let backend: StoreBackend;
const session = makeSession(ACCOUNT);

before(async () => {
  redis = await startRedis();
  bridge = await startBridge({ redisUrl: redis.url, session, env: { OP_LOG_LEVEL: 'error' } });
  backend = await openRedisBackend({ url: redis.url });
});
after(async () => {
  await backend?.close();
  await bridge?.close();
  await redis?.stop();
});

/** Runs requests; resolves to their answers and the events they left. */
async function history(run: () => Promise<void>): Promise<readonly ProvisioningEvent[]> {
  const directory = directoryOn(backend.account(ACCOUNT));
  const { length } = await eventsOf(directory);
  await run();
  return (await eventsOf(directory)).slice(length);
}

function send(method: string, path: string, body?: object, headers = {}): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return call(bridge, method, `/scim${path}`, { body: text, headers });
}

async function made(path: string, body: object): Promise<string> {
  const answer = await send('POST', path, body);
  assert.equal(answer.status, 201, answer.text);
  return idOf(answer);
}

test('who, what and the reference that the log has', async () => {
  const events = await history(async () => {
    const agent = { 'user-agent': 'Okta SCIM Client 1.0.0' };
    assert.equal((await send('POST', '/Users', { userName: 'ada' }, agent)).status, 201);
  });
  const [event, ...more] = events;
  assert.deepEqual(more, []);
  assert.deepEqual(
    [event?.operation, event?.resourceType, event?.idp, event?.result],
    ['create', 'User', 'okta', 'done'],
  );
  assert.match(event?.requestId ?? '', /^[0-9a-f-]{13}$/);
  assert.match(event?.kid ?? '', /^\S+$/);
  assert.ok(!JSON.stringify(event).includes(bridge.token));
});

test('each write that is done has one event, with names and counts and no value', async () => {
  const patch = (operation: object) => ({ schemas: [PATCH_OP], Operations: [operation] });
  const secret = 'Countess';
  const person = { userName: 'annie', externalId: 'x-1', title: secret };
  let id = '';
  let groupId = '';
  const inactive = { active: false };
  const members = () => [{ value: id }];
  const patchGroup = (operation: object) => send('PATCH', `/Groups/${groupId}`, patch(operation));
  const rows: readonly (readonly [string, () => Promise<Answer>])[] = [
    ['create User', () => send('POST', '/Users', person)],
    ['replace User', () => send('PUT', `/Users/${id}`, { ...person, nickName: secret })],
    ['patch User', () => send('PATCH', `/Users/${id}`, patch({ op: 'remove', path: 'nickName' }))],
    ['create Group', () => send('POST', '/Groups', { displayName: 'Done', members: members() })],
    ['patch Group', () => patchGroup({ op: 'remove', path: 'members', value: members() })],
    ['patch Group', () => patchGroup({ op: 'add', path: 'members', value: members() })],
    ['patch Group', () => patchGroup({ op: 'replace', path: 'displayName', value: secret })],
    ['replace Group', () => send('PUT', `/Groups/${groupId}`, { displayName: 'Done' })],
    ['delete Group', () => send('DELETE', `/Groups/${groupId}`)],
    ['patch User', () => send('PATCH', `/Users/${id}`, patch({ op: 'add', value: inactive }))],
    ['restore User', () => send('POST', '/Users', person)],
    ['delete User', () => send('DELETE', `/Users/${id}`)],
    ['restore User', () => send('POST', '/Users', person)],
  ];
  for (const [place, [what, run]] of rows.entries()) {
    const events = await history(async () => {
      const answer = await run();
      assert.ok(answer.status < 300, answer.text);
      if (what === 'create User') id = idOf(answer);
      if (what === 'create Group') groupId = idOf(answer);
    });
    const [event] = events;
    assert.deepEqual(
      events.map(({ operation, resourceType }) => `${operation} ${resourceType}`),
      [what],
      `row ${place}`,
    );
    assert.equal(event?.result, 'done');
    assert.equal(event?.id, what.endsWith('User') ? id : groupId);
    assert.ok(!JSON.stringify(event).includes(secret), JSON.stringify(event));
  }
});

test('each refused write has one event, with the reference that the answer has', async () => {
  const id = await made('/Users', { userName: 'grace' });
  const groupId = await made('/Groups', { displayName: 'Refused' });
  const wrong = { 'if-match': 'W/"77"' };
  const patch = (operation: object) => ({ schemas: [PATCH_OP], Operations: [operation] });
  const rows: readonly (readonly [
    string,
    () => Promise<Answer>,
    string,
    string,
    string | undefined,
  ])[] = [
    [
      'taken name',
      () => send('POST', '/Users', { userName: 'GRACE' }),
      'create',
      '409 uniqueness',
      undefined,
    ],
    ['no name', () => send('POST', '/Users', {}), 'create', '400 invalidValue', undefined],
    [
      'not JSON',
      () => call(bridge, 'POST', '/scim/Users', { body: '{' }),
      'create',
      '400 invalidSyntax',
      undefined,
    ],
    [
      'nobody',
      () => send('PUT', '/Users/NOBODY', { userName: 'x' }),
      'replace',
      '404 notFound',
      'NOBODY',
    ],
    [
      'If-Match',
      () => send('PUT', `/Users/${id}`, { userName: 'x' }, wrong),
      'replace',
      '412 preconditionFailed',
      id,
    ],
    [
      'bad path',
      () => send('PATCH', `/Users/${id}`, patch({ op: 'add', path: '[', value: 1 })),
      'patch',
      '400 invalidPath',
      id,
    ],
    [
      'delete',
      () => send('DELETE', `/Users/${id}`, undefined, wrong),
      'delete',
      '412 preconditionFailed',
      id,
    ],
    [
      'group',
      () => send('POST', '/Groups', { displayName: 'refused' }),
      'create',
      '409 uniqueness',
      undefined,
    ],
    [
      'group member',
      () =>
        send(
          'PATCH',
          `/Groups/${groupId}`,
          patch({ op: 'add', path: 'members', value: [{ value: id, type: 'Group' }] }),
        ),
      'patch',
      '400 invalidValue',
      groupId,
    ],
    ['no group', () => send('DELETE', '/Groups/none'), 'delete', '404 notFound', 'none'],
  ];
  for (const [title, run, operation, problem, about] of rows) {
    let detail: unknown;
    const [event, ...more] = await history(async () => {
      detail = bodyOf(await run())['detail'];
    });
    assert.deepEqual(more, [], title);
    assert.deepEqual(
      [event?.operation, event?.result, event?.problem, event?.id],
      [operation, 'refused', problem, about],
      title,
    );
    assert.ok(String(detail).includes(event?.requestId ?? '?'), title);
  }
});

test('reading, and writing what is there already, leave none', async () => {
  const id = await made('/Users', { userName: 'mary' });
  const events = await history(async () => {
    await send('GET', `/Users/${id}`);
    await send('GET', '/Users/NOBODY');
    await send('GET', '/Users?filter=colour%20eq%201');
    await send('PUT', `/Users/${id}`, { userName: 'mary' });
  });
  assert.deepEqual(events, []);
});

test('members that are not there are named', async () => {
  const id = await made('/Users', { userName: 'joan' });
  const members = (...ids: readonly string[]) => ids.map((value) => ({ value }));
  let groupId = '';
  const rows: readonly (readonly [string, () => Promise<Answer>])[] = [
    ['create', () => send('POST', '/Groups', { displayName: 'Known', members: members(id, 'x1') })],
    [
      'replace',
      () => send('PUT', `/Groups/${groupId}`, { displayName: 'Known', members: members('x1') }),
    ],
    [
      'patch',
      () =>
        send('PATCH', `/Groups/${groupId}`, {
          schemas: [PATCH_OP],
          Operations: [{ op: 'add', path: 'members', value: members(id, 'x1') }],
        }),
    ],
  ];
  for (const [operation, run] of rows) {
    const events = await history(async () => {
      const answer = await run();
      assert.ok(answer.status < 300, answer.text);
      assert.equal(answer.headers['op-scim-unknown-members'], 'x1');
      if (operation === 'create') groupId = idOf(answer);
    });
    const naming = events.filter(({ unknownMembers }) => unknownMembers !== undefined);
    assert.equal(naming.length, 1, operation);
    assert.deepEqual(
      [naming[0]?.id, naming[0]?.unknownMembers, naming[0]?.operation],
      [groupId, ['x1'], operation],
    );
    assert.equal(events.length, 2, operation);
    assert.equal(events[0]?.requestId, events[1]?.requestId);
  }
});

test('a bulk request leaves what its operations would have left alone', async () => {
  const id = await made('/Users', { userName: 'edith' });
  const operations = [
    { method: 'POST', path: '/Users', bulkId: 'a', data: { userName: 'bulk' } },
    { method: 'POST', path: '/Users', bulkId: 'b', data: { userName: 'EDITH' } },
    { method: 'PUT', path: `/Users/${id}`, data: { userName: 'edith', title: 'x' } },
    { method: 'DELETE', path: '/Users/NOBODY' },
    {
      method: 'POST',
      path: '/Groups',
      bulkId: 'c',
      data: { displayName: 'Bulk', members: [{ value: id }, { value: 'x9' }] },
    },
  ];
  const events = await history(async () => {
    const answer = await send('POST', '/Bulk', { schemas: [BULK], Operations: operations });
    assert.equal(answer.status, 200, answer.text);
  });
  assert.deepEqual(
    events.map(({ operation, resourceType, result, unknownMembers }) =>
      [operation, resourceType, result, unknownMembers?.join()].filter(Boolean).join(' '),
    ),
    [
      'create User done',
      'create User refused',
      'replace User done',
      'delete User refused',
      'create Group done',
      'create Group refused x9',
    ],
  );
  assert.equal(new Set(events.map(({ requestId }) => requestId)).size, 1);
});
