import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { SessionFile } from '#session/format.ts';
import { createKeyring, type Unlocked } from '#session/keyring.ts';
import { addToken, findRecord, openSession, type Sealed, withNotAfter } from '#session/seal.ts';
import type { SessionSource, TokenSource } from '#session/source.ts';
import { NOW_MS, OP_PAYLOAD, sealed } from './sessions.ts';

const DAY_MS = 86_400_000;

/** A keyring on a session that the test replaces, with a clock that the test sets. */
function keyringOn(first: SessionFile, tokenInFile?: string) {
  const logged: string[] = [];
  const log = (fields: object, text: string) => void logged.push(`${text} ${inspect(fields)}`);
  const clock = { nowMs: NOW_MS };
  let replace: (session: SessionFile) => void = () => {};
  const source: SessionSource = {
    origin: '/some/scimsession',
    session: first,
    onChange: (listener) => {
      replace = listener;
    },
    close() {},
  };
  const file = { token: tokenInFile ?? '', repeat: () => {} };
  const tokenSource: TokenSource = {
    onToken(listener) {
      file.repeat = () => listener(file.token);
      file.repeat();
    },
    repeat: () => file.repeat(),
    close() {},
  };
  const keyring = createKeyring({
    source,
    clock: () => clock.nowMs,
    log: { info: log, warn: log, error: log },
    ...(tokenInFile === undefined ? {} : { tokenSource }),
  });
  return { keyring, clock, logged, file, replace: (session: SessionFile) => replace(session) };
}

function withHealthToken(session: SessionFile): Sealed {
  const options = { scope: 'health', strict: false, nowMs: NOW_MS, notAfterMs: undefined } as const;
  return addToken(session, { ...options, dataKey: undefined });
}

/** What rotate-token does: a second token, and an end for the first. */
function rotated({ session, bearerToken }: Sealed, endMs: number): Sealed {
  const record = findRecord(session, bearerToken);
  const opened = record && openSession(session, record, bearerToken);
  assert.ok(record && opened);
  const ended = withNotAfter(session, record, bearerToken, opened.dataKey, endMs);
  const options = { scope: 'scim', strict: true, nowMs: NOW_MS, notAfterMs: undefined } as const;
  return addToken(ended, { ...options, dataKey: opened.dataKey });
}

test('locked until the first good token, and that token is good again', () => {
  const { session, bearerToken, kid } = sealed();
  const { keyring } = keyringOn(session);
  const unlocks: Unlocked[] = [];
  keyring.onUnlock((unlocked) => unlocks.push(unlocked));
  assert.equal(keyring.accountId, 'acme.1password.com');
  assert.equal(keyring.storeSeal.toString('base64url'), session.storeSeal);
  assert.equal(keyring.check(sealed().bearerToken), undefined);
  assert.ok(!keyring.unlocked);
  for (let round = 0; round < 3; round += 1) {
    assert.deepEqual(keyring.check(bearerToken), { kid, scope: 'scim', strict: false });
  }
  assert.equal(unlocks.length, 1);
  assert.equal(keyring.unlocked, unlocks[0]);
  assert.deepEqual(unlocks[0]?.payload, OP_PAYLOAD);
  assert.equal(unlocks[0]?.dataKey.length, 32);
  keyring.onUnlock((unlocked) => unlocks.push(unlocked));
  assert.equal(unlocks.length, 2, 'a late listener hears of it at once');
});

test('text that is no token is refused', () => {
  const { session, bearerToken } = sealed();
  const { keyring } = keyringOn(session);
  for (const text of [
    '',
    'x',
    `${bearerToken} `,
    '\u0000'.repeat(43),
    'é'.repeat(43),
    'A'.repeat(1e6),
  ]) {
    assert.equal(keyring.check(text), undefined);
  }
});

test('a health token is good on a locked bridge and unlocks nothing', () => {
  const { session, bearerToken, kid } = withHealthToken(sealed().session);
  const { keyring } = keyringOn(session);
  assert.deepEqual(keyring.check(bearerToken), { kid, scope: 'health', strict: false });
  assert.deepEqual(keyring.check(bearerToken), { kid, scope: 'health', strict: false });
  assert.equal(keyring.unlocked, undefined);
});

test('notAfter holds for each request, also for a token accepted before', () => {
  const made = sealed();
  const { session, bearerToken, kid } = rotated(made, NOW_MS + DAY_MS);
  const { keyring, clock } = keyringOn(session);
  const oldKid = made.kid;
  assert.equal(keyring.check(made.bearerToken)?.kid, oldKid);
  clock.nowMs += DAY_MS - 1;
  assert.equal(keyring.check(made.bearerToken)?.kid, oldKid);
  assert.equal(keyring.grantOf(oldKid)?.kid, oldKid);
  clock.nowMs += 1;
  assert.equal(keyring.check(made.bearerToken), undefined);
  assert.equal(keyring.grantOf(oldKid), undefined);
  assert.deepEqual(keyring.check(bearerToken), { kid, scope: 'scim', strict: true });
});

test('a token that has ended does not unlock', () => {
  const made = sealed();
  const { keyring, clock } = keyringOn(rotated(made, NOW_MS + DAY_MS).session);
  clock.nowMs += DAY_MS;
  assert.equal(keyring.check(made.bearerToken), undefined);
  assert.equal(keyring.unlocked, undefined);
});

test('rotation: both tokens are good, and the bridge stays unlocked', () => {
  const made = sealed();
  const { keyring, replace } = keyringOn(made.session);
  keyring.check(made.bearerToken);
  const before = keyring.unlocked;
  const second = rotated(made, NOW_MS + DAY_MS);
  replace(second.session);
  assert.equal(keyring.check(made.bearerToken)?.kid, made.kid);
  assert.equal(keyring.check(second.bearerToken)?.kid, second.kid);
  assert.equal(keyring.unlocked, before);
});

test('a token that was removed from the file is refused at once, and its kid too', () => {
  const made = sealed();
  const second = rotated(made, NOW_MS + DAY_MS);
  const { keyring, replace } = keyringOn(second.session);
  assert.ok(keyring.check(made.bearerToken));
  assert.ok(keyring.grantOf(made.kid));
  const tokens = second.session.tokens.filter((token) => token.kid !== made.kid);
  replace({ ...second.session, tokens });
  assert.equal(keyring.check(made.bearerToken), undefined);
  assert.equal(keyring.grantOf(made.kid), undefined);
  assert.ok(keyring.unlocked);
  assert.ok(keyring.check(second.bearerToken));
});

test('a new session: the old token is refused, the old credentials stay until the new token comes', () => {
  const made = sealed();
  const { keyring, replace } = keyringOn(made.session);
  const unlocks: Unlocked[] = [];
  keyring.onUnlock((unlocked) => unlocks.push(unlocked));
  keyring.check(made.bearerToken);
  const next = sealed({ kind: 'scim', url: 'https://example.com', token: 'abc' });
  replace(next.session);
  assert.equal(keyring.check(made.bearerToken), undefined);
  assert.deepEqual(keyring.unlocked?.payload, OP_PAYLOAD);
  assert.notEqual(keyring.unlocked?.dataKey.readBigUInt64LE(0), 0n);
  assert.ok(keyring.check(next.bearerToken));
  assert.equal(unlocks.length, 2);
  assert.equal(keyring.unlocked, unlocks[1]);
});

test('a session of another account is not served before a restart', () => {
  const made = sealed();
  const { keyring, replace, logged } = keyringOn(made.session);
  keyring.check(made.bearerToken);
  const other = sealed(OP_PAYLOAD, 'other.1password.com');
  replace(other.session);
  assert.equal(keyring.check(made.bearerToken), undefined);
  assert.equal(keyring.check(other.bearerToken), undefined);
  assert.equal(keyring.grantOf(other.kid), undefined);
  assert.match(logged.at(-1) ?? '', /another account.*restart/);
  replace(made.session);
  assert.ok(keyring.check(made.bearerToken));
});

test('a file that was changed by hand does not unlock, and says so once', () => {
  const { session, bearerToken } = sealed();
  const changed = { ...session, meta: { ...session.meta, domain: 'evil.example.com' } };
  const { keyring, logged } = keyringOn(changed);
  assert.equal(keyring.check(bearerToken), undefined);
  assert.equal(keyring.check(bearerToken), undefined);
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /was changed/);
});

test('an accepted token is refused once the file around its record was changed', () => {
  const { session, bearerToken } = sealed();
  const { keyring, replace } = keyringOn(session);
  assert.ok(keyring.check(bearerToken));
  replace({ ...session, payload: sealed().session.payload });
  assert.equal(keyring.check(bearerToken), undefined);
});

test('a token in a file unlocks at start, and again when session and token were replaced', () => {
  const made = sealed();
  const { keyring, file, replace } = keyringOn(made.session, made.bearerToken);
  assert.ok(keyring.unlocked);
  assert.ok(keyring.isUnlockedByFile);
  const next = sealed();
  replace(next.session);
  assert.ok(!keyring.isUnlockedByFile);
  file.token = next.bearerToken;
  file.repeat();
  assert.ok(keyring.isUnlockedByFile);
  assert.equal(keyring.grantOf(next.kid)?.kid, next.kid);
});

for (const [name, token] of [
  ['garbage', 'canary'],
  ['a foreign token', sealed().bearerToken],
] as const) {
  test(`${name} in the token file leaves the bridge locked, with a warning`, () => {
    const { keyring, logged } = keyringOn(sealed().session, token);
    assert.equal(keyring.unlocked, undefined);
    assert.ok(!keyring.isUnlockedByFile);
    assert.match(logged.join(), /OP_BEARER_TOKEN_FILE/);
    assert.ok(!logged.join().includes(token));
  });
}

test('a keyring and what it unlocked show no secret', () => {
  const { session, bearerToken } = sealed();
  const { keyring, logged } = keyringOn(session);
  keyring.check(bearerToken);
  const key = keyring.unlocked?.dataKey;
  assert.ok(key);
  const shown = [keyring, keyring.unlocked].flatMap((value) => [
    inspect(value, { depth: 9, showHidden: true }),
    JSON.stringify(value),
    String(value),
  ]);
  for (const text of [...shown, ...logged]) {
    assert.doesNotMatch(text, /canary|CANARY/);
    assert.ok(!text.includes(bearerToken) && !text.includes(key.toString('hex').slice(0, 8)));
  }
});

test('closing zeroes the data key', () => {
  const { session, bearerToken } = sealed();
  const { keyring } = keyringOn(session);
  keyring.check(bearerToken);
  const key = keyring.unlocked?.dataKey;
  keyring.close();
  assert.deepEqual(key, Buffer.alloc(32));
  assert.equal(keyring.unlocked, undefined);
});
