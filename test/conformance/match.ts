/**
 * The matchers of expectations. Plain values must be equal, lists equal in length and order, objects
 * may have more members than expected. An object with one of the operators below is a matcher:
 * - `{"$exact": true, …}`  this object, and no member more
 * - `{"$contains": […]}`   a list in which each of these matches another item
 * - `{"$length": 3}`       a list or text of this length
 * - `{"$type": "string"}`  any value of the type (string, number, boolean, object, array)
 * - `{"$matches": "…"}`    a text that the regular expression matches
 * - `{"$not": …}`          anything that this does not match
 * - `{"$absent": true}`    nothing
 * `$ref` is an attribute of SCIM, not an operator.
 */
import type { Json, JsonObject } from './conversation.ts';

const OPERATORS = ['$exact', '$contains', '$length', '$type', '$matches', '$not', '$absent'];

/** One sentence for each difference; none when `actual` matches. Throws on a mistaken matcher. */
export function differences(expected: Json, actual: Json | undefined, where = ''): string[] {
  if (Array.isArray(expected)) {
    return listDifferences(expected, actual, where);
  }
  if (typeof expected === 'object' && expected !== null) {
    return objectDifferences(expected, actual, where);
  }
  return expected === actual ? [] : [differs(where, JSON.stringify(expected), actual)];
}

/** The value at a place such as `Resources/0/id`; undefined when there is none. */
export function valueAt(root: Json | undefined, place: string): Json | undefined {
  let value = root;
  for (const segment of place.split('/')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) {
      return undefined;
    }
    value = Array.isArray(value) ? value[Number(segment)] : value[segment];
  }
  return value;
}

function listDifferences(expected: Json[], actual: Json | undefined, where: string): string[] {
  if (!Array.isArray(actual)) {
    return [differs(where, 'a list', actual)];
  }
  if (actual.length !== expected.length) {
    return [differs(where, `a list of ${expected.length}`, actual)];
  }
  return expected.flatMap((item, index) => differences(item, actual[index], `${where}/${index}`));
}

function objectDifferences(
  expected: JsonObject,
  actual: Json | undefined,
  where: string,
): string[] {
  const found: string[] = [];
  const members: [string, Json][] = [];
  for (const [name, value] of Object.entries(expected)) {
    if (OPERATORS.includes(name)) {
      found.push(...operatorDifferences(name, value, expected, actual, where));
    } else if (name.startsWith('$') && name !== '$ref') {
      throw new Error(`${where}: ${name} is not a matcher`);
    } else {
      members.push([name, value]);
    }
  }
  const isOperatorsOnly = members.length === 0 && Object.keys(expected).length > 0;
  if (isOperatorsOnly && expected['$exact'] === undefined) {
    return found;
  }
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) {
    return [...found, differs(where, 'an object', actual)];
  }
  for (const [name, value] of members) {
    const member = Object.hasOwn(actual, name) ? actual[name] : undefined;
    found.push(...differences(value, member, `${where}/${name}`));
  }
  return found;
}

function operatorDifferences(
  operator: string,
  operand: Json,
  expected: JsonObject,
  actual: Json | undefined,
  where: string,
): string[] {
  switch (operator) {
    case '$exact':
      return surplus(expected, actual).map((name) => `${where}/${name}: not expected`);
    case '$contains':
      return missingItems(operand, actual, where);
    case '$length': {
      const isSized = typeof actual === 'string' || Array.isArray(actual);
      return isSized && actual.length === operand
        ? []
        : [differs(where, `length ${String(operand)}`, actual)];
    }
    case '$type':
      return typeName(actual) === operand ? [] : [differs(where, `a ${String(operand)}`, actual)];
    case '$matches':
      return typeof actual === 'string' && new RegExp(String(operand), 'u').test(actual)
        ? []
        : [differs(where, `/${String(operand)}/`, actual)];
    case '$not':
      return differences(operand, actual).length > 0
        ? []
        : [differs(where, `anything but ${JSON.stringify(operand)}`, actual)];
    default:
      return actual === undefined ? [] : [differs(where, 'nothing', actual)];
  }
}

function surplus(expected: JsonObject, actual: Json | undefined): string[] {
  const isObject = typeof actual === 'object' && actual !== null && !Array.isArray(actual);
  return isObject ? Object.keys(actual).filter((name) => !Object.hasOwn(expected, name)) : [];
}

/** Takes for each expected item the first free one that matches. */
function missingItems(expected: Json, actual: Json | undefined, where: string): string[] {
  if (!Array.isArray(expected)) {
    throw new Error(`${where}: $contains takes a list`);
  }
  if (!Array.isArray(actual)) {
    return [differs(where, 'a list', actual)];
  }
  const free = [...actual];
  const missing: string[] = [];
  for (const item of expected) {
    const index = free.findIndex((candidate) => differences(item, candidate).length === 0);
    if (index === -1) {
      missing.push(differs(where, `an item like ${JSON.stringify(item)}`, actual));
    } else {
      free.splice(index, 1);
    }
  }
  return missing;
}

function typeName(value: Json | undefined): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
}

function differs(where: string, expected: string, actual: Json | undefined): string {
  const got = JSON.stringify(actual) ?? 'nothing';
  return `${where || '/'}: expected ${expected}, got ${got.length > 400 ? `${got.slice(0, 400)}…` : got}`;
}
