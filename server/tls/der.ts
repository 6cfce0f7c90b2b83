const TRUE = Buffer.of(0x01, 0x01, 0xff);

/** The little of DER (ITU-T X.690) that certificates and requests of ours need. */
export const der = { sequence, set, octets, bits, integer, objectId, tagged, TRUE };

/** Context tag n of the given content: constructed (0xa0 + n) or primitive (0x80 + n). */
function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
  return tagged(0x30, ...contents);
}

function set(...contents: readonly Buffer[]): Buffer {
  return tagged(0x31, ...contents);
}

function octets(content: Buffer): Buffer {
  return tagged(0x04, content);
}

/** A bit string of whole bytes. */
function bits(content: Buffer): Buffer {
  return tagged(0x03, Buffer.of(0), content);
}

/** A number that is not negative, in big-endian bytes. */
function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.of(0) : bytes.subarray(first);
  const isNegative = ((digits[0] ?? 0) & 0x80) !== 0;
  return isNegative ? tagged(0x02, Buffer.of(0), digits) : tagged(0x02, digits);
}

/** `id` in dots, as 2.5.29.17. */
function objectId(id: string): Buffer {
  const [first = 0, second = 0, ...rest] = id.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return tagged(0x06, Buffer.from(bytes));
}

function base128(number: number): number[] {
  const digits = [number & 0x7f];
  for (let left = number >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  if (length < 0x100) return Buffer.of(0x81, length);
  if (length < 0x10000) return Buffer.of(0x82, length >> 8, length & 0xff);
  throw new Error('A DER value of 64 KiB or more is not one of ours.');
}
