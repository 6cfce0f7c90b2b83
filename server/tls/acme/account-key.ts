import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  type KeyObject,
  sign,
} from 'node:crypto';
import { AcmeError, type ExternalAccount } from './acme-engine.ts';

/** A P-256 key by which an account at a certificate authority is known. */
export interface AccountKey {
  readonly jwk: Readonly<Record<string, string>>;
  /** RFC 7638: SHA-256 of the JWK, in base64url. */
  readonly thumbprint: string;
  /** A flattened JWS (RFC 7515 §7.2.2) with algorithm ES256. An empty payload is POST-as-GET. */
  jws(header: object, payload: object | ''): string;
}

/** Throws when the text is not a P-256 key. */
export function readAccountKey(keyPem: string): AccountKey {
  const key = createPrivateKey(keyPem);
  const { crv, kty, x, y } = createPublicKey(key).export({ format: 'jwk' });
  if (crv !== 'P-256' || kty === undefined || x === undefined || y === undefined) {
    throw new Error('An ACME account key is one of P-256.');
  }
  const jwk = { crv, kty, x, y }; // In the order of RFC 7638 §3.2.
  return {
    jwk,
    thumbprint: hash('sha256', JSON.stringify(jwk), 'base64url'),
    jws: (header, payload) => signJws(key, header, payload),
  };
}

/** Binds the account key to an account that the authority knows already (RFC 8555 §7.3.4). */
export function externalAccountBinding(
  { jwk }: Pick<AccountKey, 'jwk'>,
  { kid, hmacKey }: ExternalAccount,
  newAccountUrl: string,
): object {
  const secret = Buffer.from(hmacKey, 'base64url');
  if (secret.length === 0) {
    throw new AcmeError(
      'externalAccountRequired',
      'OP_ACME_EAB_HMAC is not base64url. Enter the key as the certificate authority shows it.',
    );
  }
  const header = encode({ alg: 'HS256', kid, url: newAccountUrl });
  const payload = encode(jwk);
  const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
  return { protected: header, payload, signature };
}

function signJws(key: KeyObject, header: object, payload: object | ''): string {
  const protectedHeader = encode({ alg: 'ES256', ...header });
  const body = payload === '' ? '' : encode(payload);
  const signature = sign('sha256', Buffer.from(`${protectedHeader}.${body}`), {
    key,
    dsaEncoding: 'ieee-p1363',
  });
  return JSON.stringify({
    protected: protectedHeader,
    payload: body,
    signature: signature.toString('base64url'),
  });
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
