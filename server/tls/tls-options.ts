import type { TlsOptions } from 'node:tls';

/**
 * What every handshake is held to: TLS 1.2 and 1.3, forward secrecy, authenticated encryption.
 * `setSecureContext` puts back Node's defaults for what it is not given, so it gets all of this again.
 */
export const TLS_OPTIONS = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: 'X25519:P-256:P-384',
  // Node's default is a digest of the command line.
  sessionIdContext: 'op-scim',
} as const satisfies TlsOptions;

/** Node waits 120 s by default. */
export const HANDSHAKE_MS = 10_000;
/** One year (RFC 6797). */
export const STRICT_TRANSPORT_SECURITY = 'max-age=31536000';
