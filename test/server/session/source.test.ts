import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { printSession } from '#session/format.ts';
import { createKeyring } from '#session/keyring.ts';
import { openSessionSource, openTokenSource, type SourceOptions } from '#session/source.ts';
import { sealed } from './sessions.ts';

const made = sealed();
const text = printSession(made.session);
const next = sealed();

let folder = '';
let warnings: string[] = [];
const options: SourceOptions = {
  pollMs: 5,
  log: { info() {}, error() {}, warn: (_fields, warning) => void warnings.push(warning) },
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'op-scim-source-'));
  warnings = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

function file(content: string, mode = 0o600): string {
  const path = join(folder, 'scimsession');
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !holds(); tries += 1) {
    await setTimeout(5);
  }
  assert.ok(holds());
}

test('OP_SESSION is a path, the base64 of the file, or the file itself', () => {
  const forms = [file(text), Buffer.from(text).toString('base64'), text];
  for (const form of forms) {
    const source = openSessionSource(form, options);
    assert.deepEqual(source.session, made.session);
    assert.equal(source.origin, form.startsWith('/') ? form : 'OP_SESSION');
    source.close();
  }
});

const hopeless = {
  'no file': ['/nowhere/scimsession', /no session file at \/nowhere\/scimsession.*session create/],
  'a folder': ['/', /not a file/],
  nothing: ['', /OP_SESSION is empty/],
  'base64 that was cut': [Buffer.from(text).toString('base64').slice(0, 400), /cut short/],
  'something else': [`${'canary '.repeat(200)}`, /neither a path nor/],
} as const;

for (const [name, [opSession, complaint]] of Object.entries(hopeless)) {
  test(`OP_SESSION with ${name} is an operator's mistake with exit code 2`, () => {
    assert.throws(
      () => openSessionSource(opSession, options),
      (thrown: Error) => {
        assert.match(thrown.message, complaint);
        assert.doesNotMatch(thrown.message, /canary/);
        return 'exitCode' in thrown && thrown.exitCode === 2;
      },
    );
  });
}

for (const [mode, warns] of [
  [0o600, false],
  [0o400, false],
  [0o440, false],
  [0o444, false],
  [0o644, true],
  [0o660, true],
] as const) {
  test(`a file of mode 0${mode.toString(8)} is read ${warns ? 'with a warning' : 'quietly'}`, () => {
    openSessionSource(file(text, mode), options).close();
    assert.equal(warnings.length, warns ? 1 : 0);
  });
}

test('a symlink that is swapped, as Kubernetes does, is followed', async () => {
  const put = (name: string, content: string) => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'scimsession'), content);
    symlinkSync(name, join(folder, '..data.new'));
    renameSync(join(folder, '..data.new'), join(folder, '..data'));
  };
  put('..one', text);
  symlinkSync('..data/scimsession', join(folder, 'scimsession'));
  const source = openSessionSource(join(folder, 'scimsession'), options);
  const keyring = createKeyring({ source, clock: Date.now });
  assert.ok(keyring.check(made.bearerToken));
  put('..two', printSession(next.session));
  await until(() => source.session.id === next.session.id);
  assert.equal(keyring.check(made.bearerToken), undefined);
  assert.ok(keyring.check(next.bearerToken));
  keyring.close();
});

test('a broken file is warned of once and the one before stays; the next good one counts', async () => {
  const path = file(text);
  const source = openSessionSource(path, options);
  const changes: string[] = [];
  source.onChange((session) => changes.push(session.id));
  writeFileSync(path, text.slice(0, 200));
  await until(() => warnings.some((warning) => /cut short.*stays in use/.test(warning)));
  rmSync(path);
  await until(() => warnings.some((warning) => /no session file/.test(warning)));
  await setTimeout(30);
  assert.deepEqual(source.session, made.session);
  assert.deepEqual(changes, []);
  const told = warnings.filter((warning) => /no session file/.test(warning));
  assert.equal(told.length, 1);
  file(printSession(next.session));
  await until(() => changes.length > 0);
  assert.deepEqual(changes, [next.session.id]);
  source.close();
});

test('a closed source polls no more', async () => {
  const path = file(text);
  const source = openSessionSource(path, options);
  source.close();
  writeFileSync(path, printSession(next.session));
  await setTimeout(30);
  assert.deepEqual(source.session, made.session);
});

test('a token file is told at once, when it changes and when asked', async () => {
  const path = file(`${made.bearerToken}\n`);
  const source = openTokenSource(path, options);
  const told: string[] = [];
  source.onToken((bearerToken) => told.push(bearerToken));
  source.repeat();
  assert.deepEqual(told, [made.bearerToken, made.bearerToken]);
  file(next.bearerToken);
  await until(() => told.length === 3);
  assert.equal(told[2], next.bearerToken);
  source.close();
});

test('a token file that is absent is an operator’s mistake', () => {
  assert.throws(() => openTokenSource(join(folder, 'none')), /no bearer token file at/);
});
