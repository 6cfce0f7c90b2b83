import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSession, printSession } from '#session/format.ts';
import { sealed } from './sessions.ts';

const { session, bearerToken } = sealed();
const text = printSession(session);
const base64 = (from: string) => Buffer.from(from).toString('base64');
const changed = (fields: object) => JSON.stringify({ ...JSON.parse(text), ...fields });

const good = {
  'as written': text,
  'without line breaks': JSON.stringify(JSON.parse(text)),
  'with a byte order mark': `\uFEFF${text}`,
  base64: base64(text),
  'base64 in lines': base64(text).replace(/.{76}/g, '$&\n'),
  base64url: Buffer.from(text).toString('base64url'),
  'base64 twice': base64(base64(text)),
};

for (const [name, form] of Object.entries(good)) {
  test(`a session is read ${name}`, () => {
    assert.deepEqual(parseSession(form, 'x'), session);
  });
}

const bad = {
  'an empty file': ['', /neither JSON nor/],
  'the bearer token': [`${bearerToken}\n`, /is a bearer token/],
  binary: ['\u0000\u0001\u0002', /neither JSON nor/],
  'cut short': [text.slice(0, 300), /cut short after 300/],
  'base64 cut short': [base64(text).slice(0, 300), /cut short/],
  garbled: [text.replace(':', ';'), /garbled/],
  'a session of another bridge': ['{"encCredentials":{},"verifier":{}}', /1Password's own/],
  'another format': [changed({ format: 'x' }), /"format"/],
  'a newer version': [changed({ version: 2 }), /"version"/],
  'an unknown field': [changed({ x: 1 }), /not known/],
  'no tokens field': [changed({ tokens: undefined }), /"tokens"/],
  'tokens of equal kid': [changed({ tokens: [session.tokens[0], session.tokens[0]] }), /same kid/],
  'too many tokens': [changed({ tokens: Array(17).fill({}) }), /at most 16/],
  'a scim token without key': [
    changed({ tokens: [{ ...session.tokens[0], dataKey: null }] }),
    /without a data key/,
  ],
  'a health token with a key': [
    changed({ tokens: [{ ...session.tokens[0], scope: 'health' }] }),
    /with a data key/,
  ],
  'another spelling of the same bytes': [
    // 32 bytes leave two bits of the last character unused: they must be zero.
    changed({ storeSeal: `${'A'.repeat(42)}B` }),
    /"storeSeal"/,
  ],
  'braces in the account id': [
    changed({ meta: { ...session.meta, accountId: '{a}' } }),
    /"meta.accountId"/,
  ],
} as const;

for (const [name, [form, complaint]] of Object.entries(bad)) {
  test(`refused, with what to do: ${name}`, () => {
    assert.throws(
      () => parseSession(form, '/some/file'),
      (thrown: Error) => {
        assert.equal(thrown.name, 'OperatorError');
        assert.match(thrown.message, complaint);
        assert.match(thrown.message, /\/some\/file.*op-scim session create/s);
        assert.ok(!thrown.message.includes(bearerToken));
        return true;
      },
    );
  });
}
