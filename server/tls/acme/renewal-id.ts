import { X509Certificate } from 'node:crypto';

/** DER of the object id 2.5.29.35, the authority key identifier. */
const AUTHORITY_KEY_IDENTIFIER = Buffer.from('0603551d23', 'hex');
const BOOLEAN = 0x01;
const KEY_IDENTIFIER = 0x80;

/**
 * How RFC 9773 §4.1 names a certificate: the key identifier of its issuer and its serial number.
 * Undefined when the certificate does not name the key of its issuer.
 */
export function renewalIdOf(chainPem: string): string | undefined {
  const leaf = new X509Certificate(chainPem);
  const issuerKey = issuerKeyOf(leaf.raw);
  if (issuerKey === undefined) return undefined;
  return `${issuerKey.toString('base64url')}.${serialOf(leaf).toString('base64url')}`;
}

/** Octets of the DER integer: a leading zero where the first bit would mean a negative number. */
function serialOf({ serialNumber }: X509Certificate): Buffer {
  const hex = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  const octets = Buffer.from(hex, 'hex');
  return ((octets[0] ?? 0) & 0x80) === 0 ? octets : Buffer.concat([Buffer.of(0), octets]);
}

/** The extension is short: each length in it is one byte. */
function issuerKeyOf(certificate: Buffer): Buffer | undefined {
  const found = certificate.indexOf(AUTHORITY_KEY_IDENTIFIER);
  if (found === -1) return undefined;
  let at = found + AUTHORITY_KEY_IDENTIFIER.length;
  if (certificate[at] === BOOLEAN) at += 3; // critical
  at += 4; // heads of the octet string and of the sequence
  if (certificate[at] !== KEY_IDENTIFIER) return undefined;
  const length = certificate[at + 1] ?? 0;
  return certificate.subarray(at + 2, at + 2 + length);
}
