import { type Document, type DocumentValue, emptyDocument, type Policy } from './document.ts';
import { ScimError } from './errors.ts';
import { nearest } from './nearest.ts';
import { entraBoolean, entraManager } from './quirks/entra-body.ts';
import { oneloginBareElement, oneloginSingleValue } from './quirks/onelogin.ts';
import type { Attribute } from './schema/attribute.ts';
import { attributeShape, type Shape } from './shape.ts';
import { parseText, wrongType } from './text.ts';

/** Values of one multi-valued attribute, and attributes in one object. Members have a limit of their own. */
const MAX_VALUES = 1_000;
const MAX_KEYS = 500;

/** Short names are too near to each other to guess what was meant. */
const MIN_SLIP_LENGTH = 5;

/**
 * The value of an attribute as a document holds it. Undefined: it is unassigned, by null or an empty
 * array (RFC 7643 §2.5) or because nothing of it is kept. `where` names it in messages.
 * Throws invalidValue for what has not the attribute's type, invalidSyntax for unknown sub-attributes.
 */
export function parseAttributeValue(
  attribute: Attribute,
  value: unknown,
  policy: Policy,
  where: string,
): DocumentValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (attribute.multiValued) return parseMany(attribute, value, policy, where);
  if (Array.isArray(value) && value.length === 0) return undefined;
  if (attribute.name === 'manager' && !policy.strict) {
    const manager = entraManager(value);
    return manager === undefined ? undefined : parseOne(attribute, manager, policy, where);
  }
  return parseOne(attribute, value, policy, where);
}

/**
 * The object of a shape, added to `into` if that is given. Undefined: nothing of it is assigned.
 * `prefix` stands before the names of its attributes in messages.
 */
export function parseObject(
  shape: Shape,
  value: Readonly<Record<string, unknown>>,
  policy: Policy,
  prefix: string,
  into?: Document,
): Document | undefined {
  const keys = Object.keys(value);
  if (keys.length > MAX_KEYS) {
    throw new ScimError('invalidSyntax', `An object has more than ${MAX_KEYS} attributes.`);
  }
  const values: (DocumentValue | undefined)[] = [];
  let aliases: Set<string> | undefined;
  for (const key of keys) {
    const slot = shape.byName.get(key) ?? shape.byName.get(key.toLowerCase());
    if (slot === undefined) {
      checkUnknown(shape, key, value[key], policy, prefix);
      continue;
    }
    const { name } = slot.attribute;
    if (key !== name) {
      if (aliases?.has(name) || Object.hasOwn(value, name)) throw twice(`${prefix}${name}`);
      aliases ??= new Set();
      aliases.add(name);
    }
    if (slot.isDropped) continue;
    values[slot.position] = parseAttributeValue(slot.attribute, value[key], policy, prefix + name);
  }
  return inSchemaOrder(shape, values, into);
}

/** So that equal documents have equal JSON, however a client orders its keys. */
function inSchemaOrder(
  shape: Shape,
  values: readonly (DocumentValue | undefined)[],
  into: Document | undefined,
): Document | undefined {
  let document = into;
  for (let position = 0; position < values.length; position += 1) {
    const value = values[position];
    const name = shape.slots[position]?.attribute.name;
    if (value === undefined || name === undefined) continue;
    document ??= emptyDocument();
    document[name] = value;
  }
  return document;
}

function parseMany(
  attribute: Attribute,
  value: unknown,
  policy: Policy,
  where: string,
): DocumentValue[] | undefined {
  const lone = policy.strict || Array.isArray(value) ? undefined : oneloginSingleValue(value);
  const elements = Array.isArray(value) ? value : lone;
  if (elements === undefined) throw wrongType(where, 'an array', value);
  if (elements.length > MAX_VALUES) {
    throw new ScimError(
      'invalidValue',
      `${where} has ${elements.length} values; at most ${MAX_VALUES} are kept. Send fewer.`,
    );
  }
  const parsed: DocumentValue[] = [];
  for (let index = 0; index < elements.length; index += 1) {
    const given = elements[index];
    if (given === null) continue;
    const isText = attribute.type !== 'complex';
    const element = isText || policy.strict ? given : oneloginBareElement(given);
    const kept = parseOne(attribute, element, policy, `${where}[${index}]`);
    if (kept !== undefined && !isOnlyLabel(kept)) parsed.push(kept);
  }
  if (parsed.length === 0) return undefined;
  checkPrimary(parsed, where);
  return withoutDuplicates(parsed);
}

function parseOne(
  attribute: Attribute,
  value: unknown,
  policy: Policy,
  where: string,
): DocumentValue | undefined {
  switch (attribute.type) {
    case 'complex': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw wrongType(where, 'an object', value);
      }
      const prefix = where + (attribute.name.includes(':') ? ':' : '.');
      const shape = attributeShape(attribute);
      // An object that is no array has names and values.
      return parseObject(shape, value as Readonly<Record<string, unknown>>, policy, prefix);
    }
    case 'boolean': {
      const boolean = policy.strict ? value : entraBoolean(value);
      if (typeof boolean !== 'boolean') throw wrongType(where, 'true or false', value);
      return boolean;
    }
    case 'integer':
    case 'decimal': {
      const isOne = attribute.type === 'integer' ? Number.isSafeInteger : Number.isFinite;
      if (typeof value !== 'number' || !isOne(value)) {
        throw wrongType(where, `a number of type ${attribute.type}`, value);
      }
      return value;
    }
    default:
      return parseText(attribute, value, where);
  }
}

/** In an element whose value is gone, `type` and `primary` say nothing. */
function isOnlyLabel(element: DocumentValue): boolean {
  if (typeof element !== 'object' || Array.isArray(element)) return false;
  if (element['value'] !== undefined) return false;
  for (const name in element) if (name !== 'type' && name !== 'primary') return false;
  return true;
}

/** RFC 7643 §2.4: at most one value is the primary one. */
function checkPrimary(elements: readonly DocumentValue[], where: string): void {
  let primaries = 0;
  for (const element of elements) {
    if (typeof element !== 'object' || Array.isArray(element)) return;
    if (element['primary'] === true) primaries += 1;
  }
  if (primaries > 1) {
    throw new ScimError(
      'invalidValue',
      `${where} has ${primaries} primary values; mark at most one as primary.`,
    );
  }
}

function withoutDuplicates(elements: DocumentValue[]): DocumentValue[] {
  if (elements.length < 2) return elements;
  const seen = new Set<string>();
  return elements.filter((element) => {
    const text = JSON.stringify(element); // in schema order, so equal ones have equal text
    return !seen.has(text) && seen.add(text);
  });
}

/** RFC 7643 leaves unknown attributes to us: ignored, unless they look like a slip of the pen. */
function checkUnknown(
  shape: Shape,
  key: string,
  value: unknown,
  policy: Policy,
  prefix: string,
): void {
  const isUnassigned = value === null || (Array.isArray(value) && value.length === 0);
  if (isUnassigned && !policy.strict) return;
  const meant = key.length < MIN_SLIP_LENGTH ? undefined : nearest(key, shape.hints);
  if (meant === undefined && !policy.strict) return;
  const shown = prefix + (key.length > 60 ? `${key.slice(0, 60)}…` : key);
  const advice =
    meant === undefined ? 'Remove it from the attribute mapping.' : `Did you mean ${meant}?`;
  throw new ScimError(
    'invalidSyntax',
    `${JSON.stringify(shown)} is not an attribute of ${shape.name}. ${advice}`,
  );
}

function twice(where: string): ScimError {
  return new ScimError(
    'invalidSyntax',
    `${where} came twice, in different letter case. Names are case-insensitive: send it once.`,
  );
}
