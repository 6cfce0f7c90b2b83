import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const GUARD = new URL('network-guard.mjs', import.meta.url).href;

const attempts: Readonly<Record<string, readonly [string, RegExp]>> = {
  'a connection': [
    "require('node:net').connect(9, '192.0.2.1').on('error', () => {})",
    /^connects to 192\.0\.2\.1:9$/m,
  ],
  'a connection with TLS by name': [
    "require('node:https').get('https://directory.example/').on('error', () => {})",
    /^connects to directory\.example:443$/m,
  ],
  fetch: ["fetch('http://127.0.0.1:8099/').catch(() => {})", /^connects to 127\.0\.0\.1:8099$/m],
  'a look-up': [
    "require('node:dns').lookup('mail.example', () => {})",
    /^lookup of mail\.example$/m,
  ],
  'a look-up of a mail server': [
    "require('node:dns').promises.resolveMx('mail.example').catch(() => {})",
    /^resolveMx of mail\.example$/m,
  ],
};
for (const [title, [code, noted]] of Object.entries(attempts)) {
  test(`the network guard notes and refuses ${title}`, () => {
    assert.match(notesOf(code), noted);
  });
}

test('the network guard lets what is allowed pass', () => {
  const code = "require('node:net').connect(1, '127.0.0.1').on('error', () => {})";
  assert.equal(notesOf(code), '');
});

function notesOf(code: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-guard-'));
  const file = join(folder, 'guard.log');
  writeFileSync(file, '');
  const env = { GUARD_FILE: file, GUARD_ALLOWED: '127.0.0.1:1' };
  spawnSync(process.execPath, ['--import', GUARD, '--eval', code], { env, timeout: 20_000 });
  const notes = readFileSync(file, 'utf8');
  rmSync(folder, { recursive: true });
  return notes;
}
