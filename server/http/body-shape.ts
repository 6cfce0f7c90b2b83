import { ScimError } from '#scim/errors.ts';

/** Smaller bodies make no more work than their size. */
const CHECKED_FROM_BYTES = 16_384;
/** As in `checkDepth`, which judges the values of smaller bodies. */
const DEPTH_MAX = 20;
/** A group of 100,000 members with four attributes each has 500,000. */
const PARTS_MAX = 600_000;

/**
 * Refuses JSON that would become far larger in memory than it is as text: 4 MB of brackets alone take
 * hundreds. Looks at the bytes, before they are parsed; whether they are JSON is for the parser to
 * say. Throws ScimError.
 */
export function checkShape(bytes: Uint8Array): void {
  if (bytes.length < CHECKED_FROM_BYTES) return;
  let depth = 0;
  let parts = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at);
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        parts += 1;
        if (depth > DEPTH_MAX) throw tooDeep();
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        break;
      case COMMA:
        parts += 1;
        break;
    }
    if (parts > PARTS_MAX) throw tooMany();
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function tooDeep(): ScimError {
  return new ScimError(
    'invalidSyntax',
    `The JSON is nested more than ${DEPTH_MAX} deep, which no SCIM request needs.`,
  );
}

function tooMany(): ScimError {
  return new ScimError(
    'tooLarge',
    `The body holds more than ${PARTS_MAX.toLocaleString('en')} values. Send less at once.`,
  );
}
