import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { FORMAT, type Scope, type SessionFile, type TokenRecord, VERSION } from './format.ts';
import { type Payload, parsePayload } from './payload.ts';

export interface NewSession {
  readonly payload: Payload;
  readonly accountId: string;
  readonly domain: string;
  readonly strict: boolean;
  readonly nowMs: number;
}

export interface Sealed {
  readonly session: SessionFile;
  /** Shown once, kept nowhere. */
  readonly bearerToken: string;
  readonly kid: string;
}

export interface Opened {
  readonly payload: Payload;
  /** 32 bytes. Whoever holds it zeroes it. */
  readonly dataKey: Buffer;
}

/** Seals a payload under a new data key, and that under a new bearer token of scope scim. */
export function createSession(options: NewSession): Sealed {
  const { payload, accountId, domain, strict, nowMs } = options;
  const dataKey = randomBytes(32);
  const unsealed: SessionFile = {
    id: randomBytes(16).toString('base64url'),
    meta: { accountId, kind: payload.kind, createdAt: new Date(nowMs).toISOString(), domain },
    storeSeal: randomBytes(32).toString('base64url'),
    tokens: [],
    payload: '',
  };
  const { kind, ...credentials } = payload;
  const plain = Buffer.from(JSON.stringify(credentials));
  const session = { ...unsealed, payload: encrypt(dataKey, plain, payloadContext(unsealed)) };
  plain.fill(0);
  const sealed = addToken(session, {
    scope: 'scim',
    strict,
    nowMs,
    notAfterMs: undefined,
    dataKey,
  });
  dataKey.fill(0);
  return sealed;
}

export interface NewToken {
  readonly scope: Scope;
  readonly strict: boolean;
  readonly nowMs: number;
  readonly notAfterMs: number | undefined;
  /** Given exactly when the scope is scim. */
  readonly dataKey: Buffer | undefined;
}

/** Adds a record for a new random token. A health token needs no key: its record is a verifier. */
export function addToken(session: SessionFile, options: NewToken): Sealed {
  const secret = randomBytes(32);
  const kid = randomBytes(6).toString('hex');
  const record = sealRecord(session.id, secret, options.dataKey, {
    kid,
    scope: options.scope,
    strict: options.strict,
    createdAt: new Date(options.nowMs).toISOString(),
    notAfter: options.notAfterMs === undefined ? null : new Date(options.notAfterMs).toISOString(),
  });
  const bearerToken = secret.toString('base64url');
  secret.fill(0);
  return { session: { ...session, tokens: [...session.tokens, record] }, bearerToken, kid };
}

/** Writes a record anew with another end. Needs its token: the end is authenticated. */
export function withNotAfter(
  session: SessionFile,
  record: TokenRecord,
  bearerToken: string,
  dataKey: Buffer,
  notAfterMs: number,
): SessionFile {
  const { kid, scope, strict, createdAt } = record;
  const notAfter = new Date(notAfterMs).toISOString();
  const secret = Buffer.from(bearerToken, 'base64url');
  const renewed = sealRecord(session.id, secret, dataKey, {
    kid,
    scope,
    strict,
    createdAt,
    notAfter,
  });
  secret.fill(0);
  return {
    ...session,
    tokens: session.tokens.map((token) => (token === record ? renewed : token)),
  };
}

/**
 * Whether the text can be a token at all. The last character has two bits that decoding drops:
 * they must be zero, or four spellings of a token would be accepted.
 */
export function isBearerToken(text: string): boolean {
  return text.length === 43 && /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(text);
}

/** What a bearer token looks like, for who gave something else. Completes a sentence. */
export const TOKEN_FORM =
  'a token is the one line that "op-scim session" printed, 43 letters, digits, "-" and "_"';

/**
 * The record that this token belongs to, whether or not it has ended. One key derivation per record
 * and no early exit, so the time tells nothing of which record it was. A changed record matches nothing.
 */
export function findRecord(session: SessionFile, bearerToken: string): TokenRecord | undefined {
  const secret = Buffer.from(bearerToken, 'base64url');
  let found: TokenRecord | undefined;
  for (const record of session.tokens) {
    const verifier = derive(secret, record, 'verify', session.id);
    if (timingSafeEqual(verifier, Buffer.from(record.verifier, 'base64url'))) {
      found = record;
    }
  }
  secret.fill(0);
  return found;
}

/** Opens the session with a record of scope scim and its token. Undefined: the file was changed. */
export function openSession(
  session: SessionFile,
  record: TokenRecord,
  bearerToken: string,
): Opened | undefined {
  if (record.scope !== 'scim' || record.dataKey === null) {
    return undefined;
  }
  const secret = Buffer.from(bearerToken, 'base64url');
  const wrapKey = derive(secret, record, 'wrap', session.id);
  const dataKey = decrypt(wrapKey, record.dataKey, recordContext(session.id, record));
  secret.fill(0);
  wrapKey.fill(0);
  const plain = dataKey && decrypt(dataKey, session.payload, payloadContext(session));
  if (dataKey === undefined || plain === undefined) {
    dataKey?.fill(0);
    return undefined;
  }
  const payload = parsePayload(session.meta.kind, JSON.parse(plain.toString('utf8')));
  plain.fill(0);
  return { payload, dataKey };
}

/** A key for one use, from the data key. Different uses get unrelated keys. */
export function deriveKey(dataKey: Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', dataKey, Buffer.alloc(0), `${LABEL}/use/${use}`, 32));
}

const LABEL = 'op-scim/session/1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

type RecordHead = Omit<TokenRecord, 'salt' | 'verifier' | 'dataKey'>;

function sealRecord(
  sessionId: string,
  secret: Buffer,
  dataKey: Buffer | undefined,
  head: RecordHead,
): TokenRecord {
  // A fresh salt makes a fresh wrapping key, so no nonce is ever used twice under one key.
  const salted = { ...head, salt: randomBytes(32).toString('base64url') };
  const verifier = derive(secret, salted, 'verify', sessionId).toString('base64url');
  if (dataKey === undefined) {
    return { ...salted, verifier, dataKey: null };
  }
  const wrapKey = derive(secret, salted, 'wrap', sessionId);
  const wrapped = encrypt(wrapKey, dataKey, recordContext(sessionId, salted));
  wrapKey.fill(0);
  return { ...salted, verifier, dataKey: wrapped };
}

/** 32 bytes from a token. All that the record says enters, so a changed record has other keys. */
function derive(
  secret: Buffer,
  record: RecordHead & { readonly salt: string },
  use: 'verify' | 'wrap',
  sessionId: string,
): Buffer {
  // The context's hash, since Node limits `info` to 1,024 bytes.
  const context = createHash('sha256').update(recordContext(sessionId, record)).digest('base64url');
  const salt = Buffer.from(record.salt, 'base64url');
  return Buffer.from(hkdfSync('sha256', secret, salt, `${LABEL}/${use}/${context}`, 32));
}

/** JSON of a list: no two different records have the same text. */
function recordContext(sessionId: string, record: RecordHead): Buffer {
  const { kid, scope, strict, createdAt, notAfter } = record;
  return Buffer.from(
    JSON.stringify([FORMAT, VERSION, sessionId, kid, scope, strict, createdAt, notAfter]),
  );
}

function payloadContext(session: SessionFile): Buffer {
  const { accountId, kind, createdAt, domain } = session.meta;
  const meta = [accountId, kind, createdAt, domain];
  return Buffer.from(JSON.stringify([FORMAT, VERSION, session.id, ...meta, session.storeSeal]));
}

function encrypt(key: Buffer, plain: Buffer, context: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(context);
  const sealed = [nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(sealed).toString('base64url');
}

function decrypt(key: Buffer, sealed: string, context: Buffer): Buffer | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) {
    return undefined;
  }
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(context);
  cipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  const plain = cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([plain, cipher.final()]);
  } catch {
    return undefined;
  } finally {
    plain.fill(0);
  }
}
