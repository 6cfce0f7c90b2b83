import { createHash, randomBytes } from 'node:crypto';

/** 26 characters of base32 in upper case, as the account's own ids look: 130 random bits. */
export function newUserId(): string {
  return base32(randomBytes(26));
}

/** As `newUserId`, in lower case. */
export function newGroupId(): string {
  return base32(randomBytes(26)).toLowerCase();
}

/** Deleted people are remembered by a hash: the name itself is gone from the store. */
export function userNameHash(foldedUserName: string): string {
  return createHash('sha256').update(foldedUserName).digest('base64url').slice(0, 22);
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function base32(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) text += BASE32.charAt(byte & 31);
  return text;
}
