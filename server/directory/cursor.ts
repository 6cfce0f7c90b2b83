import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ScimError } from '#scim/errors.ts';
import type { Store } from '#store/store.ts';

/** How long a cursor is good (RFC 9865 §4, `cursorTimeout`). */
export const CURSOR_LIFE_SECONDS = 3_600;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Where a walk through a query goes on. `query` ties it to the filter and order it was given for. */
export interface CursorPosition {
  readonly query: string;
  readonly position: string;
}

/**
 * Cursors carry their state themselves, sealed so that clients can't read or make positions
 * (RFC 9865 §2). The key is in the store: every replica understands every cursor.
 */
export interface Cursors {
  seal(at: CursorPosition): string;
  /** Throws ScimError invalidCursor or expiredCursor. */
  open(cursor: string, query: string): CursorPosition;
}

export async function openCursors(store: Store, now: () => number): Promise<Cursors> {
  const key = Buffer.from(
    await store.keepFirst('cursorKey', randomBytes(32).toString('base64url')),
    'base64url',
  );
  return {
    seal(at) {
      const expiresAt = Math.floor(now() / 1000) + CURSOR_LIFE_SECONDS;
      return sealText(key, JSON.stringify([at.query, at.position, expiresAt]));
    },
    open(cursor, query) {
      const [of, position, expiresAt] = parsed(openText(key, cursor));
      if (of !== query) {
        throw invalid('The cursor belongs to a query with another filter or order.');
      }
      if (expiresAt * 1000 < now()) {
        throw new ScimError(
          'expiredCursor',
          `A cursor is good for ${CURSOR_LIFE_SECONDS} seconds. Begin again without one.`,
        );
      }
      return { query, position };
    },
  };
}

function sealText(key: Buffer, text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64url');
}

function openText(key: Buffer, cursor: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const isWhole = bytes.length > NONCE_BYTES + TAG_BYTES && bytes.toString('base64url') === cursor;
  if (!isWhole) throw notOurs();
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const opened = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([opened, decipher.final()]).toString('utf8');
  } catch {
    throw notOurs();
  }
}

function parsed(text: string): [string, string, number] {
  return JSON.parse(text) as [string, string, number]; // Our own text: the seal proved it.
}

function notOurs(): ScimError {
  return invalid('The cursor was not given by this server, or was cut short.');
}

function invalid(what: string): ScimError {
  return new ScimError('invalidCursor', `${what} Begin again with an empty cursor parameter.`);
}
