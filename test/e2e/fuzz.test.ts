import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { indexEntriesOf } from '#directory/indexes.ts';
import { openRedisBackend } from '#store/redis/backend.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import { startBridge, type TestBridge } from '../support/bridge.ts';
import { type Answer, assertScimError, call, idOf } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type RandomRequest, randomRequest } from './random-requests.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';

for (const store of ['sqlite', 'redis'] as const) {
  describe(`whatever comes, on ${store}`, () => {
    let redis: RedisServer | undefined;
    let bridge: TestBridge;
    let serial = 0;

    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'op-scim-fuzz-'));
      redis = store === 'redis' ? await startRedis({ args: ['--appendfsync', 'no'] }) : undefined;
      const where = redis === undefined ? { dataDir: folder } : { redisUrl: redis.url };
      bridge = await startBridge({ ...where, accountId: 'fuzz' });
    });
    after(async () => {
      await bridge.close();
      await redis?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function make(path: string, fields: object): Promise<string> {
      return idOf(await call(bridge, 'POST', path, { body: JSON.stringify(fields) }));
    }

    /** Sends it about a person and a group of its own. */
    async function send({ method, path, body, headers }: RandomRequest): Promise<Answer> {
      serial += 1;
      const unique = `fuzz-${serial}`;
      const user = await make('/Users', { schemas: [USER], userName: `${unique}-one` });
      const members = [{ value: user }];
      const group = await make('/Groups', { schemas: [GROUP], displayName: unique, members });
      const fill = (text: string) =>
        text
          .replaceAll('{user}', user)
          .replaceAll('{group}', group)
          .replaceAll('{unique}', `${unique}-two`)
          .replaceAll('%7Buser%7D', user);
      return call(bridge, method, fill(path), {
        body: typeof body === 'string' ? fill(body) : body,
        headers,
      });
    }

    // A failure prints its seed and path: replay it with these two.
    test('is answered, by SCIM’s errors where it is wrong, and never by one of ours', async () => {
      const seen = new Set<number>();
      await fc.assert(
        fc.asyncProperty(randomRequest, async (request) => {
          const answer = await send(request);
          seen.add(answer.status);
          if (request.method === 'HEAD') {
            assert.equal(answer.text, '');
            assert.ok(answer.status < 502 && answer.status !== 500);
          } else if (answer.status === 501) {
            assert.match(request.path, /\/me/i);
          } else if (answer.status >= 400) {
            assertScimError(answer);
          } else if (answer.status !== 307 && request.path !== '/ping') {
            assert.ok(answer.text === '' || JSON.parse(answer.text) !== undefined);
            assert.doesNotMatch(answer.text, /"status":"5\d\d"/);
          }
        }),
        { numRuns: 300 }, // A limit of time would leave it to chance what comes.
      );
      for (const status of [200, 201, 204, 400]) assert.ok(seen.has(status), `no ${status} came`);
      const listed = await call(bridge, 'GET', '/Users?count=1000');
      assert.equal(listed.status, 200);
      JSON.parse(listed.text);
    });

    test('and leaves a store that is whole', async () => {
      await bridge.close();
      const backend =
        redis === undefined
          ? await openSqliteBackend({ file: join(folder, 'directory.sqlite') })
          : await openRedisBackend({ url: redis.url });
      try {
        const directory = backend.account('fuzz');
        assert.ok((await directory.counts()).users > 100);
        const problems: string[] = [];
        for await (const problem of directory.problems(indexEntriesOf)) problems.push(problem);
        assert.deepEqual(problems, []);
      } finally {
        await backend.close();
      }
    });
  });
}
