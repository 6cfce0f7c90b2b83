/** What is read of the answers of other servers: nothing in them is taken for granted. */

const RETRY_AFTER_MAX_MS = 48 * 3_600_000;
const DETAIL_CHARACTERS = 400;

export type JsonObject = Readonly<Record<string, unknown>>;

export function textAt(object: JsonObject | undefined, key: string): string | undefined {
  const value = object?.[key];
  return typeof value === 'string' ? value : undefined;
}

export function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  return asObject(object?.[key]);
}

export function listAt(object: JsonObject | undefined, key: string): readonly unknown[] {
  const value = object?.[key];
  return Array.isArray(value) ? value : [];
}

export function asObject(value: unknown): JsonObject | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? { ...value } : undefined;
}

/** Undefined when the text is no JSON object. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined; // A server that breaks its own content type: the caller says what is missing.
  }
}

/** Milliseconds from now. The header has seconds or a date (RFC 9110 §10.2.3). */
export function retryAfterMsOf(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  const milliseconds = /^\d+$/.test(retryAfter)
    ? Number(retryAfter) * 1000
    : Date.parse(retryAfter) - Date.now();
  if (Number.isNaN(milliseconds)) return undefined;
  return Math.min(Math.max(milliseconds, 0), RETRY_AFTER_MAX_MS);
}

/** Text of others, made fit for one line of log. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').slice(0, DETAIL_CHARACTERS);
}

/** Such a line with an end, so that a sentence of ours may follow. */
export function sentence(text: string): string {
  const line = oneLine(text).trim() || 'no reason given';
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
