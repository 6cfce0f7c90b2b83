import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { groupId, personId, userNameOf } from '../bench/people.ts';
import { seedBridge, seedGroups } from '../bench/seed-bridge.ts';
import { startBridge, type TestBridge } from '../support/bridge.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const ACCOUNT = 'test';
const SMALL = 1_000;
const LARGE = 6_000;
/** Beyond the groups that every seed has. */
const BIG_GROUP = { index: 900_000, name: 'Everyone' };

interface Request {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  readonly status: number;
}

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

function memberPatch(op: object): object {
  return { schemas: [PATCH], Operations: [op] };
}

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

const firstUses: readonly Request[] = [
  { name: 'GET', method: 'GET', path: `/Users/${personId(1)}`, status: 200 },
  { name: 'list', method: 'GET', path: '/Users?count=1', status: 200 },
  {
    name: 'create',
    method: 'POST',
    path: '/Users',
    body: { schemas: [USER], userName: 'first@example.com' },
    status: 201,
  },
];

/** Each request that an IdP repeats for every person; row 69 of docs/conformance.md. */
function requests(people: number): Request[] {
  const group = `/Groups/${groupId(BIG_GROUP.index)}`;
  const last = people - 1;
  const newcomer = { schemas: [USER], userName: 'newcomer@example.com' };
  const list = (filter: string) => `/Users?filter=${encodeURIComponent(filter)}`;
  return [
    { name: 'GET by id', method: 'GET', path: `/Users/${personId(7)}`, status: 200 },
    {
      name: 'userName eq',
      method: 'GET',
      path: list(`userName eq "${userNameOf(7)}"`),
      status: 200,
    },
    { name: 'nobody', method: 'GET', path: list('userName eq "nobody"'), status: 200 },
    {
      name: 'last page of 10',
      method: 'GET',
      path: `/Users?startIndex=${last - 8}&count=10&excludedAttributes=groups`,
      status: 200,
    },
    { name: 'create', method: 'POST', path: '/Users', body: newcomer, status: 201 },
    {
      name: 'rename',
      method: 'PATCH',
      path: `/Users/${personId(8)}`,
      body: memberPatch({ op: 'replace', path: 'displayName', value: 'Renamed' }),
      status: 200,
    },
    {
      name: 'remove a member',
      method: 'PATCH',
      path: group,
      body: memberPatch({ op: 'remove', path: `members[value eq "${personId(9)}"]` }),
      status: 204,
    },
    {
      name: 'add a member',
      method: 'PATCH',
      path: group,
      body: memberPatch({ op: 'add', path: 'members', value: [{ value: personId(9) }] }),
      status: 204,
    },
    {
      name: 'group without members',
      method: 'GET',
      path: `${group}?excludedAttributes=members`,
      status: 200,
    },
  ];
}

suite('What a request costs does not grow with the directory', () => {
  let redis: RedisServer;
  let client: Redis;

  before(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  after(async () => {
    client.disconnect();
    await redis.stop();
  });

  /** With so many people, all of them in one group. */
  async function onSeeded<T>(people: number, run: (bridge: TestBridge) => Promise<T>): Promise<T> {
    await client.flushdb();
    await seedBridge({ kind: 'redis', url: redis.url }, ACCOUNT, people);
    const group = { ...BIG_GROUP, size: people };
    await seedGroups({ kind: 'redis', url: redis.url }, ACCOUNT, [group]);
    const bridge = await startBridge({ store: 'redis', redisUrl: redis.url, keep: true });
    try {
      return await run(bridge);
    } finally {
      await bridge.close();
    }
  }

  /** Commands that Redis ran for each request, those inside scripts too. */
  function commandsFor(people: number): Promise<Map<string, number>> {
    return onSeeded(people, async (bridge) => {
      // Redis learns each script at its first use.
      for (const request of firstUses) await send(bridge, request);
      const counts = new Map<string, number>();
      for (const request of requests(people)) {
        await client.config('RESETSTAT');
        await send(bridge, request);
        counts.set(request.name, calls(await client.info('commandstats')));
      }
      return counts;
    });
  }

  test('members that are left out are not read', async () => {
    await onSeeded(SMALL, async (bridge) => {
      const filter = encodeURIComponent(`displayName eq "${BIG_GROUP.name}"`);
      const paths = [`/Groups/${groupId(BIG_GROUP.index)}?`, `/Groups?filter=${filter}&`];
      for (const path of paths) {
        const whole = await readsOf(bridge, `${path}excludedAttributes=meta`);
        const without = await readsOf(bridge, `${path}excludedAttributes=members`);
        assert.ok(whole > without, `${path}: ${whole} reads with members, ${without} without`);
        assert.equal(await readsOf(bridge, `${path}attributes=displayName`), without, path);
      }
    });
  });

  /** The commands of Redis for a second request like it. */
  async function readsOf(bridge: TestBridge, path: string): Promise<number> {
    const request: Request = { name: path, method: 'GET', path, status: 200 };
    await send(bridge, request);
    await client.config('RESETSTAT');
    await send(bridge, request);
    return calls(await client.info('commandstats'));
  }

  test(`as many commands of Redis for ${LARGE} people as for ${SMALL}`, async () => {
    const small = await commandsFor(SMALL);
    const large = await commandsFor(LARGE);
    assert.equal(small.size, requests(SMALL).length);
    assert.deepEqual(Object.fromEntries(large), Object.fromEntries(small));
  });
});

async function send(bridge: TestBridge, { method, path, body, status }: Request): Promise<void> {
  const response = await fetch(bridge.url + path, {
    method,
    headers: {
      authorization: `Bearer ${bridge.token}`,
      'content-type': 'application/scim+json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.equal(response.status, status, await response.text());
}

/** The sum of all calls in INFO commandstats but those of this test itself. */
function calls(text: string): number {
  let sum = 0;
  for (const [, name, count] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (!name?.startsWith('config') && name !== 'info') sum += Number(count);
  }
  return sum;
}
