import { setImmediate as nextTurn } from 'node:timers/promises';
import { ScimError } from '#scim/errors.ts';

/** As in `checkDepth`, which judges the values of smaller bodies. */
const DEPTH_MAX = 20;
/** A group of 100,000 members with four attributes each has 500,000. */
const PARTS_MAX = 600_000;
/** Characters that are looked through, or parsed, at once: less than a millisecond. */
const SLICE = 65_536;
/** Work between two turns of the event loop. */
const TURN_MS = 4;

/**
 * JSON.parse for long texts, with turns of the event loop between: gives the same value, and throws a
 * SyntaxError for the same texts. Besides, it refuses what would become far larger in memory than it is
 * as text, before it does: 4 MB of brackets alone take hundreds. Throws ScimError then.
 */
export async function parseLargeJson(text: string, slice = SLICE): Promise<unknown> {
  const parser = new SlicedParser(text, slice);
  // The turn that brought the text has had enough to do with that.
  let turnMs = Number.NEGATIVE_INFINITY;
  while (!parser.advance()) {
    if (performance.now() - turnMs < TURN_MS) continue;
    await nextTurn();
    turnMs = performance.now();
  }
  // And so will the one that does something with the value.
  if (text.length > slice) await nextTurn();
  return parser.value();
}

/** An object or array that has begun and not ended. */
interface Frame {
  isArray: boolean;
  start: number;
  /** Undefined as long as it is short: then it is parsed together with what is around it. */
  made: unknown[] | Record<string, unknown> | undefined;
  /** Behind what is in `made`. */
  rest: number;
  /** The last comma, or where it begins. */
  comma: number;
  /** Name in `made` of the value that has begun. */
  key: string;
  /** The last thing was a value that is in `made` already: a comma or the end must follow. */
  hasValue: boolean;
}

/**
 * Looks for brackets and commas alone, and gives runs of whole elements to JSON.parse, which judges
 * everything else. Objects and arrays longer than a slice are put together from such runs.
 */
class SlicedParser {
  readonly #text: string;
  readonly #slice: number;
  readonly #frames: Frame[] = [];
  #depth = 0;
  #parts = 0;
  #at = 0;
  #root: { readonly value: unknown; readonly end: number } | undefined;

  constructor(text: string, slice: number) {
    this.#text = text;
    this.#slice = slice;
  }

  /** Looks through the next slice. True at the end of the text. */
  advance(): boolean {
    const text = this.#text;
    const end = Math.min(this.#at + this.#slice, text.length);
    let at = this.#at;
    for (; at < end; at += 1) {
      switch (text.charCodeAt(at)) {
        case QUOTE:
          at = endOfString(text, at);
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          this.#open(at);
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          this.#close(at);
          break;
        case COMMA:
          this.#comma(at);
          break;
      }
    }
    this.#at = at;
    return at >= text.length;
  }

  value(): unknown {
    if (this.#root === undefined) return JSON.parse(this.#text);
    this.#expectBlank(this.#root.end, this.#text.length);
    return this.#root.value;
  }

  #open(at: number): void {
    if (this.#depth === DEPTH_MAX) throw tooDeep();
    this.#count();
    // Made once for each depth: there may be a frame for each of 100,000 members.
    const frame = this.#frames[this.#depth] ?? newFrame();
    this.#frames[this.#depth] = frame;
    frame.isArray = this.#text.charCodeAt(at) === OPEN_BRACKET;
    frame.start = at;
    frame.rest = at + 1;
    frame.comma = at;
    frame.made = undefined;
    frame.hasValue = false;
    this.#depth += 1;
  }

  #comma(at: number): void {
    this.#count();
    const frame = this.#frames[this.#depth - 1];
    if (frame === undefined) throw unexpected(at);
    if (frame.hasValue) {
      this.#expectBlank(frame.rest, at);
      frame.hasValue = false;
      frame.rest = at + 1;
    } else if (at - frame.rest >= this.#slice) {
      this.#take(this.#make(this.#depth - 1), at);
    }
    frame.comma = at;
  }

  #close(at: number): void {
    const frame = this.#frames[this.#depth - 1];
    const isArray = this.#text.charCodeAt(at) === CLOSE_BRACKET;
    if (frame === undefined || frame.isArray !== isArray) throw unexpected(at);
    this.#depth -= 1;
    if (frame.made === undefined) return;
    if (frame.hasValue) this.#expectBlank(frame.rest, at);
    else this.#take(frame, at);
    const parent = this.#frames[this.#depth - 1];
    if (this.#depth === 0 || parent === undefined) {
      this.#root = { value: frame.made, end: at + 1 };
      return;
    }
    put(parent, parent.key, frame.made);
    parent.hasValue = true;
    parent.rest = at + 1;
  }

  /** Begins to put the frame at this depth together, and those around it. */
  #make(depth: number): Frame {
    const frame = this.#frames[depth];
    if (frame === undefined) throw new Error('a frame that has not begun');
    if (frame.made !== undefined) return frame;
    if (depth === 0) this.#expectBlank(this.#root?.end ?? 0, frame.start);
    else this.#makeRoom(this.#make(depth - 1), frame.start);
    // A second one beside the root is an error even where the first was short.
    if (depth === 0 && this.#root !== undefined) throw unexpected(frame.start);
    frame.made = frame.isArray ? [] : {};
    return frame;
  }

  /** Takes what stands before the value that begins at `start`, and notes the value's name. */
  #makeRoom(frame: Frame, start: number): void {
    if (frame.hasValue) throw unexpected(start);
    if (frame.comma >= frame.rest) this.#take(frame, frame.comma);
    if (frame.isArray) {
      this.#expectBlank(frame.rest, start);
      return;
    }
    // A number would not do: "name":1 is not to become 10.
    const named = this.#parse('{', frame.rest, start, '[]}');
    frame.key = Object.keys(named)[0] ?? '';
  }

  /** Takes the elements up to `end`, of which there must be at least one. */
  #take(frame: Frame, end: number): void {
    const [open, close] = frame.isArray ? ['[', ']'] : ['{', '}'];
    const run = this.#parse(open, frame.rest, end, close);
    const keys = Object.keys(run);
    if (keys.length === 0) throw unexpected(end);
    if (Array.isArray(run)) for (const element of run) put(frame, '', element);
    else for (const key of keys) put(frame, key, run[key]);
    frame.rest = end + 1;
  }

  #parse(
    open: string,
    from: number,
    to: number,
    close: string,
  ): unknown[] | Record<string, unknown> {
    try {
      // Of an object or array's text.
      return JSON.parse(open + this.#text.slice(from, to) + close) as Record<string, unknown>;
    } catch (cause) {
      const place = cause instanceof Error ? / at position (\d+)/.exec(cause.message)?.[1] : null;
      throw place == null ? cause : unexpected(from + Number(place) - open.length);
    }
  }

  #expectBlank(from: number, to: number): void {
    for (let at = from; at < to; at += 1) {
      if (!BLANKS.includes(this.#text.charAt(at))) throw unexpected(at);
    }
  }

  #count(): void {
    this.#parts += 1;
    if (this.#parts > PARTS_MAX) throw tooMany();
  }
}

function newFrame(): Frame {
  return {
    ...{ isArray: true, start: 0, rest: 0, comma: 0 },
    ...{ made: undefined, key: '', hasValue: false },
  };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** White space of RFC 8259 §2. */
const BLANKS = ' \t\n\r';

/** The closing quotation mark, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (first - 1 > start && text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
    if ((end - first) % 2 === 0) return end;
  }
  return text.length;
}

/** As JSON.parse does it: `__proto__` is a name like others, and of two values the last one counts. */
function put(frame: Frame, key: string, value: unknown): void {
  if (Array.isArray(frame.made)) {
    frame.made.push(value);
  } else if (frame.made !== undefined) {
    const property = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(frame.made, key, property);
  }
}

function unexpected(at: number): SyntaxError {
  return new SyntaxError(`Unexpected text in JSON at position ${at}`);
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
