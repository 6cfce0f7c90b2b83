import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { makeSession, startBridge, type TestSession } from '../../../support/bridge.ts';
import { startBridgeProcess } from '../../../support/bridge-process.ts';
import { freePort } from '../../../support/free-port.ts';
import { call } from '../../../support/http-client.ts';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';
import { assertFinding, type Examined, type Expectation, runDoctor } from './run-doctor.ts';

const PASSWORD = 'canary-redis';

describe('doctor on Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let session: TestSession;
  let env: Record<string, string>;
  before(async () => {
    redis = await startRedis({ args: ['--requirepass', PASSWORD] });
    client = new Redis({ port: redis.port, password: PASSWORD });
    session = makeSession('acme');
    env = {
      OP_SESSION: session.base64,
      OP_REDIS_URL: `redis://default:${PASSWORD}@127.0.0.1:${redis.port}`,
    };
    const bridge = await startBridge({ session, redisUrl: env['OP_REDIS_URL'] ?? '', env });
    assert.equal((await call(bridge, 'GET', '/Users')).status, 200);
    await bridge.close();
  });
  after(async () => {
    client.disconnect();
    await redis.stop();
  });

  test('all is well', async () => {
    const examined = await runDoctor({ env });
    assertAll(examined, [
      { id: 'redis', state: 'ok', says: /Version \d+\.\d+\.\d+ answers a PING in [\d.]+ ms\./ },
      { id: 'redis-durability', state: 'ok', says: /appendfsync always/ },
      { id: 'redis-eviction', state: 'ok', says: /noeviction/ },
      { id: 'redis-memory', state: 'ok', says: /Redis has no limit of its own/ },
      { id: 'redis-access', state: 'ok', says: /With a password, in clear/ },
      { id: 'sqlite-file', state: 'skipped', says: /SQLite is not used/ },
      { id: 'account', state: 'ok', says: /both of acme/ },
    ]);
    assert.ok(!examined.stdout.includes('canary'));
  });

  test('nothing is written: Redis has run reading commands alone', async () => {
    await client.config('RESETSTAT');
    const domain = {
      OP_TLS_DOMAIN: 'scim.example.com',
      OP_ACME_DIRECTORY_URL: 'https://127.0.0.1:9/', // No authority is asked.
    };
    await runDoctor({ env: { ...env, ...domain } });
    const stats = await client.info('commandstats');
    const commands = [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = '']) => name);
    const reading = [
      'auth',
      'config',
      'hget',
      'hmget',
      'info',
      'ping',
      'xrange',
      'hello',
      'client',
      'select',
    ];
    const others = commands.filter((name) => !reading.includes(name.split('|')[0] ?? ''));
    assert.deepEqual(others, []);
    assert.ok(commands.includes('hmget') && commands.includes('xrange'), commands.join());
  });

  const policies: readonly (readonly [Readonly<Record<string, string>>, Expectation])[] = [
    [
      { 'maxmemory-policy': 'allkeys-lru' },
      {
        id: 'redis-eviction',
        state: 'failed',
        says: /maxmemory-policy allkeys-lru.*Set maxmemory-policy noeviction/,
      },
    ],
    [
      { appendonly: 'no', save: '' },
      { id: 'redis-durability', state: 'failed', says: /a restart loses all of it/ },
    ],
    [
      { appendonly: 'no', save: '3600 1' },
      { id: 'redis-durability', state: 'warning', says: /loses what came after the last one/ },
    ],
    [
      { appendfsync: 'no' },
      { id: 'redis-durability', state: 'warning', says: /may lose the last seconds/ },
    ],
  ];
  for (const [settings, expectation] of policies) {
    test(`${JSON.stringify(settings)} is told`, async () => {
      for (const [name, value] of Object.entries(settings)) await client.config('SET', name, value);
      try {
        assertFinding(await runDoctor({ env }), expectation);
      } finally {
        for (const [name, value] of Object.entries(DEFAULTS)) {
          await client.config('SET', name, value);
        }
      }
    });
  }

  // Doctor's own connection takes some of it, too.
  for (const [state, part] of [
    ['warning', 0.87],
    ['failed', 0.99],
  ] as const) {
    test(`memory of which ${part} is used: ${state}`, async () => {
      const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
      await client.config('SET', 'maxmemory', String(Math.round(used / part)));
      try {
        const says = /are used, \d+ % of maxmemory\. Raise maxmemory before writes are refused/;
        assertFinding(await runDoctor({ env }), { id: 'redis-memory', state, says });
      } finally {
        await client.config('SET', 'maxmemory', '0');
      }
    });
  }

  test('a store that nobody holds is told, and what that means after a bridge has served', async () => {
    const free = { ...env, OP_REDIS_URL: `${env['OP_REDIS_URL']}/1` };
    const says = /free, with nobody in it.*If a bridge has served.*op-scim import before/;
    assertFinding(await runDoctor({ env: free }), { id: 'account', state: 'ok', says });
  });

  test('the session of another account is told', async () => {
    const other = { ...env, OP_SESSION: makeSession('other').base64 };
    const says = /belongs to another account.*The session is of other, the store of acme\./;
    const examined = await runDoctor({ env: other });
    assertFinding(examined, { id: 'account', state: 'failed', says });
    assert.match(examined.of('account').hint ?? '', /OP_DATA_DIR.*--account-id acme$/);
  });

  test('what keeps the bridge from Redis is told, and what needs it is skipped', async () => {
    const wrongs = [
      [`redis://127.0.0.1:${await freePort()}`, /the connection was refused/],
      [
        `redis://default:canary-wrong@127.0.0.1:${redis.port}`,
        /did not accept the user name or the password/,
      ],
    ] as const;
    for (const [url, says] of wrongs) {
      const examined = await runDoctor({ env: { ...env, OP_REDIS_URL: url } });
      assertAll(examined, [
        { id: 'redis', state: 'failed', says },
        { id: 'redis-durability', state: 'skipped', says: /does not answer/ },
        { id: 'account', state: 'skipped', says: /can not be read/ },
      ]);
      assert.equal(examined.exitCode, 1);
      assert.ok(!examined.stdout.includes('canary'));
    }
  });

  test('no password, and a certificate that is not checked, are warnings', async () => {
    const open = { ...env, OP_REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    await client.config('SET', 'requirepass', '');
    try {
      const says = /asks for no password/;
      assertFinding(await runDoctor({ env: open }), { id: 'redis-access', state: 'warning', says });
    } finally {
      await client.config('SET', 'requirepass', PASSWORD);
    }
  });
});

const DEFAULTS = {
  'maxmemory-policy': 'noeviction',
  appendonly: 'yes',
  appendfsync: 'always',
  save: '',
};

describe('doctor on SQLite', () => {
  let folder: string;
  let session: TestSession;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'op-scim-doctor-'));
    session = makeSession('acme');
  });
  after(() => rmSync(folder, { recursive: true }));

  const envOf = (name: string) => ({
    OP_SESSION: session.base64,
    OP_DATA_DIR: join(folder, name),
  });

  /** Names, sizes and times of all files of a folder. */
  const stateOf = (name: string) =>
    readdirSync(join(folder, name)).map((file) => {
      const { size, mtimeMs, ino } = statSync(join(folder, name, file));
      return { file, size, mtimeMs, ino };
    });

  test('a database that was closed is read, and left as it was to the byte', async () => {
    const env = envOf('closed');
    const bridge = await startBridge({ session, dataDir: env.OP_DATA_DIR });
    assert.equal((await call(bridge, 'GET', '/Users')).status, 200);
    await bridge.close();
    const before = stateOf('closed');
    assertAll(await runDoctor({ env }), [
      { id: 'sqlite-file', state: 'ok', says: /directory\.sqlite can be read/ },
      { id: 'sqlite-disk', state: 'ok', says: /MiB are free/ },
      { id: 'account', state: 'ok', says: /both of acme/ },
      { id: 'redis', state: 'skipped', says: /Redis is not used/ },
    ]);
    assert.deepEqual(stateOf('closed'), before);
  });

  test('beside a running bridge, which goes on and is not refused; and after its crash', async () => {
    const env = envOf('running');
    const path = join(folder, 'scimsession');
    writeFileSync(path, Buffer.from(session.base64, 'base64'), { mode: 0o600 });
    const bridge = await startBridgeProcess({
      store: { kind: 'sqlite', dataDir: env.OP_DATA_DIR },
      session: { path, token: session.token },
    });
    const headers = {
      authorization: `Bearer ${session.token}`,
      'content-type': 'application/json',
    };
    const post = async (userName: string) => {
      const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
      const body = JSON.stringify({ schemas, userName });
      return (await fetch(`${bridge.url}/Users`, { method: 'POST', headers, body })).status;
    };
    const well: Expectation = { id: 'account', state: 'ok', says: /both of acme/ };
    try {
      assert.equal(await post('before'), 201);
      assertFinding(await runDoctor({ env }), well);
      assert.equal(await post('after'), 201);
    } finally {
      await bridge.kill9();
    }
    assertFinding(await runDoctor({ env }), well);
  });

  test('no database yet is well, where it can be made', async () => {
    const examined = await runDoctor({ env: envOf('nothing') });
    const says = /There is no .*directory\.sqlite yet: the bridge makes it/;
    assertFinding(examined, { id: 'sqlite-file', state: 'ok', says });
    assertFinding(examined, { id: 'account', state: 'skipped', says: /no database yet/ });
    assert.ok(!readdirSync(folder).includes('nothing'));
  });

  const wrongs: Readonly<Record<string, readonly [(file: string) => void, RegExp]>> = {
    'a file that is none': [
      (file) => writeFileSync(file, 'canary'.repeat(1_000)),
      /The database file is damaged/,
    ],
    'a database of another program': [
      (file) => {
        const database = new DatabaseSync(file);
        database.exec('CREATE TABLE canary (a)');
        database.close();
      },
      /is a database of another program/,
    ],
    'a database of a newer version': [
      (file) => {
        const database = new DatabaseSync(file);
        database.exec(`PRAGMA application_id = ${0x4f505343}; PRAGMA user_version = 99`);
        database.close();
      },
      /has format 99, this version of the bridge reads/,
    ],
  };
  for (const [name, [prepare, says]] of Object.entries(wrongs)) {
    test(`${name} is told`, async () => {
      const env = envOf(name.replaceAll(' ', '-'));
      mkdirSync(env.OP_DATA_DIR);
      prepare(join(env.OP_DATA_DIR, 'directory.sqlite'));
      const examined = await runDoctor({ env });
      assertFinding(examined, { id: 'sqlite-file', state: 'failed', says });
      assertFinding(examined, { id: 'account', state: 'skipped', says: /can not be read/ });
      assert.ok(!examined.stdout.includes('canary'));
    });
  }

  test('a directory in memory is a warning', async () => {
    const env = { OP_SESSION: session.base64, OP_DATA_DIR: ':memory:' };
    const says = /is in memory and ends with the bridge/;
    assertFinding(await runDoctor({ env }), { id: 'sqlite-file', state: 'warning', says });
  });
});

function assertAll(examined: Examined, expectations: readonly Expectation[]): void {
  for (const expectation of expectations) assertFinding(examined, expectation);
}
