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

/** Creates people, some at a time; their ids in the order of their names. */
export async function createUsers(
  bridge: Bridge,
  count: number,
  prefix: string,
): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const batch = Array.from({ length: Math.min(25, count - ids.length) }, (_, index) => {
      const serial = String(ids.length + index).padStart(4, '0');
      return call(bridge, 'POST', '/Users', { userName: `${prefix}-${serial}@example.com` });
    });
    for (const { status, body } of await Promise.all(batch)) {
      assert.equal(status, 201, JSON.stringify(body));
      ids.push(String(body['id']));
    }
  }
  return ids;
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
  if (path.endsWith('/.search')) return ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'];
  const type = path.startsWith('/Groups') ? 'Group' : 'User';
  return [`urn:ietf:params:scim:schemas:core:2.0:${type}`];
}
