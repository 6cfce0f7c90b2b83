import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '#config/load.ts';
import { indexEntriesOf } from '#directory/indexes.ts';
import { openBackend } from '#store/open.ts';
import { makeSession, startBridge, type TestSession } from '../../support/bridge.ts';
import { bodyOf, call, idOf } from '../../support/http-client.ts';
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import { opScim } from './fake-io.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PEOPLE = 1_200;

/** A store by its settings. */
type Settings = Readonly<Record<string, string>>;

describe('export and import', () => {
  let folder: string;
  let redis: RedisServer;
  let session: TestSession;
  let databases = 0;
  /** Everything of the directory that the tests begin with, as it was exported. */
  let exported: string;
  let source: Settings;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'op-scim-transfer-'));
    redis = await startRedis({ args: ['--appendfsync', 'no'] });
    session = makeSession('transfer');
    source = newStore('sqlite');
    await seed(source);
    const ran = await opScim(['export'], { env: source });
    assert.equal(ran.exitCode, 0, ran.stderr);
    exported = ran.stdout;
  });
  after(async () => {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function newStore(kind: 'sqlite' | 'redis'): Settings {
    databases += 1;
    const store: Settings =
      kind === 'redis'
        ? { OP_REDIS_URL: `${redis.url}/${databases}` }
        : { OP_DATA_DIR: join(folder, `data-${databases}`) };
    return { OP_SESSION: session.base64, ...store };
  }

  /** People with all kinds of text, changed and deleted ones, groups of 0, 2 and 1,100 members. */
  async function seed(env: Settings): Promise<void> {
    const bridge = await startBridge({ session, env });
    const post = async (path: string, fields: object) =>
      idOf(await call(bridge, 'POST', path, { body: JSON.stringify(fields) }));
    const ids: string[] = [];
    for (let first = 0; first < PEOPLE; first += 600) {
      const Operations = Array.from({ length: 600 }, (_, place) => ({
        method: 'POST',
        path: '/Users',
        bulkId: `${place}`,
        data: { schemas: [USER], userName: `person-${first + place}`, title: 'Ærø\u2028🦊"\\' },
      }));
      const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
      const answer = await call(bridge, 'POST', '/Bulk', {
        body: JSON.stringify({ schemas, Operations }),
      });
      const done = bodyOf(answer)['Operations'];
      assert.ok(Array.isArray(done));
      for (const { location } of done) ids.push(String(location).split('/').at(-1) ?? '');
    }
    const [gone = '', changed = '', first = '', second = ''] = ids;
    const member = (value: string) => ({ value });
    const members = ids.slice(0, 1_100).map(member);
    await post('/Groups', { schemas: [GROUP], displayName: 'Big', externalId: 'b-1', members });
    await post('/Groups', { schemas: [GROUP], displayName: 'Empty' });
    const two = [member(second), member(first)];
    await post('/Groups', { schemas: [GROUP], displayName: 'Two', members: two });
    const put = { schemas: [USER], userName: 'changed', externalId: 'e-1', active: false };
    await call(bridge, 'PUT', `/Users/${changed}`, { body: JSON.stringify(put) });
    assert.equal((await call(bridge, 'DELETE', `/Users/${gone}`)).status, 204);
    await bridge.close();
  }

  /** All that a client sees: every page of people with their groups, and groups with members. */
  async function seen(env: Settings): Promise<unknown> {
    const bridge = await startBridge({ session, env, keep: true });
    try {
      const answers = [];
      for (const path of ['/Users?count=1000', '/Users?count=1000&startIndex=1001', '/Groups']) {
        const answer = await call(bridge, 'GET', path);
        answers.push(JSON.parse(answer.text.replaceAll(bridge.url, '')));
      }
      return answers;
    } finally {
      await bridge.close();
    }
  }

  async function problemsOf(env: Settings): Promise<string[]> {
    const backend = await openBackend(loadConfig(env).config);
    const problems: string[] = [];
    for await (const problem of backend.account('transfer').problems(indexEntriesOf)) {
      problems.push(problem);
    }
    await backend.close();
    return problems;
  }

  /** Without the header, which has the time. */
  const content = (text: string) => text.split('\n').slice(1).join('\n');

  for (const kind of ['redis', 'sqlite'] as const) {
    test(`into ${kind}: the same people, groups, memberships, ids, versions and times`, async () => {
      const target = newStore(kind);
      const taken = await opScim(['import'], { env: target, stdin: exported });
      assert.equal(taken.exitCode, 0, taken.stderr);
      assert.equal(
        taken.stderr,
        'op-scim: took in 1199 people, 3 groups and 1101 memberships into account transfer.\n',
      );
      assert.deepEqual(await seen(target), await seen(source));
      assert.deepEqual(await problemsOf(target), []);
      const again = await opScim(['export'], { env: target });
      assert.equal(again.exitCode, 0, again.stderr);
      assert.ok(content(again.stdout) === content(exported), 'and the same export again');
    });
  }

  test('what was imported goes on as before: new ids, changes, a returning person', async () => {
    const target = newStore('redis');
    await opScim(['import'], { env: target, stdin: exported });
    const bridge = await startBridge({ session, env: target, keep: true });
    try {
      const user = (userName: string) => JSON.stringify({ schemas: [USER], userName });
      const post = (userName: string) => call(bridge, 'POST', '/Users', { body: user(userName) });
      assert.equal((await post('person-5')).status, 409);
      const back = await post('person-0');
      assert.equal(back.status, 201);
      const fresh = idOf(await post('fresh'));
      const page = bodyOf(await call(bridge, 'GET', `/Users?startIndex=${PEOPLE + 1}`));
      const { Resources } = page;
      assert.ok(Array.isArray(Resources));
      assert.equal(Resources.at(-1)?.id, fresh, 'a new person comes last');
      const tombstone = exported.split('\n').find((line) => line.includes('"tombstones"')) ?? '';
      assert.equal(JSON.parse(tombstone).id, idOf(back), 'the id of the one that was deleted');
    } finally {
      await bridge.close();
    }
  });

  test('an empty account is exported and imported, too', async () => {
    const empty = await opScim(['export'], { env: newStore('sqlite') });
    assert.equal(empty.stdout.trimEnd().split('\n').length, 2);
    assert.match(empty.stderr, /holds nothing of this account\. .*check OP_SESSION/);
    const taken = await opScim(['import'], { env: newStore('sqlite'), stdin: empty.stdout });
    assert.equal(taken.exitCode, 0, taken.stderr);
  });

  const wrongFiles: Readonly<
    Record<string, readonly [(lines: readonly string[]) => readonly string[], RegExp]>
  > = {
    'is empty': [() => [], /The export is empty\./],
    'has no header': [(lines) => lines.slice(1), /Line 1 is not the header/],
    'is of another version': [
      ([header = '', ...rest]) => [header.replace('"version":1', '"version":2'), ...rest],
      /Line 1 is not the header of an export of version 1/,
    ],
    'was cut between two lines': [
      (lines) => lines.slice(0, 300),
      /The export was cut after line 300\./,
    ],
    'was cut in the middle of a line': [
      (lines) => [...lines.slice(0, 300), lines[300]?.slice(0, 40) ?? ''],
      /Line 301 is not a line of an export\./,
    ],
    'lacks a line in the middle': [
      (lines) => lines.toSpliced(300, 1),
      /is not a line of an export\./,
    ],
    'has a person twice': [
      (lines) => [...lines.slice(0, 20), lines[10] ?? '', ...lines.slice(20)],
      /Line 21 is not a line/,
    ],
    'goes on after its end': [(lines) => [...lines, lines[5] ?? ''], /is not a line of an export/],
    'has a version that is none': [
      (lines) => lines.with(5, lines[5]?.replace('"version":1', '"version":-1') ?? ''),
      /Line 6 is not a line of an export/,
    ],
    'has a body that is none': [
      (lines) => lines.with(5, lines[5]?.replace(/"body":\{.*/, '"body":[]}') ?? ''),
      /Line 6 is not a line of an export/,
    ],
    'is something else': [() => ['PK\u0003\u0004 a zip file'], /Line 1 is not a line of an export/],
  };
  for (const [name, [change, complaint]] of Object.entries(wrongFiles)) {
    test(`a file that ${name} is refused with exit code 2`, async () => {
      const target = newStore('sqlite');
      const stdin = change(exported.trimEnd().split('\n')).join('\n');
      const refused = await opScim(['import'], { env: target, stdin });
      assert.equal(refused.exitCode, 2, refused.stderr);
      assert.match(refused.stderr, complaint);
      assert.doesNotMatch(refused.stderr, /\n\s+at /);
      const left = await opScim(['export'], { env: target });
      const isEmpty = left.stdout.trimEnd().split('\n').length === 2;
      assert.equal(isEmpty, !/empty the store before you try again/.test(refused.stderr));
    });
  }

  test('memberships of people who came while the export was written are left out', async () => {
    const target = newStore('redis');
    const stdin = exported.replace(/"memberIds":\[/, '"memberIds":["LATECOMER",');
    const taken = await opScim(['import'], { env: target, stdin });
    assert.equal(taken.exitCode, 0, taken.stderr);
    assert.match(taken.stderr, /left out 1 membership of/);
    assert.deepEqual(await seen(target), await seen(source));
  });

  test('an account that holds something is left alone', async () => {
    const before = await opScim(['export'], { env: source });
    const refused = await opScim(['import'], { env: source, stdin: exported });
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /account is not empty/);
    const afterwards = await opScim(['export'], { env: source });
    assert.ok(content(afterwards.stdout) === content(before.stdout));
  });

  test('an import on a terminal does not wait for somebody to type it', async () => {
    const refused = await opScim(['import'], { env: newStore('sqlite'), answers: {} });
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /Say "op-scim import FILE" or "op-scim import < FILE"/);
  });

  test('an export of another account is taken in, and said', async () => {
    const target = { ...newStore('sqlite'), OP_SESSION: makeSession('anew').base64 };
    const taken = await opScim(['import'], { env: target, stdin: exported });
    assert.equal(taken.exitCode, 0, taken.stderr);
    assert.match(
      taken.stderr,
      /into account anew\.\n.*made of account transfer\..*session of transfer/,
    );
  });

  test('an export that does not name its account, as earlier ones, is taken in', async () => {
    const stdin = exported.replace(',"accountId":"transfer"', '');
    assert.ok(stdin.length < exported.length);
    const taken = await opScim(['import'], { env: newStore('sqlite'), stdin });
    assert.equal(taken.exitCode, 0, taken.stderr);
    assert.doesNotMatch(taken.stderr, /made of account/);
  });

  test('a store of another account takes nothing', async () => {
    const other = { ...source, OP_SESSION: makeSession('another').base64 };
    const refused = await opScim(['import'], { env: other, stdin: exported });
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /belongs to another account/);
  });

  test('stdout that is closed is said, with exit code 2', async () => {
    const ran = await opScim(['export'], { env: source, stdoutBreaks: true });
    assert.equal(ran.exitCode, 2);
    assert.match(ran.stderr, /Stdout was closed before all was written/);
  });

  test('a Redis that is down is said, with exit code 2', async () => {
    const env = { OP_SESSION: session.base64, OP_REDIS_URL: 'redis://127.0.0.1:1' };
    for (const command of ['export', 'import']) {
      const ran = await opScim([command], { env, stdin: exported });
      assert.equal(ran.exitCode, 2);
      assert.match(ran.stderr, /Redis can not be reached/);
    }
  });
});
