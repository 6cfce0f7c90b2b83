import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLimitedServer } from '#http/server.ts';
import { bodyOf, call, exchange, parseAnswer } from '../../support/http-client.ts';

let server: Server;
let url: string;

before(async () => {
  server = createLimitedServer((request, response) => {
    request.resume();
    if (request.url === '/half') {
      response.write('half');
      return;
    }
    request.once('end', () => response.end(`served ${request.method}`));
  }).server;
  server.headersTimeout = 300;
  server.requestTimeout = 600;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  url = `http://127.0.0.1:${port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

const headers = (bytes: number) => `X: ${'x'.repeat(1_000)}\r\n`.repeat(bytes / 1_000);
const refused = {
  'no HTTP at all': ['\x16\x03\x01\x02\x00\x01\x00 this is TLS\r\n\r\n', 400],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  'a space in the path': ['GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  'a control character in a header': ['GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n', 400],
  'a length that is no number': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 400],
  'both a length and chunks': [
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'a chunk without a size': [
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    400,
  ],
  'headers of 20 kB': [`GET / HTTP/1.1\r\nHost: a\r\n${headers(20_000)}\r\n`, 431],
  'an address of 20 kB': [`GET /?filter=${'('.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
  'headers that do not end': ['GET / HTTP/1.1\r\nHost: a\r\n', 408],
  'a body that does not end': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{', 408],
  'a tunnel': ['CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
} as const;
for (const [name, [sent, status]] of Object.entries(refused)) {
  test(`${name} is answered ${status} in SCIM's form, then the connection ends`, async () => {
    const answer = parseAnswer(await exchange(url, [sent]));
    assert.equal(answer.status, status);
    assert.equal(answer.headers['connection'], 'close');
    assert.match(answer.headers['content-type'] ?? '', /^application\/scim\+json/);
    assert.equal(answer.headers['content-length'], String(answer.text.length));
    const { schemas, status: written, detail } = bodyOf(answer);
    assert.deepEqual(schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
    assert.equal(written, String(status));
    assert.match(String(detail), /\w+ .*\. .*\w\.$/, 'what happened, and what to do');
  });
}

const served = {
  'a request without Host': 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
  'HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
  'an expectation that nobody knows':
    'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n',
  'an upgrade that nobody offers':
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
};
for (const [name, sent] of Object.entries(served)) {
  test(`${name} reaches the application`, async () => {
    assert.match(await exchange(url, [sent]), /^HTTP\/1\.1 200 OK\r\n[\s\S]*served GET/);
  });
}

test('a request that is refused after others on the same connection is answered, too', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const first = await call({ url }, 'GET', '/', { agent });
  assert.equal(first.status, 200);
  for (const length of [20_000, 200_000]) {
    const second = await call({ url }, 'GET', `/?${'('.repeat(length)}`, { agent });
    assert.equal(second.status, 431);
  }
  agent.destroy();
});

test('who goes on sending after a refusal is cut', async () => {
  const port = Number(new URL(url).port);
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const startedMs = performance.now();
  let sent = 0;
  const send = () => {
    sent += 1;
    if (sent < 200 && !socket.destroyed)
      socket.write('\x00'.repeat(10_000), () => setTimeout(send, 20));
  };
  socket.once('connect', send).on('error', () => {});
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  assert.ok(performance.now() - startedMs < 3_000);
  assert.ok(sent > 10 && sent < 200, 'cut before it was done');
});

test('what comes after half an answer does not end up in it', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
    if (text.includes('half')) socket.write('\x00 no HTTP\r\n\r\n');
  });
  socket.write('GET /half HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'close');
  assert.match(received, /half/);
  assert.doesNotMatch(received, /urn:ietf/);
});

/** A server of its own that sends half an answer at once and the rest when it is told to. */
async function halfwayServer() {
  const limited = createLimitedServer((_request, response) => {
    response.write('half');
    finish = () => response.end('whole');
  });
  let finish = () => {};
  limited.server.listen(0, '127.0.0.1');
  await once(limited.server, 'listening');
  const { port } = limited.server.address() as AddressInfo; // It listens on TCP.
  return { port, drain: limited.drain, finish: () => finish() };
}

test('draining waits for an answer under way, then for nothing', { timeout: 10_000 }, async () => {
  const { port, drain, finish } = await halfwayServer();
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  const silent = connect(port, '127.0.0.1');
  silent.resume();
  const isOver = Promise.all([once(socket, 'close'), once(silent, 'close')]);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  let isDrained = false;
  const drained = drain().then(() => {
    isDrained = true;
  });
  await sleep(500);
  assert.equal(isDrained, false);
  const finishedMs = performance.now();
  finish();
  await drained;
  assert.ok(performance.now() - finishedMs < 2_000, 'the connection that said nothing is closed');
  await isOver;
  assert.match(received, /half[\s\S]*whole/);
});

test('who connects just before the drain is still served', { timeout: 10_000 }, async () => {
  const { port, drain, finish } = await halfwayServer();
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const drained = drain();
  await sleep(300);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const [first] = await once(socket, 'data');
  assert.match(String(first), /^HTTP\/1\.1 200 /);
  finish();
  await drained;
});

test('a client that does not read its answer is cut at last', { timeout: 10_000 }, async () => {
  const { server } = createLimitedServer((_request, response) => {
    response.end('x'.repeat(50_000_000));
  });
  assert.equal(server.keepAliveTimeout, 75_000, 'longer than load balancers keep a connection');
  assert.ok(server.timeout > server.keepAliveTimeout && server.timeout <= 300_000);
  server.timeout = 300;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const accepted = once(server, 'connection');
  const stalled = connect(port, '127.0.0.1').pause();
  stalled.on('error', () => {});
  stalled.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [socket] = await accepted;
  await once(socket, 'close');
  stalled.destroy();
  server.close();
});
