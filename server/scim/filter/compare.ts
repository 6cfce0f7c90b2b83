import type { DocumentValue, Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import { foldCase } from '../fold.ts';
import type { Attribute } from '../schema/attribute.ts';
import type { Literal, Operator } from './ast.ts';

/** Tells whether one value of the attribute, present and neither array nor object, fulfils it. */
export type ValueTest = (value: DocumentValue) => boolean;

export interface Comparison {
  /** As the attribute's type wants it: dateTime (but for co, sw, ew) in milliseconds since 1970. */
  readonly value: string | number | boolean;
  readonly test: ValueTest;
}

/**
 * What `attribute operator literal` asks of a single value (RFC 7644 §3.4.2.2, table 3). A literal
 * that the attribute's type can't hold, or an operator that its type does not know, throws ScimError
 * invalidFilter: an empty answer would let a client create what is already there.
 */
export function comparison(
  attribute: Attribute,
  operator: Operator,
  literal: Exclude<Literal, null>,
  policy: Policy,
): Comparison {
  switch (attribute.type) {
    case 'boolean':
      return booleanComparison(attribute, operator, literal, policy);
    case 'integer':
    case 'decimal':
      return numberComparison(attribute, operator, literal);
    case 'dateTime':
      return isTextual(operator)
        ? stringComparison(attribute, operator, literal)
        : timeComparison(attribute, operator, literal);
    default:
      return stringComparison(attribute, operator, literal);
  }
}

/** Negative, zero or positive as `left` sorts before, with or after `right`, as their UTF-8 bytes do. */
export function compareCodePoints(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    // Surrogates stand for code points above all others, though U+E000 to U+FFFF are greater units.
    if (a !== b) return isSurrogate(a) === isSurrogate(b) ? a - b : isSurrogate(a) ? 1 : -1;
  }
  return left.length - right.length;
}

/** Whether `pr` holds: something in it is neither absent nor empty text. */
export function isPresent(value: DocumentValue | undefined): boolean {
  if (value === undefined || value === '') return false;
  if (typeof value !== 'object') return true;
  return Array.isArray(value)
    ? value.some(isPresent)
    : Object.values<DocumentValue>(value).some(isPresent);
}

/** The milliseconds since 1970 of an xsd:dateTime (RFC 7643 §2.3.5); undefined when it is none. */
export function timeOf(text: string): number | undefined {
  const zone = dateTimeForm.exec(text);
  if (zone === null) return undefined;
  // Without a zone it is UTC here: the server's own zone must not matter.
  const timeMs = Date.parse(zone[1] === undefined ? `${text}Z` : text);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

const dateTimeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/;

function stringComparison(
  attribute: Attribute,
  operator: Operator,
  literal: string | number | boolean,
): Comparison {
  if (typeof literal !== 'string') {
    const quoted = `"${attribute.name}" is text: write the value in quotation marks.`;
    throw new ScimError('invalidFilter', quoted);
  }
  if (attribute.type === 'binary' && isOrdering(operator)) refuseOperator(attribute, operator);
  const normalize = attribute.caseExact ? asIs : foldCase;
  const holds = stringTest(operator, normalize(literal));
  return {
    value: literal,
    test: (value) => typeof value === 'string' && holds(normalize(value)),
  };
}

function stringTest(operator: Operator, wanted: string): (text: string) => boolean {
  switch (operator) {
    case 'eq':
      return (text) => text === wanted;
    case 'ne':
      return (text) => text !== wanted;
    case 'co':
      return (text) => text.includes(wanted);
    case 'sw':
      return (text) => text.startsWith(wanted);
    case 'ew':
      return (text) => text.endsWith(wanted);
    default: {
      const holds = orderTest(operator);
      return (text) => holds(compareCodePoints(text, wanted));
    }
  }
}

function booleanComparison(
  attribute: Attribute,
  operator: Operator,
  literal: string | number | boolean,
  policy: Policy,
): Comparison {
  const wanted = policy.strict ? literal : quotedBoolean(literal);
  if (typeof wanted !== 'boolean') {
    throw new ScimError(
      'invalidFilter',
      `"${attribute.name}" is true or false, without quotation marks.`,
    );
  }
  if (operator !== 'eq' && operator !== 'ne') refuseOperator(attribute, operator);
  const expected = operator === 'eq' ? wanted : !wanted;
  return { value: wanted, test: (value) => value === expected };
}

/** Entra writes `roles[primary eq "True"]` (Microsoft Learn, "Develop a SCIM endpoint"). */
function quotedBoolean(literal: string | number | boolean): string | number | boolean {
  if (typeof literal !== 'string') return literal;
  const word = literal.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : literal;
}

function numberComparison(
  attribute: Attribute,
  operator: Operator,
  literal: string | number | boolean,
): Comparison {
  if (typeof literal !== 'number') {
    throw new ScimError(
      'invalidFilter',
      `"${attribute.name}" is a number, without quotation marks.`,
    );
  }
  if (isTextual(operator)) refuseOperator(attribute, operator);
  const holds = orderTest(operator);
  return { value: literal, test: (value) => typeof value === 'number' && holds(value - literal) };
}

function timeComparison(
  attribute: Attribute,
  operator: Operator,
  literal: string | number | boolean,
): Comparison {
  const wantedMs = typeof literal === 'string' ? timeOf(literal) : undefined;
  if (wantedMs === undefined) {
    throw new ScimError(
      'invalidFilter',
      `"${attribute.name}" is a time: write it as "2026-01-31T12:00:00Z".`,
    );
  }
  const holds = orderTest(operator);
  return {
    value: wantedMs,
    test: (value) => {
      const timeMs = typeof value === 'string' ? timeOf(value) : undefined;
      return timeMs !== undefined && holds(timeMs - wantedMs);
    },
  };
}

/** Of `value - wanted`, or anything with that sign. */
function orderTest(operator: Operator): (difference: number) => boolean {
  switch (operator) {
    case 'ne':
      return (difference) => difference !== 0;
    case 'gt':
      return (difference) => difference > 0;
    case 'ge':
      return (difference) => difference >= 0;
    case 'lt':
      return (difference) => difference < 0;
    case 'le':
      return (difference) => difference <= 0;
    default:
      return (difference) => difference === 0;
  }
}

function refuseOperator(attribute: Attribute, operator: Operator): never {
  throw new ScimError(
    'invalidFilter',
    `"${attribute.name}" is of type ${attribute.type}, which the operator ${operator} does not compare. Use eq, ne or pr.`,
  );
}

function isOrdering(operator: Operator): boolean {
  return operator === 'gt' || operator === 'ge' || operator === 'lt' || operator === 'le';
}

function isTextual(operator: Operator): boolean {
  return operator === 'co' || operator === 'sw' || operator === 'ew';
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000;
}

function asIs(text: string): string {
  return text;
}
