import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { session } from '#cli/session.ts';
import { options } from '#config/options.ts';
import { startBridge } from '../support/bridge.ts';
import { call } from '../support/http-client.ts';

const page = readFileSync('docs/operations.md', 'utf8');

test('metrics and fields of the report are those of the bridge', async () => {
  const bridge = await startBridge();
  try {
    const health = await call(bridge, 'GET', '/health');
    for (const source of ['SCIMServer', 'SqliteStore']) {
      assert.ok(health.text.includes(source) && page.includes(source), source);
    }
    const { text } = await call(bridge, 'GET', '/metrics');
    const named = new Set(page.match(/\bop_scim_\w*[a-z]\b/g));
    assert.ok(named.size > 4);
    for (const name of named) assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'));
    const own = new Set([...text.matchAll(/^# TYPE (op_scim_\w+) /gm)].map(([, name]) => name));
    for (const name of own) assert.ok(page.includes(`\`${name}\``), `${name} is not described`);
  } finally {
    await bridge.close();
  }
});

test('paths answer the tokens that the page says', async () => {
  const bridge = await startBridge();
  const { url, token, healthToken } = bridge;
  try {
    const rows = [
      ...page.matchAll(/^\| (`\/.*?) \| (none|SCIM|health-only|SCIM or health-only) \|/gm),
    ];
    assert.equal(rows.length, 6);
    for (const [, paths = '', wanted = ''] of rows) {
      const statuses = await Promise.all(
        [{ url }, { url, token }, { url, token: healthToken }].map(async (target) => {
          const path = /`(\/[^`]*)`/.exec(paths)?.[1] ?? '';
          return (await call(target, 'GET', path)).status < 400;
        }),
      );
      const isOpen = wanted === 'none';
      const expected = [isOpen, isOpen || /SCIM/.test(wanted), isOpen || /health/.test(wanted)];
      assert.deepEqual(statuses, expected, paths);
    }
  } finally {
    await bridge.close();
  }
});

test('settings and commands are there', () => {
  const known = Object.values(options).map(({ env }): string => env);
  const settings = page.match(/\bOP_[A-Z_]+[A-Z]\b/g) ?? [];
  assert.ok(settings.length > 10);
  for (const name of settings) assert.ok(known.includes(name), name);
  const words = [...page.matchAll(/op-scim session ([a-z-]+)/g)].map(([, word = '']) => word);
  assert.ok(words.length > 4);
  for (const word of words) assert.ok(session.usage.includes(`op-scim session ${word} `), word);
});
