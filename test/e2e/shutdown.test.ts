import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BridgeProcess, startBridgeProcess } from '../support/bridge-process.ts';
import { call, parseAnswer } from '../support/http-client.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

function start(shutdownDelaySeconds: number): Promise<BridgeProcess> {
  return startBridgeProcess({
    store: { kind: 'sqlite', dataDir: ':memory:' },
    env: { OP_SHUTDOWN_DELAY: String(shutdownDelaySeconds) },
  });
}

/** A creation of which the last byte is still to come. */
async function beginCreation(
  bridge: BridgeProcess,
  userName: string,
): Promise<{ socket: Socket; lastByte: string; received: Promise<string> }> {
  const body = JSON.stringify({ schemas: [USER], userName });
  const socket = connect(bridge.port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const received = once(socket, 'close').then(() => text);
  socket.write(
    `POST /Users HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${bridge.token}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`,
  );
  await sleep(100); // The bridge waits for the rest by now.
  return { socket, lastByte: body.slice(-1), received };
}

test('after SIGTERM /ping fails, requests are served for the delay, and none of a load fails', async () => {
  const bridge = await start(1);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const statuses: (number | string)[] = [];
  let isTold = false;
  // As a load balancer does: no new requests once /ping said no.
  const client = async (name: string) => {
    for (let serial = 0; serial < 10_000 && !isTold; serial += 1) {
      const body = JSON.stringify({ schemas: [USER], userName: `${name}-${serial}` });
      await call(bridge, 'POST', '/Users', { body, agent }).then(
        ({ status }) => statuses.push(status),
        (error) => statuses.push(String(error)),
      );
    }
  };
  const clients = ['a', 'b', 'c', 'd'].map(client);
  await sleep(300);
  const beforeSignal = statuses.length;
  const startedMs = performance.now();
  const ended = bridge.stop();
  await sleep(100);
  const pings: number[] = [];
  for (let poll = 0; poll < 7; poll += 1) {
    pings.push((await call({ url: bridge.url }, 'GET', '/ping')).status);
    await sleep(100);
  }
  isTold = true;
  await Promise.all(clients);
  assert.equal(await ended, 0);
  const tookMs = performance.now() - startedMs;
  agent.destroy();
  assert.deepEqual(new Set(pings), new Set([503]));
  assert.deepEqual(new Set(statuses), new Set([201]));
  assert.ok(statuses.length > beforeSignal + 50, 'served on');
  assert.ok(tookMs >= 1_000 && tookMs < 3_000, `${tookMs} ms`);
});

test('an accepted request is finished, however late its body comes', async () => {
  const bridge = await start(0);
  const { socket, lastByte, received } = await beginCreation(bridge, 'late@example.com');
  const ended = bridge.stop();
  await sleep(1_000);
  await assert.rejects(call({ url: bridge.url }, 'GET', '/ping'), /ECONNREFUSED/);
  socket.write(lastByte);
  const answer = parseAnswer(await received);
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['connection'], 'close');
  assert.equal(await ended, 0);
});

test('idle connections do not hold up the end, nor does one that was just served', async () => {
  const bridge = await start(0);
  const idle = connect(bridge.port, '127.0.0.1');
  await once(idle, 'connect');
  const agent = new Agent({ keepAlive: true });
  await call(bridge, 'GET', '/Users', { agent });
  const { socket, lastByte, received } = await beginCreation(bridge, 'last@example.com');
  const startedMs = performance.now();
  const ended = bridge.stop();
  await sleep(200);
  socket.write(lastByte);
  assert.equal(parseAnswer(await received).status, 201);
  assert.equal(await ended, 0);
  assert.ok(performance.now() - startedMs < 2_000, 'at once');
  idle.destroy();
  agent.destroy();
});
