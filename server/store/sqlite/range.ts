import type { Range } from '../store.ts';
import { type Bounds, END, HEAD, type Key } from './order.ts';

/** Lists that each collection has. A colon keeps them apart from the directory's index names. */
export const SEQUENCE_LIST = ':sequence';
export const MODIFIED_LIST = ':modified';

/** After every sequence of an account. */
const LAST_SEQUENCE = Number.MAX_SAFE_INTEGER;
/** Nine digits of base 36 hold milliseconds until the year 5188; text sorts as the numbers do. */
const TIME_DIGITS = 9;
const MAX_TIME_MS = 36 ** TIME_DIGITS - 1;
const MAX_CODE_POINT = 0x10ffff;
const LAST_BEFORE_SURROGATES = 0xd7ff;
const FIRST_AFTER_SURROGATES = 0xe000;

/** A range of an ordered list, by the list's name. */
export interface ListRange {
  readonly name: string;
  readonly bounds: Bounds;
}

export function listRangeOf(range: Exclude<Range, { readonly by: 'member' }>): ListRange {
  switch (range.by) {
    case 'sequence':
      return { name: SEQUENCE_LIST, bounds: { low: HEAD, high: END } };
    case 'modified': {
      const fromMs = Math.ceil(Math.max(range.fromMs ?? 0, 0));
      const toMs = Math.floor(Math.min(range.toMs ?? MAX_TIME_MS, MAX_TIME_MS));
      const low = { value: timeValue(Math.min(fromMs, MAX_TIME_MS)), sequence: 0 };
      const high = { value: timeValue(Math.max(toMs, 0)), sequence: LAST_SEQUENCE };
      return { name: MODIFIED_LIST, bounds: fromMs > toMs ? { low, high: low } : { low, high } };
    }
    case 'index':
      return { name: range.index, bounds: indexBounds(range) };
  }
}

/** The entry of `MODIFIED_LIST` for a record. */
export function modifiedKey(modifiedMs: number, sequence: number): Key {
  return { value: timeValue(modifiedMs), sequence };
}

/** The first text after every text that begins with `prefix`, by code points; none: undefined. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix.toWellFormed(), (character) => character.codePointAt(0) ?? 0);
  while (points.length > 0) {
    const last = points.pop() ?? 0;
    if (last < MAX_CODE_POINT) {
      const next = last === LAST_BEFORE_SURROGATES ? FIRST_AFTER_SURROGATES : last + 1;
      return String.fromCodePoint(...points, next);
    }
  }
  return undefined;
}

/** The text of a cursor position, and back. */
export function printPosition({ value, sequence }: Key): string {
  return `${sequence}:${value}`;
}

export function parsePosition(text: string): Key {
  const colon = text.indexOf(':');
  const sequence = Number(text.slice(0, colon));
  if (colon < 1 || !Number.isSafeInteger(sequence)) {
    throw new Error(`${JSON.stringify(text)} is not a position that a query of this store gave.`);
  }
  return { value: text.slice(colon + 1), sequence };
}

function indexBounds(range: Extract<Range, { readonly by: 'index' }>): Bounds {
  if ('equals' in range) {
    const { equals } = range;
    return {
      low: { value: equals, sequence: 0 },
      high: { value: equals, sequence: LAST_SEQUENCE },
    };
  }
  if ('startsWith' in range) {
    const after = afterPrefix(range.startsWith);
    return {
      low: { value: range.startsWith, sequence: 0 },
      high: after === undefined ? END : { value: after, sequence: 0 },
    };
  }
  return { low: HEAD, high: END };
}

function timeValue(timeMs: number): string {
  return timeMs.toString(36).padStart(TIME_DIGITS, '0');
}
