import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Koa from 'koa';
import { pino } from 'pino';
import { answer, send } from '#http/answer.ts';
import type { Bridge, ScimState } from '#http/context.ts';
import { ScimError } from '#scim/errors.ts';
import { StoreUnavailable } from '#store/store.ts';
import { assertScimError, call } from '../../support/http-client.ts';

describe('answer', () => {
  let thrown: unknown;
  let written: ScimState['written'];
  let logged: { level: number; reqId?: string; msg: string }[] = [];
  let url: string;
  const server = createServer();

  before(async () => {
    const write = (line: string) => void logged.push(JSON.parse(line));
    const bridge = { log: pino({ level: 'trace' }, { write }) } as Bridge; // No more is asked for.
    const app = new Koa<ScimState>();
    app.use((ctx, next) => {
      ctx.state.requestId = '01234567-89ab';
      return next();
    });
    app.use(answer(bridge));
    app.use((ctx) => {
      ctx.state.written = written;
      if (thrown !== undefined) throw thrown;
      send(ctx, 200, '{}');
    });
    const handle = app.callback();
    server.on('request', (request, response) => void handle(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // It listens on TCP.
    url = `http://127.0.0.1:${port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  async function ask(error: unknown, accept = '') {
    thrown = error;
    logged = [];
    return await call({ url }, 'GET', '/', { headers: { accept } });
  }

  const accepted = {
    '': 'application/scim+json; charset=utf-8',
    '*/*': 'application/scim+json; charset=utf-8',
    'application/scim+json': 'application/scim+json; charset=utf-8',
    'application/json': 'application/json; charset=utf-8',
    'Application/JSON': 'application/json; charset=utf-8',
    'application/json, application/scim+json': 'application/scim+json; charset=utf-8',
    'text/html': 'application/scim+json; charset=utf-8',
  };
  for (const [accept, mediaType] of Object.entries(accepted)) {
    test(`Accept "${accept}" gets ${mediaType}, errors too`, async () => {
      assert.equal((await ask(undefined, accept)).headers['content-type'], mediaType);
      const refused = await ask(new ScimError('notFound', 'There is no such person.'), accept);
      assert.equal(refused.headers['content-type'], mediaType);
    });
  }

  test('a ScimError is told to the client, with the reference, and is nothing for the log', async () => {
    const answer = await ask(new ScimError('uniqueness', 'userName "ada" is taken by another.'));
    const detail = assertScimError(answer, 409);
    assert.equal(detail, 'userName "ada" is taken by another. (ref 01234567-89ab)');
    assert.match(answer.text, /"scimType":"uniqueness"/);
    assert.deepEqual(logged, []);
  });

  test('what is too large ends the connection', async () => {
    const answer = await ask(new ScimError('tooLarge', 'The body is larger than it may be.'));
    assert.equal(answer.headers['connection'], 'close');
  });

  test('a store that is away is 503 with Retry-After, and warns', async () => {
    const answer = await ask(
      new StoreUnavailable('Redis can not be reached.', new Error('canary')),
    );
    assert.match(
      assertScimError(answer, 503),
      /Redis can not be reached\. Send the request again\. \(ref/,
    );
    assert.equal(answer.headers['retry-after'], '5');
    assert.deepEqual(
      logged.map(({ level, reqId }) => [level, reqId]),
      [[40, '01234567-89ab']],
    );
    assert.doesNotMatch(JSON.stringify(logged), /canary/);
  });

  test('after a write that a store did not answer, it is not known whether it was made', async () => {
    written = { operation: 'create', resourceType: 'User' };
    const answer = await ask(new StoreUnavailable('Redis can not be reached.'));
    written = undefined;
    assert.match(assertScimError(answer, 503), /again: whether it changed something is not known/);
  });

  for (const bug of [
    new TypeError('canary'),
    'canary',
    null,
    Object.assign(new Error('canary'), { status: 200, expose: true }),
  ]) {
    test(`a bug that throws ${String(bug)} is 500 without a word of it, and an error in the log`, async () => {
      const answer = await ask(bug ?? null);
      assert.match(assertScimError(answer, 500), /Look the reference up in its log/);
      assert.doesNotMatch(answer.text, /canary/);
      assert.deepEqual(
        logged.map(({ level, reqId }) => [level, reqId]),
        [[50, '01234567-89ab']],
      );
    });
  }
});
