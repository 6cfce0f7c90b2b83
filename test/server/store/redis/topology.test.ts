import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisBackend } from '#store/redis/backend.ts';
import type { RedisOptions } from '#store/redis/options.ts';
import { StoreUnavailable } from '#store/store.ts';
import {
  assertSound,
  changing,
  commitDone,
  create,
  createUsers,
  readMembers,
} from '../../../contract/fixture.ts';
import { eventually } from '../../../support/eventually.ts';
import { freePort } from '../../../support/free-port.ts';
import { type RedisServer, startRedis } from '../../../support/redis-server.ts';

suite('TLS', () => {
  let directory: string;
  let redis: RedisServer;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'op-scim-tls-'));
    makeCertificates(directory);
    const port = await freePort();
    const file = (name: string) => join(directory, name);
    const keys = ['--tls-cert-file', file('server.crt'), '--tls-key-file', file('server.key')];
    const tls = [
      '--tls-port',
      String(port),
      '--tls-auth-clients',
      'no',
      '--tls-ca-cert-file',
      file('ca.crt'),
    ];
    redis = await startRedis({ port, clear: false, args: [...tls, ...keys] });
  });
  after(async () => {
    await redis.stop();
    rmSync(directory, { recursive: true });
  });

  test('a URL or pieces with the CA, or no check at all', async () => {
    const caPem = readFileSync(join(directory, 'ca.crt'), 'utf8');
    const good: readonly RedisOptions[] = [
      { url: `rediss://127.0.0.1:${redis.port}`, caPem },
      { host: 'localhost', port: redis.port, tls: true, caPem },
      { url: `rediss://127.0.0.1:${redis.port}`, insecure: true },
    ];
    for (const [n, options] of good.entries()) {
      await usingStore(options, (store) => create(store, 'users', `u${n}`));
    }
  });

  test('Sentinels and the master that they name are spoken to by TLS alone', async () => {
    const file = (name: string) => join(directory, name);
    const port = await freePort();
    const sentinel = await startSentinel(redis.port, {
      port,
      lines: [
        'port 0',
        `tls-port ${port}`,
        'tls-replication yes',
        'tls-auth-clients no',
        `tls-ca-cert-file ${file('ca.crt')}`,
        `tls-cert-file ${file('server.crt')}`,
        `tls-key-file ${file('server.key')}`,
      ],
    });
    const sentinels = [{ host: '127.0.0.1', port }];
    const options = { sentinels, sentinelName: 'directory', tls: true };
    try {
      const caPem = readFileSync(file('ca.crt'), 'utf8');
      await usingStore({ ...options, caPem }, (store) => create(store, 'users', 'by-sentinel'));
      assert.match((await refusal(options)).reason, /can not be reached/, 'an unknown CA');
    } finally {
      await sentinel.stop();
    }
  });

  test('a certificate of an unknown CA, and a port without TLS, are said so', async () => {
    const error = await refusal({ url: `rediss://127.0.0.1:${redis.port}` });
    assert.match(error.reason, /certificate or handshake/);
    const clear = await startRedis();
    try {
      const reason = (await refusal({ url: `rediss://127.0.0.1:${clear.port}` })).reason;
      assert.match(reason, /can not be reached/);
    } finally {
      await clear.stop();
    }
  });
});

test('Sentinel: the master is found, and after a failover the new one', async () => {
  const master = await startRedis();
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
  const sentinel = await startSentinel(master.port);
  try {
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
    await usingStore({ sentinels, sentinelName: 'directory' }, async (store) => {
      await create(store, 'users', 'before');
      await withClient(replica.port, (client) => untilSynced(client));
      await withClient(sentinel.port, untilReplicaKnown);
      await master.kill9();
      await eventually(() => create(store, 'users', 'after'));
      assert.equal((await store.counts()).users, 2);
    });
    await withClient(replica.port, async (client) => {
      assert.equal(await client.hexists('{acme}:users', 'after'), 1);
    });
  } finally {
    await sentinel.stop();
    await replica.stop();
    await master.stop();
  }
});

test('Sentinel: none that answers is StoreUnavailable', async () => {
  const sentinels = [{ host: '127.0.0.1', port: await freePort() }];
  const error = await refusal({ sentinels, sentinelName: 'directory' });
  assert.match(error.reason, /can not be reached/);
});

test('Cluster: all keys of an account are in one slot', async () => {
  const redis = await startRedis({ isClusterNode: true });
  try {
    await withClient(redis.port, async (client) => {
      await client.call('cluster', 'addslotsrange', '0', '16383');
      await eventually(async () => {
        assert.match(String(await client.cluster('INFO')), /cluster_state:ok/);
      });
    });
    await usingStore({ url: redis.url, cluster: true }, async (store) => {
      await createUsers(store, 5);
      await create(store, 'groups', 'g');
      await commitDone(store, { ...changing('g', { add: ['u0', 'u1'] }), events: ['{}'] });
      const draft = await store.openDraft('g', 5_000);
      assert.ok(draft !== undefined && draft !== 'absent');
      await store.extendDraft(draft, ['u2', 'u3']);
      await commitDone(store, { publish: { draft } });
      await store.sweep();
      assert.deepEqual(await readMembers(store, 'g'), ['u2', 'u3']);
      assert.equal((await store.get('users', ['u2'], { groups: true }))[0]?.groups?.length, 1);
      assert.ok(await store.takeLease('lease', 'me', 1_000));
      assert.equal((await store.events(undefined, 5)).length, 1);
      await assertSound(store);
      await redis.kill9();
      await assert.rejects(store.counts(), StoreUnavailable);
      await redis.restart();
      await eventually(() => store.counts());
      assert.equal((await store.counts()).users, 5);
    });
  } finally {
    await redis.stop();
  }
});

/** A CA and a certificate of it for 127.0.0.1 and localhost. */
function makeCertificates(directory: string): void {
  const openssl = (...args: readonly string[]) => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe', timeout: 20_000 });
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-subj',
    '/CN=test CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  );
  openssl('req', ...key, '-subj', '/CN=redis', '-keyout', 'server.key', '-out', 'server.csr');
  writeFileSync(join(directory, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', ...signing, '-days', '2', '-out', 'server.crt');
}

async function startSentinel(
  masterPort: number,
  secure?: { readonly port: number; readonly lines: readonly string[] },
): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'op-scim-sentinel-'));
  const file = join(directory, 'sentinel.conf');
  writeFileSync(
    file,
    [
      `sentinel monitor directory 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds directory 500',
      'sentinel failover-timeout directory 3000',
      ...(secure?.lines ?? []),
      '',
    ].join('\n'),
  );
  const sentinel = await startRedis({
    first: [file, '--sentinel'],
    isSentinel: true,
    ...(secure === undefined ? {} : { port: secure.port, clear: false }),
  });
  return {
    ...sentinel,
    async stop() {
      await sentinel.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

async function untilSynced(client: Redis): Promise<void> {
  await eventually(async () => {
    assert.match(await client.info('replication'), /master_link_status:up/);
  });
}

/** A Sentinel fails over only to a replica that it has heard of. */
async function untilReplicaKnown(sentinel: Redis): Promise<void> {
  await eventually(async () => {
    const replicas = await sentinel.call('sentinel', 'replicas', 'directory');
    assert.ok(Array.isArray(replicas) && replicas.length === 1);
  });
}

async function usingStore<T>(
  options: RedisOptions,
  run: (store: ReturnType<Awaited<ReturnType<typeof openRedisBackend>>['account']>) => Promise<T>,
): Promise<T> {
  const backend = await openRedisBackend(options);
  try {
    return await run(backend.account('acme'));
  } finally {
    await backend.close();
  }
}

async function refusal(options: RedisOptions): Promise<StoreUnavailable> {
  const error: unknown = await usingStore(options, (store) => store.counts()).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof StoreUnavailable, String(error));
  return error;
}

async function withClient<T>(port: number, run: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, '127.0.0.1');
  try {
    return await run(client);
  } finally {
    client.disconnect();
  }
}
