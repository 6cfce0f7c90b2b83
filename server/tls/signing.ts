import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  hash,
  randomBytes,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { der } from './der.ts';

/** OpenSSL's name of ECDSA with SHA-256 on P-256, as AlgorithmIdentifier (RFC 5758 §3.2). */
const ECDSA_SHA256 = der.sequence(der.objectId('1.2.840.10045.4.3.2'));
const SUBJECT_ALT_NAME = '2.5.29.17';
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const COMMON_NAME = '2.5.4.3';
const CHALLENGE_LIFE_MS = 7 * 24 * 3_600_000;

/** A new P-256 key in PKCS #8 as PEM text. */
export async function newKeyPem(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return privateKey;
}

/** A certificate request (RFC 2986) for one name, in DER. The subject is empty: names are in the SAN. */
export function certificateRequest(domain: string, keyPem: string): Buffer {
  const extensions = der.sequence(subjectAltName(domain));
  const attributes = der.tagged(
    0xa0,
    der.sequence(der.objectId(EXTENSION_REQUEST), der.set(extensions)),
  );
  const info = der.sequence(
    der.integer(Buffer.of(0)),
    der.sequence(),
    publicKeyOf(keyPem),
    attributes,
  );
  return signed(info, keyPem);
}

/**
 * The certificate that answers a TLS-ALPN-01 challenge (RFC 8737 §3), as PEM text: self-signed, one
 * name, and the digest of the key authorization in a critical extension.
 */
export function challengeCertificate(
  domain: string,
  keyAuthorization: string,
  keyPem: string,
  nowMs: number,
): string {
  const digest = hash('sha256', keyAuthorization, 'buffer');
  const name = der.sequence(
    der.set(
      der.sequence(der.objectId(COMMON_NAME), der.tagged(0x0c, Buffer.from('ACME challenge'))),
    ),
  );
  const acmeIdentifier = der.sequence(
    der.objectId(ACME_IDENTIFIER),
    der.TRUE,
    der.octets(der.octets(digest)),
  );
  const toBeSigned = der.sequence(
    der.tagged(0xa0, der.integer(Buffer.of(2))),
    der.integer(randomBytes(16)),
    ECDSA_SHA256,
    name,
    // A day back, since clocks differ.
    der.sequence(time(nowMs - 86_400_000), time(nowMs + CHALLENGE_LIFE_MS)),
    name,
    publicKeyOf(keyPem),
    der.tagged(0xa3, der.sequence(subjectAltName(domain), acmeIdentifier)),
  );
  return pem('CERTIFICATE', signed(toBeSigned, keyPem));
}

function subjectAltName(domain: string): Buffer {
  const names = der.sequence(der.tagged(0x82, Buffer.from(domain)));
  return der.sequence(der.objectId(SUBJECT_ALT_NAME), der.octets(names));
}

function publicKeyOf(keyPem: string): Buffer {
  return createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' });
}

function signed(content: Buffer, keyPem: string): Buffer {
  return der.sequence(content, ECDSA_SHA256, der.bits(sign('sha256', content, keyPem)));
}

/** GeneralizedTime would be needed from 2050 on (RFC 5280 §4.1.2.5). */
function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isShort = digits < '2050';
  return der.tagged(isShort ? 0x17 : 0x18, Buffer.from(isShort ? digits.slice(2) : digits));
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
