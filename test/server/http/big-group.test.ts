import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { pino } from 'pino';
import { createApp } from '#http/app.ts';
import type { Bridge } from '#http/context.ts';
import { Health } from '#http/health.ts';
import { createMetrics } from '#http/metrics.ts';
import type { Keyring } from '#session/keyring.ts';
import { type MemberSlice, type Store, type StoreBackend, StoreUnavailable } from '#store/store.ts';
import { bodyOf, call, exchange } from '../../support/http-client.ts';

const SLICES = 5;
const NEXT = { generation: 1, sequence: 1 };

function slice(place: number): MemberSlice {
  const ids = Array.from({ length: 1_000 }, (_, index) => `m${place * 1_000 + index}`);
  return { ids, next: place < SLICES - 1 ? NEXT : undefined };
}

/** A store with one group; from slice `brokenFrom` on it can't be reached. */
function storeOf(brokenFrom: number): Store {
  let place = 0;
  const group = {
    id: 'g',
    sequence: 1,
    version: 1,
    createdMs: 0,
    modifiedMs: 0,
    body: '{"id":"g"}',
  };
  const partly: Partial<Store> = {
    get: async () => [{ ...group, members: slice(0) }],
    members: async () => {
      place += 1;
      if (place >= brokenFrom) throw new StoreUnavailable('Redis can not be reached.');
      return slice(place);
    },
  };
  return partly as Store; // No more of it is asked for.
}

async function serve(store: Store): Promise<{ url: string; server: Server; logged: string[] }> {
  const logged: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  const directory = { store, onUnknownMembers: 'skip' as const, scanLimitMs: 1_000 };
  const bridge: Bridge = {
    log,
    limits: {
      bodyBytes: 1_000,
      groupBodyBytes: 1_000,
      bulkBodyBytes: 1_000,
      bulkOperations: 10,
      requestsPerSecond: 1_000,
    },
    check: () => ({ kid: 'k', scope: 'scim', strict: false }),
    account: () => ({ directory, cursors: { seal: () => '', open: () => assert.fail() } }),
    confirm: () => undefined,
    isStrict: false,
    origin: undefined,
    servedHost: undefined,
    trustedProxies: () => false,
  };
  const metrics = createMetrics({} as StoreBackend, {} as Keyring); // Nobody scrapes them.
  const health = new Health('1.0.0', [], Date.now);
  const app = createApp(bridge, { health, metrics, isDraining: () => false });
  const server = createServer((request, response) => void app.callback()(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return { url: `http://127.0.0.1:${port}`, server, logged };
}

test('a big group comes whole, each member once', async () => {
  const { url, server } = await serve(storeOf(SLICES));
  const group = bodyOf(await call({ url, token: 'x' }, 'GET', '/Groups/g'));
  const { members } = group;
  assert.ok(Array.isArray(members));
  assert.equal(new Set(members.map(({ value }) => value)).size, SLICES * 1_000);
  server.close();
  server.closeAllConnections();
});

test('when the store fails in the middle, the answer is cut and the log says why', async () => {
  const { url, server, logged } = await serve(storeOf(3));
  const received = await exchange(url, [
    'GET /Groups/g HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n',
  ]);
  assert.match(received, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(received, /\r\n0\r\n\r\n$/, 'it must not look whole');
  const line = logged.map((text) => JSON.parse(text)).find(({ level }) => level === 40);
  assert.equal(line?.msg, 'an answer broke off');
  assert.match(line.reqId, /^[0-9a-f-]{13}$/);
  server.close();
});
