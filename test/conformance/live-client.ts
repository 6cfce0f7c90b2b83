/** Requests of the live cases: fetch, with SCIM's schemas and headers put in. */
import assert from 'node:assert/strict';
import type { JsonObject } from './conversation.ts';
import type { Bridge } from './runner.ts';

export interface LiveAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty when the answer has none. */
  readonly body: JsonObject;
}

const ANSWER_TIMEOUT_MS = 60_000;

/** `body` as an object gets the `schemas` that its path wants; as a text it is sent as it is. */
export async function call(
  bridge: Bridge,
  method: string,
  path: string,
  body?: JsonObject | string,
): Promise<LiveAnswer> {
  const payload =
    typeof body === 'object' ? JSON.stringify({ schemas: schemasOf(method, path), ...body }) : body;
  const response = await fetch(`${bridge.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bridge.token}`,
      'content-type': 'application/scim+json',
    },
    ...(payload === undefined ? {} : { body: payload }),
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  const text = await response.text();
  const parsed: JsonObject = text === '' ? {} : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: parsed };
}

/** Creates people by /Bulk, at most 1,000; their ids in the order of creation. */
export async function createUsers(
  bridge: Bridge,
  count: number,
  prefix: string,
): Promise<string[]> {
  const operations = Array.from({ length: count }, (_, index) => ({
    method: 'POST',
    path: '/Users',
    bulkId: String(index),
    data: {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: `${prefix}-${String(index).padStart(4, '0')}@example.com`,
    },
  }));
  const { status, body } = await call(bridge, 'POST', '/Bulk', { Operations: operations });
  assert.equal(status, 200);
  const done = body['Operations'];
  assert.ok(Array.isArray(done) && done.length === count, 'not every operation was answered');
  const ids = new Map<string, string>();
  for (const operation of done) {
    assert.ok(typeof operation === 'object' && operation !== null && !Array.isArray(operation));
    assert.equal(operation['status'], '201', JSON.stringify(operation));
    const id = String(operation['location']).split('/').at(-1) ?? '';
    ids.set(String(operation['bulkId']), id);
  }
  return operations.map(({ bulkId }) => ids.get(bulkId) ?? '');
}

export async function membersOf(bridge: Bridge, groupId: string): Promise<Set<string>> {
  return memberIds((await call(bridge, 'GET', `/Groups/${groupId}`)).body);
}

/** Fails when a member appears twice. */
export function memberIds(group: JsonObject): Set<string> {
  const members = group['members'] ?? [];
  assert.ok(Array.isArray(members));
  const ids = members.map((member) => {
    assert.ok(typeof member === 'object' && member !== null && !Array.isArray(member));
    return String(member['value']);
  });
  assert.equal(new Set(ids).size, ids.length, 'a member appears twice');
  return new Set(ids);
}

function schemasOf(method: string, path: string): string[] {
  if (method === 'PATCH') return ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  if (path === '/Bulk') return ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
  if (path.endsWith('/.search')) return ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
  const type = path.startsWith('/Groups') ? 'Group' : 'User';
  return [`urn:ietf:params:scim:schemas:core:2.0:${type}`];
}
