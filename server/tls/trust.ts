import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { readChain } from './certificate.ts';

/**
 * Whether an authority that browsers know stands behind the chain: then a browser may be told to
 * come by HTTPS alone. Staging and private authorities are none. `roots` are PEM texts.
 */
export function isPubliclyTrusted(
  chainPem: string,
  roots: readonly string[] = rootCertificates,
): boolean {
  const last = readChain(chainPem).at(-1);
  if (last === undefined) return false;
  return roots.some((pem) => {
    const root = new X509Certificate(pem);
    if (root.fingerprint256 === last.fingerprint256) return true;
    return last.checkIssued(root) && last.verify(root.publicKey);
  });
}
