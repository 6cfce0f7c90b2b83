import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opScim } from './fake-io.ts';

for (const args of [[], ['help'], ['--help'], ['-h']]) {
  test(`op-scim ${args.join(' ')} lists the commands`, async () => {
    const ran = await opScim(args);
    assert.equal(ran.exitCode, 0);
    assert.match(ran.stdout, /op-scim session .*\n/);
    assert.equal(ran.stderr, '');
  });
}

for (const args of [
  ['help', 'session'],
  ['session', '--help'],
  ['session', 'create', '-h'],
]) {
  test(`op-scim ${args.join(' ')} explains the command`, async () => {
    const ran = await opScim(args);
    assert.equal(ran.exitCode, 0);
    assert.match(ran.stdout, /rotate-token FILE/);
  });
}

const mistakes = {
  sesion: /Did you mean "op-scim session"\?/,
  'session creat': /Did you mean "create"\?/,
  session: /Known are create, inspect/,
  constructor: /no command "constructor"/,
  'session __proto__': /does not know "__proto__"/,
  'session inspect': /inspect FILE/,
  'session inspect /nowhere': /no session file/,
  'help nothing-like-it': /See "op-scim help"/,
  'config --output yaml': /--output text or json/,
  'ping scim.example.com': /without anything more/,
  'version 1': /without anything more/,
  'serve 3002': /settings come from OP_\* variables/,
  'export backup.ndjson': /"op-scim export > FILE".*takes no name/,
  'import backup.ndjson': /backup\.ndjson can not be read/,
} as const;

for (const [line, complaint] of Object.entries(mistakes)) {
  test(`op-scim ${line} is a mistake: exit code 2, said on stderr without a stack`, async () => {
    const ran = await opScim(line.split(' '));
    assert.equal(ran.exitCode, 2);
    assert.equal(ran.stdout, '');
    assert.match(ran.stderr, complaint);
    assert.doesNotMatch(ran.stderr, /\n\s+at /);
  });
}

for (const name of ['version', '--version']) {
  test(`op-scim ${name} prints the version of the package`, async () => {
    const ran = await opScim([name]);
    assert.equal(ran.exitCode, 0);
    assert.match(ran.stdout, /^\d+\.\d+\.\d+\S*\n$/);
  });
}

test('a bug shows its stack and ends with exit code 1', async () => {
  const ran = await opScim(['help'], { stdoutBreaks: true });
  assert.equal(ran.exitCode, 1);
  assert.match(ran.stderr, /EPIPE\n\s+at /);
});

test('config shows settings with secrets hidden, and warnings on stderr', async () => {
  const env = { OP_REDIS_URL: 'redis://:canary@redis.example.com:6379', OP_TLS_DOMIAN: 'canary' };
  for (const output of ['text', 'json']) {
    const ran = await opScim(['config', '--output', output], { env });
    assert.equal(ran.exitCode, 0, ran.stderr);
    assert.match(ran.stdout, /OP_REDIS_URL/);
    assert.match(ran.stderr, /OP_TLS_DOMIAN.*OP_TLS_DOMAIN/);
    assert.doesNotMatch(ran.stdout + ran.stderr, /canary/);
  }
});

test('config names wrong settings with exit code 2', async () => {
  const ran = await opScim(['config'], { env: { OP_PORT: 'x' } });
  assert.equal(ran.exitCode, 2);
  assert.match(ran.stderr, /OP_PORT/);
});
