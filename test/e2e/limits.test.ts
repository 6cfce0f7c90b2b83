import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBridge } from '../support/bridge.ts';
import { startBridgeProcess } from '../support/bridge-process.ts';
import { assertScimError, bodyOf, call } from '../support/http-client.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';

describe('limits', () => {
  test('above OP_RATE_LIMIT 429 with Retry-After; the limit itself is always served', async () => {
    const bridge = await startBridge({ env: { OP_RATE_LIMIT: '25' } });
    try {
      const flood = async () => {
        const agent = new Agent({ keepAlive: true });
        const sent = Array.from({ length: 80 }, () => call(bridge, 'GET', '/Users', { agent }));
        const answers = await Promise.all(sent);
        agent.destroy();
        const refused = answers.filter(({ status }) => status === 429);
        for (const answer of refused) {
          assertScimError(answer, 429);
          assert.equal(answer.headers['retry-after'], '1');
        }
        const served = answers.filter(({ status }) => status === 200).length;
        assert.equal(served + refused.length, 80);
        return served;
      };
      const startedMs = performance.now();
      const first = await flood();
      await sleep(1_000);
      const second = await flood();
      const seconds = (performance.now() - startedMs) / 1_000;
      assert.ok(first >= 25 && second >= 25, `${first}, then ${second}`);
      assert.ok(first + second <= 25 + seconds * 25, `${first + second} in ${seconds} s`);
      assert.equal((await call(bridge, 'GET', '/health')).status, 200, 'not limited');
    } finally {
      await bridge.close();
    }
  });

  test('a page has at most 1,000 resources, however many are asked for', async () => {
    const bridge = await startBridge();
    try {
      for (const [first, count] of [
        [0, 1_000],
        [1_000, 1],
      ] as const) {
        const Operations = Array.from({ length: count }, (_, place) => ({
          method: 'POST',
          path: '/Users',
          bulkId: `${place}`,
          data: { schemas: [USER], userName: `page-${first + place}` },
        }));
        const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
        const body = JSON.stringify({ schemas, Operations });
        assert.equal((await call(bridge, 'POST', '/Bulk', { body })).status, 200);
      }
      for (const query of ['count=1001', 'count=999999999999999', 'cursor=&count=100000']) {
        const page = bodyOf(await call(bridge, 'GET', `/Users?${query}`));
        assert.equal(page['itemsPerPage'], 1_000, query);
        assert.equal(page['totalResults'], 1_001, query);
      }
      const unasked = bodyOf(await call(bridge, 'GET', '/Users'));
      assert.equal(unasked['itemsPerPage'], 100);
    } finally {
      await bridge.close();
    }
  });

  test('8 MB of brackets, or of empty objects, are refused before they take memory', async () => {
    const bridge = await startBridgeProcess({ store: { kind: 'sqlite', dataDir: ':memory:' } });
    try {
      await call(bridge, 'GET', '/Groups');
      const before = await peakMebibytes(bridge.pid);
      const deep = `${'['.repeat(4_000_000)}${']'.repeat(4_000_000)}`;
      assertScimError(await call(bridge, 'POST', '/Groups', { body: deep }), 400);
      const wide = `[${'{},'.repeat(2_700_000)}{}]`;
      assertScimError(await call(bridge, 'POST', '/Groups', { body: wide }), 413);
      const grown = (await peakMebibytes(bridge.pid)) - before;
      assert.ok(grown < 80, `${grown} MiB more`);
    } finally {
      await bridge.stop();
    }
  });

  test('20 uploads without end at a time are not held in memory', async () => {
    const bridge = await startBridgeProcess({ store: { kind: 'sqlite', dataDir: ':memory:' } });
    try {
      const warm = { schemas: [USER], userName: 'warm@example.com' };
      await call(bridge, 'POST', '/Users', { body: JSON.stringify(warm) });
      const before = await peakMebibytes(bridge.pid);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => upload(bridge.url, bridge.token, 64)),
      );
      for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 413 /);
      const grown = (await peakMebibytes(bridge.pid)) - before;
      // 20 bodies of up to 1 MiB, and what waits for the garbage collector; 1,280 MiB were sent.
      assert.ok(grown < 200, `${grown} MiB more`);
      assert.equal((await call(bridge, 'GET', '/Users')).status, 200);
    } finally {
      await bridge.stop();
    }
  });
});

/** The most memory that the process ever had. */
async function peakMebibytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

/** Sends chunks without ever ending, at most `mebibytes`; resolves to what came back. */
function upload(url: string, token: string, mebibytes: number): Promise<string> {
  const chunk = Buffer.concat([
    Buffer.from('10000\r\n'),
    Buffer.alloc(65_536, ' '),
    Buffer.from('\r\n'),
  ]);
  return new Promise((resolve) => {
    let received = '';
    let left = mebibytes * 16;
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const send = () => {
      while (left > 0 && !socket.destroyed) {
        left -= 1;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('drain', send).on('error', () => {});
    socket.on('data', (text) => {
      received += text;
      socket.destroy();
    });
    socket.once('close', () => resolve(received));
    socket.write(
      `POST /Users HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    send();
  });
}
