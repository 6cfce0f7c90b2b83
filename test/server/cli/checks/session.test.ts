import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { printSession, type SessionFile } from '#session/format.ts';
import { addToken, createSession } from '#session/seal.ts';
import { assertFinding, type Expectation, runDoctor } from './run-doctor.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();

interface Prepared {
  readonly session: SessionFile;
  /** Of the token file; undefined: none is set. */
  readonly token?: string;
  readonly mode?: number;
}

function make(payload: Parameters<typeof createSession>[0]['payload'] = { kind: 'standalone' }) {
  return createSession({ payload, accountId: 'acme', domain: '', strict: false, nowMs: NOW_MS });
}

/** All tokens end so many days from now. */
function ending(days: number): SessionFile {
  const { session } = make();
  const notAfter = new Date(NOW_MS + days * DAY_MS).toISOString();
  return { ...session, tokens: session.tokens.map((token) => ({ ...token, notAfter })) };
}

function withHealth(session: SessionFile) {
  const scope = 'health' as const;
  const notAfterMs = undefined;
  return addToken(session, { scope, strict: false, nowMs: NOW_MS, notAfterMs, dataKey: undefined });
}

const made = make();
const health = withHealth(made.session);
const upstream = {
  kind: 'scim',
  url: 'https://scim.example.net/v2',
  token: 'canary-upstream',
} as const;

const rows: Readonly<Record<string, readonly [Prepared, ...Expectation[]]>> = {
  'a whole session': [
    { session: health.session },
    { id: 'session', state: 'ok', says: /is whole: account acme, kind standalone\./ },
    { id: 'tokens', state: 'ok', says: /1 of scope scim, 1 of scope health\./ },
    { id: 'bearer-token-file', state: 'skipped', says: /the first request with the token unlocks/ },
  ],
  'a mode that lets others change it': [
    { session: made.session, mode: 0o666 },
    { id: 'session', state: 'warning', says: /has mode 0666: .* Set it to 0600/ },
  ],
  'a kind that is not served': [
    { session: make(upstream).session },
    {
      id: 'session',
      state: 'failed',
      says: /of kind "scim", which this version can seal but not serve/,
    },
  ],
  'tokens that have ended': [
    { session: ending(-1) },
    { id: 'tokens', state: 'failed', says: /every request is refused.*Make a new session/ },
  ],
  'a last token that ends in three days': [
    { session: ending(3) },
    { id: 'tokens', state: 'warning', says: /ends soon: .*ends at 20.*rotate-token" now/ },
  ],
  'the right token in its file': [
    { session: made.session, token: made.bearerToken },
    { id: 'bearer-token-file', state: 'ok', says: /Its token opens the session/ },
  ],
  'the token of another session in its file': [
    { session: made.session, token: make().bearerToken },
    {
      id: 'bearer-token-file',
      state: 'failed',
      says: /is none of the session: it unlocks nothing/,
    },
  ],
  'the health-only token in its file': [
    { session: health.session, token: health.bearerToken },
    { id: 'bearer-token-file', state: 'failed', says: /is a health-only one/ },
  ],
  'no token at all in its file': [
    { session: made.session, token: 'hello' },
    { id: 'bearer-token-file', state: 'failed', says: /is none of the session/ },
  ],
  'a payload that was changed': [
    {
      session: { ...made.session, payload: make().session.payload },
      token: made.bearerToken,
    },
    { id: 'bearer-token-file', state: 'failed', says: /was changed: its token does not open it/ },
  ],
};

describe('doctor on the session', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'op-scim-doctor-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const [name, [prepared, ...expectations]] of Object.entries(rows)) {
    test(name, async () => {
      const path = join(folder, 'scimsession');
      const tokenPath = join(folder, 'token');
      const { session, token, mode = 0o600 } = prepared;
      writeFileSync(path, printSession(session));
      chmodSync(path, mode);
      writeFileSync(tokenPath, token ?? '', { mode: 0o600 });
      const env = {
        OP_SESSION: path,
        OP_DATA_DIR: join(folder, 'data'),
        ...(token === undefined ? {} : { OP_BEARER_TOKEN_FILE: tokenPath }),
      };
      const examined = await runDoctor({ env });
      for (const expectation of expectations) assertFinding(examined, expectation);
      const { storeSeal, payload, tokens } = session;
      const secrets = [storeSeal, payload, ...tokens.map(({ verifier }) => verifier)];
      for (const secret of [
        ...secrets,
        ...(token === undefined || token === 'hello' ? [] : [token]),
      ]) {
        assert.ok(!examined.stdout.includes(secret));
      }
      assert.doesNotMatch(examined.stdout, /canary/);
    });
  }

  test('a session that is garbled is said without its text', async () => {
    const path = join(folder, 'garbled');
    writeFileSync(path, '{"canary": ', { mode: 0o600 });
    const examined = await runDoctor({ env: { OP_SESSION: path, OP_DATA_DIR: folder } });
    assertFinding(examined, { id: 'session', state: 'failed', says: /is cut short/ });
    assertFinding(examined, { id: 'tokens', state: 'skipped', says: /session can not be read/ });
    assert.equal(examined.exitCode, 1);
    assert.doesNotMatch(examined.stdout, /canary/);
  });
});
