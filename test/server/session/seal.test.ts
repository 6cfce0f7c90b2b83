import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSession, printSession, type SessionFile } from '#session/format.ts';
import {
  addToken,
  createSession,
  deriveKey,
  findRecord,
  isBearerToken,
  openSession,
  withNotAfter,
} from '#session/seal.ts';
import { NOW_MS, OP_PAYLOAD, sealed } from './sessions.ts';

function open(session: SessionFile, bearerToken: string) {
  const record = findRecord(session, bearerToken);
  return record && openSession(session, record, bearerToken);
}

/** As `open`, from the file's text: refused files open nothing. */
function openText(text: string, bearerToken: string) {
  let session: SessionFile;
  try {
    session = parseSession(text, 'x');
  } catch {
    return undefined;
  }
  return open(session, bearerToken);
}

test('a token opens its session, whatever the payload', () => {
  const payloads = [
    { kind: 'standalone' },
    OP_PAYLOAD,
    { kind: 'scim', url: 'https://example.com/scim', token: 'abc' },
  ] as const;
  for (const payload of payloads) {
    const { session, bearerToken } = sealed(payload);
    assert.deepEqual(openText(printSession(session), bearerToken)?.payload, payload);
  }
});

test('neither the token nor a secret of the payload is in the file', () => {
  const { session, bearerToken } = sealed();
  const text = printSession(session);
  const secret = Buffer.from(bearerToken, 'base64url');
  for (const part of [
    bearerToken,
    secret.toString('hex'),
    secret.toString('base64'),
    'canary',
    'CANARY',
  ]) {
    assert.ok(!text.includes(part));
  }
});

test('two tokens open a session; one that is removed does not', () => {
  const { session, bearerToken } = sealed();
  const opened = open(session, bearerToken);
  assert.ok(opened);
  const options = { scope: 'scim', strict: false, nowMs: NOW_MS, notAfterMs: undefined } as const;
  const both = addToken(session, { ...options, dataKey: opened.dataKey });
  assert.ok(open(both.session, bearerToken));
  assert.deepEqual(open(both.session, both.bearerToken), opened);
  const left = { ...both.session, tokens: both.session.tokens.slice(1) };
  assert.equal(open(left, bearerToken), undefined);
  assert.ok(open(left, both.bearerToken));
});

test('a health token is found and opens nothing', () => {
  const { session, bearerToken } = sealed();
  const options = { scope: 'health', strict: false, nowMs: NOW_MS, notAfterMs: undefined } as const;
  const added = addToken(session, { ...options, dataKey: undefined });
  assert.equal(findRecord(added.session, added.bearerToken)?.scope, 'health');
  assert.equal(open(added.session, added.bearerToken), undefined);
  const withKey = addToken(session, { ...options, dataKey: open(session, bearerToken)?.dataKey });
  assert.equal(open(withKey.session, withKey.bearerToken), undefined);
});

test('a record that was given an end still opens, under a new salt', () => {
  const { session, bearerToken } = sealed();
  const [record] = session.tokens;
  const opened = open(session, bearerToken);
  assert.ok(record && opened);
  const ended = withNotAfter(session, record, bearerToken, opened.dataKey, NOW_MS + 1);
  assert.deepEqual(open(ended, bearerToken), opened);
  assert.notEqual(ended.tokens[0]?.salt, record.salt);
  assert.equal(ended.tokens[0]?.notAfter, '2026-03-01T12:00:00.001Z');
});

test('a token has one spelling', () => {
  const { bearerToken } = sealed();
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const next = alphabet[alphabet.indexOf(bearerToken.slice(-1)) + 1] ?? '';
  const other = `${bearerToken.slice(0, -1)}${next}`;
  // The same bytes, so only the look at the spelling tells them apart.
  assert.ok(Buffer.from(other, 'base64url').equals(Buffer.from(bearerToken, 'base64url')));
  assert.ok(isBearerToken(bearerToken));
  for (const wrong of [
    other,
    '',
    `${bearerToken}=`,
    ` ${bearerToken}`,
    `${bearerToken}\n`,
    bearerToken.slice(1),
  ]) {
    assert.ok(!isBearerToken(wrong), wrong);
  }
});

test('keys for different uses differ, and come again', () => {
  const dataKey = randomBytes(32);
  assert.deepEqual(deriveKey(dataKey, 'cookie'), deriveKey(dataKey, 'cookie'));
  assert.notDeepEqual(deriveKey(dataKey, 'cookie'), deriveKey(dataKey, 'outbox'));
});

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** All files that differ from `file` in one leaf, with the path of that leaf. */
function* changedLeaves(file: Json, path = ''): Generator<{ path: string; changed: Json }> {
  if (typeof file !== 'object' || file === null) {
    for (const changed of otherValues(file)) {
      yield { path, changed };
    }
    return;
  }
  for (const [name, value] of Object.entries(file)) {
    for (const leaf of changedLeaves(value, `${path}/${name}`)) {
      yield { path: leaf.path, changed: replaced(file, name, leaf.changed) };
    }
  }
}

function replaced(file: Json[] | { [name: string]: Json }, name: string, value: Json): Json {
  return Array.isArray(file)
    ? file.map((item, index) => (String(index) === name ? value : item))
    : { ...file, [name]: value };
}

function otherValues(value: null | boolean | number | string): Json[] {
  if (typeof value === 'boolean') {
    return [!value];
  }
  if (typeof value === 'number') {
    return [value + 1];
  }
  const time = '2027-01-01T00:00:00.000Z';
  if (value === null) {
    return [time];
  }
  const swapped = value.replace(/[0-9a-zA-Z]/, (letter) => (letter === 'b' ? 'c' : 'b'));
  return [
    swapped,
    `${value}a`,
    value.slice(1),
    '',
    time,
    null,
    'health',
    'standalone',
    'a.example.com',
  ].filter((other) => other !== value);
}

// Goal: whoever may write the file but has no token can change nothing of what it says. A change in
// one token's record disables that token, a change anywhere else disables them all.
test('no leaf of the file can be changed', () => {
  const { session, bearerToken } = sealed();
  const opened = open(session, bearerToken);
  assert.ok(opened);
  const options = { strict: true, nowMs: NOW_MS, notAfterMs: NOW_MS + 1_000 } as const;
  const second = addToken(session, { ...options, scope: 'scim', dataKey: opened.dataKey });
  const third = addToken(second.session, { ...options, scope: 'health', dataKey: undefined });
  const tokens = [bearerToken, second.bearerToken, third.bearerToken];
  const text = printSession(third.session);
  const paths = new Set<string>();
  for (const { path, changed } of changedLeaves(JSON.parse(text))) {
    paths.add(path);
    const [, place] = /^\/tokens\/(\d)\//.exec(path) ?? [];
    const affected = place === undefined ? tokens.slice(0, 2) : [tokens[Number(place)] ?? ''];
    for (const token of affected) {
      assert.equal(openText(JSON.stringify(changed), token), undefined, path);
    }
    if (place === '2') {
      assert.ok(!isFound(JSON.stringify(changed), third.bearerToken), path);
    }
  }
  assert.equal(paths.size, 5 + 4 + 3 * 8);
});

function isFound(text: string, bearerToken: string): boolean {
  try {
    return findRecord(parseSession(text, 'x'), bearerToken) !== undefined;
  } catch {
    return false;
  }
}

// A changed byte either changes nothing of the meaning (white space) or opens nothing.
test('no byte of the file can be changed', () => {
  const { session, bearerToken } = sealed();
  const bytes = Buffer.from(printSession(session));
  const change = fc.record({
    at: fc.nat(bytes.length - 1),
    flip: fc.integer({ min: 1, max: 255 }),
  });
  fc.assert(
    fc.property(change, ({ at, flip }) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ flip, at);
      const text = copy.toString('utf8');
      if (openText(text, bearerToken) !== undefined) {
        assert.deepEqual(JSON.parse(text.trim()), JSON.parse(bytes.toString()));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('two sessions of the same account share no key', () => {
  const options = { payload: OP_PAYLOAD, accountId: 'a', domain: '', strict: false, nowMs: NOW_MS };
  const one = createSession(options);
  const other = createSession(options);
  assert.notEqual(one.session.storeSeal, other.session.storeSeal);
  assert.equal(open(one.session, other.bearerToken), undefined);
  const mixed = { ...one.session, tokens: other.session.tokens };
  assert.equal(open(mixed, other.bearerToken), undefined);
});
