import { OperatorError } from '#base/operator-error.ts';
import { PAYLOAD_KINDS, type PayloadKind } from './payload.ts';

/** The file as it is kept: useless without one of its bearer tokens. Binary fields are base64url. */
export interface SessionFile {
  readonly id: string;
  readonly meta: SessionMeta;
  /** 32 bytes in clear: seals TLS and ACME keys in the store, which a locked bridge must open too. */
  readonly storeSeal: string;
  readonly tokens: readonly TokenRecord[];
  /** The payload under the data key: nonce (12 bytes), ciphertext, tag (16 bytes). */
  readonly payload: string;
}

/** Public, but authenticated by the payload's tag. */
export interface SessionMeta {
  /** Prefix of all keys of this account in the store. Fixed when the session is made. */
  readonly accountId: string;
  readonly kind: PayloadKind;
  readonly createdAt: string;
  /** TLS domain for when OP_TLS_DOMAIN is not set at all; empty: none. */
  readonly domain: string;
}

export type Scope = 'scim' | 'health';

/** What the file knows of one bearer token. The token itself is nowhere. */
export interface TokenRecord {
  readonly kid: string;
  readonly scope: Scope;
  /** Requests with this token get the RFC's letter, without the deviations that providers need. */
  readonly strict: boolean;
  readonly createdAt: string;
  /** From then on the token is refused; null: never. */
  readonly notAfter: string | null;
  readonly salt: string;
  readonly verifier: string;
  /** The data key, wrapped under the token. Null for scope health: it must never unlock. */
  readonly dataKey: string | null;
}

export const FORMAT = 'op-scim-session';
export const VERSION = 1;
/** Each wrong token costs one key derivation per record: this bounds it. */
export const MAX_TOKENS = 16;
export const MAX_SESSION_BYTES = 262_144;

/** `accountId` becomes part of Redis keys, where braces mean a Cluster slot. */
export const ACCOUNT_ID = /^[\w.:/@~%+,;=()[\]-]{1,200}$/;
export const DOMAIN = /^$|^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;

/**
 * Reads a session from text: the JSON itself, or its base64 (also of base64: Secrets are often
 * encoded once too often). `origin` names the text in messages. Throws OperatorError.
 */
export function parseSession(text: string, origin: string): SessionFile {
  const json = jsonOf(text);
  if (json === undefined) {
    throw damaged(
      origin,
      /^[\w-]{43}\s*$/.test(text)
        ? 'is a bearer token, not a session'
        : 'is neither JSON nor the base64 of JSON',
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Without the cause: JSON.parse quotes the text.
    throw damaged(
      origin,
      json.endsWith('}') ? 'is garbled JSON' : `is cut short after ${json.length} characters`,
    );
  }
  return readSession(value, origin);
}

/** The JSON text in `text`, or undefined when nothing in it looks like a JSON object. */
export function jsonOf(text: string, depth = 2): string | undefined {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed.startsWith('{')) {
    return trimmed;
  }
  if (depth === 0 || trimmed.length < 8 || !/^[\w+/\s-]+={0,2}$/.test(trimmed)) {
    return undefined;
  }
  return jsonOf(Buffer.from(trimmed, 'base64').toString('utf8'), depth - 1);
}

/** The file's text. parseSession undoes it. */
export function printSession(session: SessionFile): string {
  const { id, meta, storeSeal, tokens, payload } = session;
  const file = { format: FORMAT, version: VERSION, id, meta, storeSeal, tokens, payload };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

function readSession(value: unknown, origin: string): SessionFile {
  const file = new Reader(value, origin, '');
  if (file.has('encCredentials') || (file.has('verifier') && !file.has('format'))) {
    throw damaged(origin, "is a session of 1Password's own bridge, which op-scim can not open");
  }
  file.literal('format', FORMAT);
  file.literal('version', VERSION);
  const meta = file.object('meta');
  const session: SessionFile = {
    id: file.bytes('id', 16),
    meta: {
      accountId: meta.matching('accountId', ACCOUNT_ID, 'an account id'),
      kind: meta.oneOf('kind', PAYLOAD_KINDS),
      createdAt: meta.time('createdAt'),
      domain: meta.matching('domain', DOMAIN, 'a domain name in lower case, or empty'),
    },
    storeSeal: file.bytes('storeSeal', 32),
    tokens: file.list('tokens', MAX_TOKENS).map(readToken),
    payload: file.sealed('payload'),
  };
  meta.nothingElse();
  file.nothingElse();
  if (new Set(session.tokens.map((token) => token.kid)).size !== session.tokens.length) {
    throw damaged(origin, 'has two tokens of the same kid');
  }
  return session;
}

function readToken(record: Reader): TokenRecord {
  const scope = record.oneOf('scope', ['scim', 'health'] as const);
  const token: TokenRecord = {
    kid: record.matching('kid', /^[0-9a-f]{12}$/, '12 hexadecimal digits'),
    scope,
    strict: record.flag('strict'),
    createdAt: record.time('createdAt'),
    notAfter: record.nullOr('notAfter', () => record.time('notAfter')),
    salt: record.bytes('salt', 32),
    verifier: record.bytes('verifier', 32),
    dataKey: record.nullOr('dataKey', () => record.bytes('dataKey', 12 + 32 + 16)),
  };
  record.nothingElse();
  if ((scope === 'scim') !== (token.dataKey !== null)) {
    throw damaged(
      record.origin,
      `has a token of scope ${scope} ${scope === 'scim' ? 'without' : 'with'} a data key`,
    );
  }
  return token;
}

/** Takes fields out of an untrusted object, naming the one that is wrong. */
class Reader {
  readonly origin: string;
  readonly #fields: Map<string, unknown>;
  readonly #where: string;

  constructor(value: unknown, origin: string, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw damaged(origin, `has no JSON object at ${where || 'its top'}`);
    }
    this.origin = origin;
    this.#fields = new Map(Object.entries(value));
    this.#where = where;
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  object(name: string): Reader {
    return new Reader(this.#take(name), this.origin, this.#path(name));
  }

  list(name: string, limit: number): Reader[] {
    const value = this.#take(name);
    if (!Array.isArray(value) || value.length > limit) {
      throw this.#wrong(name, `a list of at most ${limit}`);
    }
    return value.map(
      (item, index) => new Reader(item, this.origin, `${this.#path(name)}[${index}]`),
    );
  }

  literal(name: string, expected: string | number): void {
    if (this.#take(name) !== expected) {
      throw this.#wrong(
        name,
        `${JSON.stringify(expected)}, which is all that this version of op-scim reads`,
      );
    }
  }

  matching(name: string, pattern: RegExp, wanted: string): string {
    const value = this.#take(name);
    if (typeof value !== 'string' || !pattern.test(value)) {
      throw this.#wrong(name, wanted);
    }
    return value;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#take(name);
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) {
      throw this.#wrong(name, `one of ${values.join(', ')}`);
    }
    return found;
  }

  flag(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== 'boolean') {
      throw this.#wrong(name, 'true or false');
    }
    return value;
  }

  /** ISO 8601 as Date prints it, in UTC. */
  time(name: string): string {
    const text = this.matching(name, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'a time in UTC');
    const timeMs = Date.parse(text);
    if (Number.isNaN(timeMs) || new Date(timeMs).toISOString() !== text) {
      throw this.#wrong(name, 'a time in UTC');
    }
    return text;
  }

  nullOr<T>(name: string, read: () => T): T | null {
    if (this.#fields.get(name) === null) {
      this.#fields.delete(name);
      return null;
    }
    return read();
  }

  bytes(name: string, length: number): string {
    const text = this.sealed(name);
    if (Buffer.from(text, 'base64url').length !== length) {
      throw this.#wrong(name, `${length} bytes as base64url`);
    }
    return text;
  }

  /** Base64url in the one way it can be written: bits that decoding drops must be zero. */
  sealed(name: string): string {
    const text = this.matching(name, /^[\w-]+$/, 'base64url');
    if (Buffer.from(text, 'base64url').toString('base64url') !== text) {
      throw this.#wrong(name, 'base64url');
    }
    return text;
  }

  nothingElse(): void {
    const unknown = this.#fields.size;
    if (unknown > 0) {
      throw damaged(
        this.origin,
        `has ${unknown} field(s) at ${this.#where || 'its top'} that are not known`,
      );
    }
  }

  #take(name: string): unknown {
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value;
  }

  #path(name: string): string {
    return this.#where === '' ? name : `${this.#where}.${name}`;
  }

  #wrong(name: string, wanted: string): OperatorError {
    return damaged(this.origin, `is not whole: "${this.#path(name)}" is not ${wanted}`);
  }
}

function damaged(origin: string, what: string): OperatorError {
  return new OperatorError(
    `The session in ${origin} ${what}. Put back the file that "op-scim session create" wrote, or make a new session and give its token to your identity provider.`,
  );
}
