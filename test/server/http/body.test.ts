import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readJson } from '#http/body.ts';
import { ScimError } from '#scim/errors.ts';
import { bodyOf, call, exchange, parseAnswer } from '../../support/http-client.ts';

const LIMIT_BYTES = 1_048_576;

let server: Server;
let url: string;
/** What `readJson` did with the last request, as `problem` or `value`. */
let last: Promise<string>;

before(async () => {
  server = createServer((request, response) => {
    const read = readJson(request, LIMIT_BYTES).then(
      (value) => ({ status: 200, body: { value } }),
      (thrown) => {
        if (!(thrown instanceof ScimError)) return { status: 500, body: { thrown: `${thrown}` } };
        return { status: thrown.status, body: { problem: thrown.problem, detail: thrown.message } };
      },
    );
    last = read.then(({ body }) => JSON.stringify(body));
    void read.then(({ status, body }) => {
      response.writeHead(status, status === 413 ? { connection: 'close' } : {});
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  url = `http://127.0.0.1:${port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

const goodBodies = {
  'an object': ['{"a":1}', { a: 1 }],
  'white space around it': [' \r\n\t{"a":1}\n ', { a: 1 }],
  'text beyond ASCII': ['{"a":"Ærø 🦊"}', { a: 'Ærø 🦊' }],
  'a key that is a trap': ['{"__proto__":{"a":1}}', JSON.parse('{"__proto__":{"a":1}}')],
} as const;

for (const [name, [text, value]] of Object.entries(goodBodies)) {
  test(`read: ${name}`, async () => {
    const answer = await call({ url }, 'POST', '/', { body: text });
    assert.deepEqual(bodyOf(answer), { value });
  });
}

test('a body of several chunks is put together, also when a character is cut', async () => {
  const bytes = Buffer.from('{"a":"🦊"}');
  const pieces = [...bytes].map((byte) => `1\r\n${String.fromCharCode(byte)}\r\n`);
  const head =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
  const raw = Buffer.from(`${head}${pieces.join('')}0\r\n\r\n`, 'latin1');
  const answer = parseAnswer(await exchange(url, [raw]));
  assert.equal(answer.status, 200);
  assert.match(answer.text, /🦊/);
});

const badBodies: Readonly<Record<string, readonly [string | Uint8Array, RegExp]>> = {
  'no body': ['', /has no body/],
  'no JSON': ['{"a":', /not valid JSON/],
  'two documents': ['{}{}', /not valid JSON at position 2\./],
  'a byte order mark': ['\uFEFF{}', /not valid JSON/],
  'no UTF-8': [Buffer.from([0x22, 0xff, 0xfe, 0x22]), /not UTF-8/],
  'half a surrogate pair in bytes': [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), /not UTF-8/],
  'an overlong slash': [Buffer.from([0x22, 0xc0, 0xaf, 0x22]), /not UTF-8/],
  'UTF-16': [Buffer.from('{"a":1}', 'utf16le'), /not valid JSON/],
};

for (const [name, [body, complaint]] of Object.entries(badBodies)) {
  test(`refused: ${name}`, async () => {
    const answer = await call({ url }, 'POST', '/', { body });
    assert.equal(answer.status, 400);
    const { problem, detail } = bodyOf(answer);
    assert.equal(problem, 'invalidSyntax');
    assert.match(String(detail), complaint);
  });
}

test('a syntax error names the place where it can, and quotes nothing of the body', async () => {
  const unquoted = await call({ url }, 'POST', '/', { body: '{"password":canary}' });
  assert.match(unquoted.text, /not valid JSON/);
  assert.doesNotMatch(unquoted.text, /canary|password/);
  const body = '{"password":"canary" "userName":"canary"}';
  const placed = await call({ url }, 'POST', '/', { body });
  assert.match(placed.text, /at position 21/);
  assert.doesNotMatch(placed.text, /canary/);
});

const mediaTypes = {
  'application/scim+json': 200,
  'application/json': 200,
  'Application/SCIM+JSON; charset=utf-8': 200,
  'application/json;charset=UTF-8': 200,
  'text/plain': 415,
  'application/x-www-form-urlencoded': 415,
  'application/jsonp': 415,
  'application/scim+json, text/html': 415,
  'multipart/form-data; boundary=application/json': 415,
} as const;

for (const [mediaType, status] of Object.entries(mediaTypes)) {
  test(`${mediaType} is answered ${status}`, async () => {
    const headers = { 'content-type': mediaType };
    const answer = await call({ url }, 'POST', '/', { body: '{}', headers });
    assert.equal(answer.status, status);
  });
}

test('without a media type JSON is taken', async () => {
  const answer = await call({ url }, 'POST', '/', { body: '{}', headers: { 'content-type': '' } });
  assert.equal(answer.status, 200);
});

test('a body of exactly the limit is read, and one byte more is refused', async () => {
  const fitting = `"${'x'.repeat(LIMIT_BYTES - 2)}"`;
  assert.equal((await call({ url }, 'POST', '/', { body: fitting })).status, 200);
  const tooLong = await call({ url }, 'POST', '/', { body: `${fitting} ` });
  assert.equal(tooLong.status, 413);
  assert.match(tooLong.text, /1,048,576 bytes/);
});

/** Writes everything before it reads anything, as simple clients do. */
function writeThenRead(head: string, frame: (piece: Buffer) => Buffer, end: string) {
  const piece = frame(Buffer.alloc(100_000, ' '));
  return new Promise<string>((resolve) => {
    let received = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', async () => {
      socket.pause();
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
      for (let sent = 0; sent < 120 && !socket.destroyed; sent += 1) {
        if (!socket.write(piece)) await drained(socket);
      }
      socket.write(end);
      socket.resume();
    });
    socket.on('data', (text) => {
      received += text;
    });
    socket.once('error', (error) => resolve(`${received} ${error.message}`));
    socket.once('close', () => resolve(received));
  });
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}

test('who sends an announced 12 MB before reading still gets the 413, and the connection ends', async () => {
  const received = await writeThenRead('Content-Length: 12000000', (piece) => piece, '');
  const answer = parseAnswer(received);
  assert.equal(answer.status, 413);
  assert.equal(answer.headers['connection'], 'close');
});

test('and so does who sends 12 MB in chunks', async () => {
  const size = (100_000).toString(16);
  const frame = (piece: Buffer) => Buffer.concat([Buffer.from(`${size}\r\n`), piece, CRLF]);
  const answer = parseAnswer(await writeThenRead('Transfer-Encoding: chunked', frame, '0\r\n\r\n'));
  assert.equal(answer.status, 413);
  assert.equal(answer.headers['connection'], 'close');
});

const CRLF = Buffer.from('\r\n');

test('of a body without end no more than the limit is held, and the answer comes in time', async () => {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  const heldMb = () => {
    collect();
    const { arrayBuffers, external, heapUsed } = process.memoryUsage();
    return (arrayBuffers + external + heapUsed) / 1e6;
  };
  const beforeMb = heldMb();
  let highestMb = 0;
  const piece = Buffer.concat([
    Buffer.from('10000\r\n'),
    Buffer.alloc(65_536, ' '),
    Buffer.from('\r\n'),
  ]);
  let received = '';
  const startedMs = performance.now();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let sent = 0; sent < 20_000 && received === '' && !socket.destroyed; sent += 1) {
    if (!socket.write(piece)) await drained(socket);
    if (sent % 100 === 99) {
      highestMb = Math.max(highestMb, heldMb());
      await sleep(50);
    }
  }
  const tookMs = performance.now() - startedMs;
  socket.destroy();
  assert.match(received, /^HTTP\/1\.1 413 /);
  assert.ok(tookMs < 8_000, `${tookMs} ms`);
  assert.ok(highestMb - beforeMb < 8, `${highestMb - beforeMb} MB held`);
});

test('a client that goes away in the middle is no bug of ours', async () => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const asked = new Promise((resolve) => server.once('request', resolve));
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"a":');
  await asked;
  socket.destroy();
  assert.match(await last, /"badRequest".*ended too early/);
});
