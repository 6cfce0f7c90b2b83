import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { Config } from '#config/options.ts';

/** Seals private keys for the store. A locked bridge opens them too: it has to serve HTTPS. */
export interface Seal {
  /** Tells one seal from another, and nothing of the key. */
  readonly id: string;
  /** `context` is bound to the text: sealed for one record, it opens in no other. */
  close(text: string, context: string): string;
  /** Undefined when it was sealed by another key or for another context, or was changed. */
  open(sealed: string, context: string): string | undefined;
}

const LABEL = 'op-scim/tls/1';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** About 50 ms and 16 MiB once: the text may be one that a person made up. */
const SCRYPT_COST = 2 ** 14;

/** A seal of 32 random bytes, which may be replaced while the bridge runs. */
export function sealOf(secret: () => Buffer): Seal {
  let last: { readonly of: Buffer; readonly key: Buffer; readonly id: string } | undefined;
  const derived = (): { readonly key: Buffer; readonly id: string } => {
    const of = secret();
    if (last === undefined || !last.of.equals(of)) last = { of, ...keyOf(of) };
    return last;
  };
  return {
    get id() {
      return derived().id;
    },
    close: (text, context) => encrypt(derived().key, text, context),
    open: (sealed, context) => decrypt(derived().key, sealed, context),
  };
}

/** The seal that the settings say: OP_TLS_KEY_SECRET, else 32 bytes of the session as it is now. */
export async function openSeal(
  { tlsKeySecret }: Pick<Config, 'tlsKeySecret'>,
  storeSeal: () => Buffer,
): Promise<Seal> {
  if (tlsKeySecret === undefined) return sealOf(storeSeal);
  const secret = await secretFromText(tlsKeySecret);
  return sealOf(() => secret);
}

/** The 32 bytes for `sealOf` from text that an operator chose. */
export async function secretFromText(text: string): Promise<Buffer> {
  const derive = promisify<string, string, number, { N: number }, Buffer>(scrypt);
  return derive(text, LABEL, 32, { N: SCRYPT_COST });
}

function keyOf(secret: Buffer): { readonly key: Buffer; readonly id: string } {
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `${LABEL}/key`, 32));
  const named = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `${LABEL}/id`, 32));
  return { key, id: hash('sha256', named, 'hex').slice(0, 12) };
}

/** AES-256-GCM: nonce, ciphertext, tag, in base64url. */
function encrypt(key: Buffer, text: string, context: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString('base64url');
}

function decrypt(key: Buffer, sealed: string, context: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  }).setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString();
  } catch {
    return undefined; // The tag does not fit.
  }
}
