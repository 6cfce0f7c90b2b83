import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { type JsonObject, textAt } from '../http-answer.ts';

/** Who we are to Google: what we use of the key file of a service account. */
export interface ServiceAccount {
  readonly email: string;
  readonly keyId: string | undefined;
  /** RSA. */
  readonly key: KeyObject;
}

export const TOKEN_PATH = '/token';
const AUDIENCE = `https://oauth2.googleapis.com${TOKEN_PATH}`;
const SCOPE = 'https://www.googleapis.com/auth/ndev.clouddns.readwrite';
/** The longest that Google allows. */
const LIFE_SECONDS = 3_600;

/**
 * Reads the key file that Google Cloud makes. `token_uri` in it does not count: credentials go to
 * Google alone. The mistake completes the sentence "… is".
 */
export function readServiceAccount(
  key: JsonObject | undefined,
): ServiceAccount | { readonly mistake: string } {
  if (key === undefined) return { mistake: 'no JSON object' };
  if (key['type'] !== 'service_account') {
    return { mistake: 'not the key of a service account ("type": "service_account")' };
  }
  if ((key['universe_domain'] ?? 'googleapis.com') !== 'googleapis.com') {
    return { mistake: 'of another cloud than googleapis.com, which is not served' };
  }
  const email = textAt(key, 'client_email');
  const rsaKey = readRsaKey(textAt(key, 'private_key') ?? '');
  if (email === undefined || email === '') return { mistake: 'without a client_email' };
  if (rsaKey === undefined) return { mistake: 'without an RSA key in private_key' };
  return { email, keyId: textAt(key, 'private_key_id'), key: rsaKey };
}

/**
 * The grant of RFC 7523 §2.1, signed by the service account:
 * https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
 */
export function serviceAccountGrant(account: ServiceAccount, nowMs: number) {
  const { email, key, keyId } = account;
  const nowSeconds = Math.floor(nowMs / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
  const claims = {
    iss: email,
    scope: SCOPE,
    aud: AUDIENCE,
    iat: nowSeconds,
    exp: nowSeconds + LIFE_SECONDS,
  };
  const content = `${encode(header)}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(content), key).toString('base64url');
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: `${content}.${signature}`,
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function readRsaKey(keyPem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(keyPem);
    return key.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined; // OpenSSL's reason is of no use to an operator.
  }
}
