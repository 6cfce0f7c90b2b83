import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createLog, type LogSettings } from '#base/log.ts';

const plain: LogSettings = {
  logsJson: false,
  logsPretty: false,
  logsDebug: false,
  logsTrace: false,
};

function linesOf(
  settings: Partial<LogSettings>,
  write: (log: ReturnType<typeof createLog>) => void,
) {
  let output = '';
  const log = createLog(
    { ...plain, ...settings },
    {
      write(line: string) {
        output += line;
      },
    },
  );
  write(log);
  return output;
}

test('a line is one JSON object with time, level and message', () => {
  const line: unknown = JSON.parse(linesOf({}, (log) => log.info({ status: 201 }, 'created')));
  assert.ok(typeof line === 'object' && line !== null && 'time' in line);
  const { time, ...rest } = line;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, { level: 'info', status: 201, message: 'created' });
});

const secrets: readonly [string, object][] = [
  ['a header', { req: { headers: { authorization: 'hunter2', Cookie: 'hunter2' } } }],
  ['a token', { token: 'hunter2' }],
  ['a bearer token in a list', { grants: [{ bearerToken: 'hunter2' }] }],
  ['a password in depth', { a: { b: { c: { password: 'hunter2' } } } }],
  [
    'names in any case',
    { OP_REDIS_PASSWORD: 'hunter2', secretKey: 'hunter2', clientSecret: 'hunter2' },
  ],
  ['a session as an object', { session: { kind: 'op', inner: 'hunter2' } }],
  [
    'what is too deep to look at',
    { a: { b: { c: { d: { e: { f: { password: 'hunter2' } } } } } } },
  ],
  [
    'what hangs on an error',
    { err: Object.assign(new Error('AUTH failed'), { command: { args: ['hunter2'] } }) },
  ],
  [
    'what hangs on the cause of an error',
    { err: new Error('no', { cause: Object.assign(new Error('x'), { args: 'hunter2' }) }) },
  ],
  ['what was thrown without being an error', { err: 'hunter2' }],
];
for (const [name, fields] of secrets) {
  test(`hides ${name}`, () => {
    const asField = linesOf({}, (log) => log.warn(fields, 'm'));
    const ofChild = linesOf({}, (log) => log.child(fields).warn('m'));
    for (const output of [asField, ofChild]) {
      assert.match(output, /"message":"m"/);
      assert.doesNotMatch(output, /hunter2/);
    }
  });
}

test('an error keeps its message, code, stack and cause', () => {
  const cause = new Error('refused');
  const err = Object.assign(new Error('no Redis', { cause }), { code: 'ECONNREFUSED' });
  const output = linesOf({}, (log) => log.error(err));
  for (const part of ['no Redis', 'ECONNREFUSED', 'refused', 'log.test.ts'])
    assert.ok(output.includes(part), part);
});

const levels: readonly [string, Partial<LogSettings>, string][] = [
  ['info', {}, 'info'],
  ['debug', { logsDebug: true }, 'debug'],
  ['trace, which wins over debug', { logsDebug: true, logsTrace: true }, 'trace'],
];
for (const [name, settings, level] of levels) {
  test(`level ${name}`, () => {
    linesOf(settings, (log) => assert.equal(log.level, level));
  });
}

test('pretty lines are no JSON, and JSON wins over pretty', () => {
  const pretty = linesOf({ logsPretty: true }, (log) => log.info('created'));
  assert.match(pretty, /INFO.*created/);
  assert.throws(() => JSON.parse(pretty));
  assert.doesNotThrow(() =>
    JSON.parse(linesOf({ logsPretty: true, logsJson: true }, (log) => log.info('created'))),
  );
});

const source = new URL('../../../server/base/log.ts', import.meta.url).href;
const ends = [
  ['at exit', '', 3],
  ['at process.exit', 'process.exit(0);', 3],
  ['when an error is thrown', `throw new Error('end');`, 3],
  ['a second later', 'setTimeout(() => process.kill(process.pid, "SIGKILL"), 1500);', 3],
  [
    'at once for an error',
    'log.error("e"); setTimeout(() => process.kill(process.pid, "SIGKILL"), 200);',
    4,
  ],
  [
    'not before, for a block is cheaper',
    'setTimeout(() => process.kill(process.pid, "SIGKILL"), 200);',
    0,
  ],
] as const;
for (const [name, end, count] of ends) {
  test(`buffered lines are written ${name}`, () => {
    const script = `
      import { createLog } from ${JSON.stringify(source)};
      const log = createLog(${JSON.stringify(plain)});
      for (let i = 0; i < 3; i += 1) log.info({ i }, 'line');
      ${end}`;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
    assert.equal(stdout.split('\n').length - 1, count, stdout);
  });
}
