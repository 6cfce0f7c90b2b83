import type { Payload } from '#session/payload.ts';
import { createSession, type Sealed } from '#session/seal.ts';

export const NOW_MS = Date.parse('2026-03-01T12:00:00.000Z');

export const OP_PAYLOAD: Payload = {
  kind: 'op',
  signInAddress: 'acme.1password.com',
  email: 'bridge@example.com',
  secretKey: 'A3-CANARY-CANARY-CANAR-CANAR-CANAR-CANAR',
  password: 'canary password',
  deviceUuid: 'abcdefghijklmnopqrstuvwxyz',
};

/** A session for tests, made at NOW_MS. */
export function sealed(payload: Payload = OP_PAYLOAD, accountId = 'acme.1password.com'): Sealed {
  return createSession({ payload, accountId, domain: '', strict: false, nowMs: NOW_MS });
}
