import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBridge } from '../../support/bridge.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

test('a circle that fails is answered operation by operation, also where two of it are one person', async () => {
  await using bridge = disposable(await startBridge());
  // The second finds who the first made, inactive, under its userName; nobody makes "nobody".
  const body = bulk([
    person('first', 'ada@example.com', ['second', 'third'], { active: false }),
    person('second', 'ada@example.com', ['third']),
    person('third', 'grace@example.com', ['first', 'second', 'nobody']),
    person('alone', 'joan@example.com', []),
  ]);
  const response = await fetch(`${bridge.url}/Bulk`, request(bridge.token, body));
  const answer = (await response.json()) as { Operations: { status: string }[] };
  assert.equal(response.status, 200);
  assert.deepEqual(
    answer.Operations.map(({ status }) => status),
    ['409', '409', '409', '201'],
  );
  const people = await fetch(`${bridge.url}/Users`, request(bridge.token));
  const { Resources } = (await people.json()) as { Resources: { userName: string }[] };
  assert.deepEqual(
    Resources.map(({ userName }) => userName),
    ['joan@example.com'],
  );
});

function person(bulkId: string, userName: string, needs: readonly string[], more: object = {}) {
  const [manager, ...roles] = needs.map((each) => ({ value: `bulkId:${each}` }));
  // The order in which references stand is the order in which they are looked for.
  const enterprise = manager === undefined ? {} : { [ENTERPRISE]: { manager } };
  const data = { schemas: [USER, ENTERPRISE], userName, ...more, ...enterprise, roles };
  return { method: 'POST', path: '/Users', bulkId, data };
}

function bulk(operations: readonly object[]): string {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
  return JSON.stringify({ schemas, Operations: operations });
}

function request(token: string, body?: string): RequestInit {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  return body === undefined ? { headers } : { method: 'POST', headers, body };
}

function disposable(bridge: Awaited<ReturnType<typeof startBridge>>) {
  return { ...bridge, [Symbol.asyncDispose]: () => bridge.close() };
}
