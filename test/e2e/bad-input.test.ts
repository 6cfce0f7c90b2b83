import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startBridge, type TestBridge } from '../support/bridge.ts';
import { assertScimError, call, idOf } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { badRequests } from './bad-requests.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** All people and groups with versions and times: equal texts mean that nothing was changed. */
async function dump(bridge: TestBridge): Promise<string> {
  const users = await call(bridge, 'GET', '/Users?count=1000');
  const groups = await call(bridge, 'GET', '/Groups?count=1000');
  assert.equal(users.status, 200);
  assert.equal(groups.status, 200);
  return users.text + groups.text;
}

for (const store of ['sqlite', 'redis'] as const) {
  describe(`what no client should send, on ${store}`, () => {
    let redis: RedisServer | undefined;
    let bridge: TestBridge;
    let userId: string;
    let groupId: string;

    before(async () => {
      redis = store === 'redis' ? await startRedis() : undefined;
      bridge = await startBridge(redis === undefined ? {} : { redisUrl: redis.url });
      const user = { schemas: [USER], userName: 'ada@example.com', displayName: 'Ada' };
      userId = idOf(await call(bridge, 'POST', '/Users', { body: JSON.stringify(user) }));
      const group = { schemas: [GROUP], displayName: 'All', members: [{ value: userId }] };
      groupId = idOf(await call(bridge, 'POST', '/Groups', { body: JSON.stringify(group) }));
    });
    after(async () => {
      await bridge.close();
      await redis?.stop();
    });

    test('each is answered by a sentence of its own status, and changes nothing', async () => {
      const untouched = await dump(bridge);
      const mistakes: string[] = [];
      for (const { name, method, path, status, body, headers } of badRequests(userId, groupId)) {
        try {
          const answer = await call(bridge, method, path, {
            body,
            ...(headers === undefined ? {} : { headers }),
          });
          assertScimError(answer, status);
          if (status === 405) assert.match(answer.headers['allow'] ?? '', /GET|POST/);
          if (status === 413 && body instanceof Uint8Array) {
            assert.equal(answer.headers['connection'], 'close');
          }
        } catch (thrown) {
          mistakes.push(`${name}: ${thrown instanceof Error ? thrown.message : thrown}`);
        }
      }
      assert.deepEqual(mistakes, []);
      assert.equal(await dump(bridge), untouched);
    });
  });
}
