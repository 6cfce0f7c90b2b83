import { ScimError } from './errors.ts';
import type { Attribute } from './schema/attribute.ts';
import { resolveAttribute } from './schema/lookup.ts';
import { GROUP, USER } from './schema/resource-types.ts';

/** UTF-16 code units. What an index holds is short, so that an entry stays small in both stores. */
const MAX_INDEXED_LENGTH = 1_024;
const MAX_LENGTH = 65_536;

/**
 * The text of an attribute of type string, reference, binary or dateTime. Throws invalidValue for
 * another type, and for text that is too long, holds U+0000, or is not Unicode (lone surrogates).
 */
export function parseText(attribute: Attribute, value: unknown, where: string): string | undefined {
  if (typeof value !== 'string') throw wrongType(where, expected(attribute), value);
  // An empty externalId would match everyone else who has none.
  if (value === '' && attribute === externalId) return undefined;
  const maxLength = indexed.has(attribute) ? MAX_INDEXED_LENGTH : MAX_LENGTH;
  if (!isText(value, maxLength)) throw badText(value, where, maxLength);
  if (attribute.type === 'dateTime' && !isDateTime(value)) {
    throw wrongType(where, expected(attribute), value);
  }
  if (attribute.type === 'binary' && !/^[\w+/=\s-]*$/.test(value)) {
    throw wrongType(where, expected(attribute), value);
  }
  return value;
}

/** Says what `isText` did not let pass. */
export function badText(text: string, where: string, maxLength = MAX_INDEXED_LENGTH): ScimError {
  return new ScimError(
    'invalidValue',
    text.length > maxLength
      ? `${where} has ${text.length} characters; at most ${maxLength} are kept. Shorten it.`
      : `${where} holds U+0000 or half a surrogate pair, which is no text. Correct it at the source.`,
  );
}

/** Whether it is not too long, and without U+0000 and lone surrogates. */
export function isText(text: string, maxLength = MAX_INDEXED_LENGTH): boolean {
  return text.length <= maxLength && text.isWellFormed() && !text.includes('\0');
}

/** What came is named by its type alone: it may be personal. */
export function wrongType(where: string, expected: string, value: unknown): ScimError {
  return new ScimError(
    'invalidValue',
    `${where} must be ${expected}, but ${kindOf(value)} came. ` +
      'Correct the attribute mapping of the identity provider.',
  );
}

/** xsd:dateTime (RFC 7643 §2.3.5), of days that exist. */
function isDateTime(text: string): boolean {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/;
  return form.test(text) && !Number.isNaN(Date.parse(text));
}

function expected({ type }: Attribute): string {
  if (type === 'dateTime') return 'a date and time such as 2031-05-04T08:00:00Z';
  return type === 'binary' ? 'a string in base64' : 'a string';
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const externalId = attributeOf('externalId');
const indexed: ReadonlySet<Attribute | undefined> = new Set([
  externalId,
  attributeOf('userName'),
  attributeOf('displayName'),
  attributeOf('emails', 'value'),
  resolveAttribute(GROUP, { urn: undefined, name: 'displayName', sub: undefined })?.attribute,
]);

function attributeOf(name: string, sub?: string): Attribute | undefined {
  const found = resolveAttribute(USER, { urn: undefined, name, sub });
  return found?.sub ?? found?.attribute;
}
