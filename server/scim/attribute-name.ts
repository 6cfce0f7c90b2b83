/** An attribute as a client names it (RFC 7644 §3.10), in the client's letters. */
export interface AttributeName {
  readonly urn: string | undefined;
  readonly name: string;
  readonly sub: string | undefined;
}

/**
 * Reads `[urn:]name[.sub]`. Undefined when the text has not that form: the caller knows which
 * scimType to answer. A bare schema URN reads as a name too (its last part): resolveAttribute
 * knows it again.
 */
export function parseAttributeName(text: string): AttributeName | undefined {
  const colon = text.lastIndexOf(':'); // a URN may hold dots (core:2.0), a name holds no colon
  const dot = text.indexOf('.', colon + 1);
  const nameEnd = dot === -1 ? text.length : dot;
  if (colon === 0 || !isName(text, colon + 1, nameEnd)) return undefined;
  if (dot !== -1 && !isName(text, dot + 1, text.length)) return undefined;
  return {
    urn: colon === -1 ? undefined : text.slice(0, colon),
    name: text.slice(colon + 1, nameEnd),
    sub: dot === -1 ? undefined : text.slice(dot + 1),
  };
}

/** ATTRNAME of RFC 7643 §2.1, and `$ref`: a letter or `$`, then letters, digits, `-` and `_`. */
function isName(text: string, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    const isFirst = index === start;
    if (isLetter || (isFirst && code === 0x24)) continue;
    const isDigit = code >= 0x30 && code <= 0x39;
    if (isFirst || !(isDigit || code === 0x2d || code === 0x5f)) return false;
  }
  return true;
}
