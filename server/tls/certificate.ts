import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

/** A certificate with its key, fit to be served. */
export interface Certificate {
  /** PEM, the leaf first. */
  readonly chainPem: string;
  readonly keyPem: string;
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A certificate that can't be served. The message says what is wrong with it, without a full stop. */
export class UnusableCertificate extends Error {
  override readonly name = 'UnusableCertificate';
}

const CHAIN_LENGTH_MAX = 10;

/** Reads what is to be served. Throws UnusableCertificate when a server can't use it at all. */
export function readCertificate(chainPem: string, keyPem: string): Certificate {
  const [leaf, ...issuers] = readChain(chainPem);
  const key = readKey(keyPem);
  if (leaf === undefined) throw new UnusableCertificate('there is no certificate in it');
  if (!leaf.checkPrivateKey(key)) {
    const place = issuers.findIndex((issuer) => issuer.checkPrivateKey(key));
    throw new UnusableCertificate(
      place === -1
        ? 'the private key does not belong to the certificate'
        : `the chain is in the wrong order: the certificate of the key is number ${place + 2}, and must come first`,
    );
  }
  checkOrder([leaf, ...issuers]);
  return {
    chainPem,
    keyPem,
    serial: leaf.serialNumber,
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
  };
}

/** Why clients of `domain` will refuse the names; undefined when they won't. Completes "it …". */
export function wrongName(
  { chainPem }: Pick<Certificate, 'chainPem'>,
  domain: string,
): string | undefined {
  const leaf = new X509Certificate(chainPem);
  if (leaf.subjectAltName === undefined) return 'names no domain in a subject alternative name';
  if (leaf.checkHost(domain, { subject: 'never' }) !== undefined) return undefined;
  return `is for ${leaf.subjectAltName.replaceAll('DNS:', '').slice(0, 200)}, not for ${domain}`;
}

/** As `wrongName`, of the dates. */
export function wrongTime(
  { notBeforeMs, notAfterMs }: Pick<Certificate, 'notBeforeMs' | 'notAfterMs'>,
  nowMs: number,
): string | undefined {
  if (nowMs >= notAfterMs) return `has expired on ${timeText(notAfterMs)}`;
  if (nowMs < notBeforeMs) return `is valid only from ${timeText(notBeforeMs)} on`;
  return undefined;
}

/** The certificates of a PEM text, in its order. Throws UnusableCertificate. */
export function readChain(chainPem: string): X509Certificate[] {
  const blocks = chainPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length > CHAIN_LENGTH_MAX) {
    throw new UnusableCertificate(`it holds ${blocks.length} certificates, which is no chain`);
  }
  return blocks.map((block, n) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new UnusableCertificate(`certificate number ${n + 1} in it is garbled`);
    }
  });
}

/** To the minute, for people. */
export function timeText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function readKey(keyPem: string): KeyObject {
  try {
    return createPrivateKey(keyPem);
  } catch {
    const isEncrypted = keyPem.includes('ENCRYPTED');
    throw new UnusableCertificate(
      isEncrypted
        ? 'the private key is encrypted: store it without a passphrase'
        : 'the private key is not one in PEM',
    );
  }
}

/** Each certificate must be signed by the next (RFC 8446 §4.4.2 lets clients expect that). */
function checkOrder(chain: readonly X509Certificate[]): void {
  for (const [n, certificate] of chain.entries()) {
    const issuer = chain[n + 1];
    if (issuer === undefined || certificate.checkIssued(issuer)) continue;
    const place = chain.findIndex(
      (other) => other !== certificate && certificate.checkIssued(other),
    );
    throw new UnusableCertificate(
      place === -1
        ? `certificate number ${n + 2} in it did not sign number ${n + 1}: leave it out, or put in the one that did`
        : `the chain is in the wrong order: number ${place + 1} signed number ${n + 1}, and must come right after it`,
    );
  }
}
