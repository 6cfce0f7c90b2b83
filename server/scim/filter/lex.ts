import { ScimError } from '../errors.ts';

/** `word` is a name, an operator, a number, true, false or null; `string` is quoted. */
export type TokenKind = 'word' | 'string' | '(' | ')' | '[' | ']' | 'end';

/**
 * Reads the tokens of a filter or of a PATCH path one by one. `kind`, `start` and `end` are those of the
 * present token. Throws ScimError with the position (from 1) and what was expected there.
 */
export class Lexer {
  kind: TokenKind = 'end';
  start = 0;
  end = 0;
  readonly text: string;
  readonly #problem: 'invalidFilter' | 'invalidPath';

  constructor(text: string, problem: 'invalidFilter' | 'invalidPath') {
    this.text = text;
    this.#problem = problem;
    this.next();
  }

  at(kind: TokenKind): boolean {
    return this.kind === kind;
  }

  /** The present token as it was written. */
  get written(): string {
    return this.text.slice(this.start, this.end);
  }

  next(): void {
    const { text } = this;
    let at = this.end;
    while (text.charCodeAt(at) === SPACE) at++;
    this.start = at;
    if (at >= text.length) {
      this.kind = 'end';
      this.end = at;
      return;
    }
    const unit = text.charCodeAt(at);
    if (isWordUnit(unit)) {
      do at++;
      while (isWordUnit(text.charCodeAt(at)));
      this.kind = 'word';
      this.end = at;
    } else if (unit === QUOTE) {
      this.kind = 'string';
      this.end = this.#endOfString();
    } else {
      this.kind = this.#bracket(text.charAt(at));
      this.end = at + 1;
    }
  }

  /** The text of a quoted string (RFC 8259 §7): escapes are decoded. */
  stringValue(): string {
    const { written } = this;
    try {
      const value: unknown = JSON.parse(written);
      if (typeof value === 'string') return value;
    } catch {
      // Not the thrown text: it would show the client how we are written.
    }
    return this.fail('a string without control characters and with valid JSON escapes');
  }

  fail(expected: string): never {
    const seen = this.kind === 'end' ? 'the end' : shorten(this.written);
    const what = this.#problem === 'invalidFilter' ? 'filter' : 'path';
    throw new ScimError(
      this.#problem,
      `The ${what} does not parse at position ${this.start + 1}: expected ${expected}, found ${seen}.`,
    );
  }

  #bracket(written: string): TokenKind {
    if (written === '(' || written === ')' || written === '[' || written === ']') return written;
    this.end = this.start + (isHighSurrogate(this.text.charCodeAt(this.start)) ? 2 : 1);
    this.kind = 'word'; // For `fail`: there is something, and not the end.
    return this.fail('a name, an operator, a quoted string or a bracket');
  }

  #endOfString(): number {
    const { text } = this;
    for (let at = this.start + 1; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) return at + 1;
      if (unit === BACKSLASH) at++;
    }
    this.start = text.length;
    this.kind = 'end';
    return this.fail('a closing quotation mark');
  }
}

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Letters, digits and `$ + - . : _`: what names, URNs, operators and numbers are made of. */
const wordUnits: readonly boolean[] = Array.from({ length: 128 }, (_, unit) =>
  /[A-Za-z0-9$+\-.:_]/.test(String.fromCharCode(unit)),
);

function isWordUnit(unit: number): boolean {
  return wordUnits[unit] === true; // NaN, past the end, is none.
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function shorten(written: string): string {
  const units = [...written];
  return units.length > 40 ? `${units.slice(0, 40).join('')}…` : written;
}
