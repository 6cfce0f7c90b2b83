import { isSameKey, keyOf, listKeys } from './lists.ts';
import { ApiFailure, isObject, type Json } from './objects.ts';

/** JSON Merge Patch (RFC 7396). */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Json = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

/** JSON Patch (RFC 6902), of which clients send these three to the API. */
export function jsonPatch(target: Json, operations: unknown): Json {
  const result = structuredClone(target);
  if (!Array.isArray(operations)) throw new ApiFailure(400, 'BadRequest', 'a list is expected');
  for (const { op, path, value } of operations) {
    const parts = String(path).split('/').slice(1).map(unescapePointer);
    const last = parts.pop() ?? '';
    const parent = parts.reduce<unknown>((at, part) => (at as Json)?.[part], result);
    if (!isObject(parent) || !['add', 'replace', 'remove', 'test'].includes(op)) {
      throw new ApiFailure(422, 'Invalid', `the server could not apply ${op} ${path}`);
    }
    if (op === 'remove') delete parent[last];
    else if (op === 'test') assertSame(parent[last], value, path);
    else parent[last] = value;
  }
  return result;
}

/**
 * Strategic merge patch: keyed lists merge element by element, and directives say what to take away
 * (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList`).
 */
export function strategicPatch(target: unknown, patch: unknown, path = ''): unknown {
  if (Array.isArray(patch)) return strategicList(target, patch, path);
  if (!isObject(patch)) return patch;
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const result: Json = isObject(target) ? { ...target } : {};
  const retained = patch['$retainKeys'];
  if (Array.isArray(retained)) {
    for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    if (value === null) delete result[key];
    else result[key] = strategicPatch(result[key], value, path === '' ? key : `${path}.${key}`);
  }
  return result;
}

function strategicList(target: unknown, patch: readonly unknown[], path: string): unknown {
  const keys = listKeys(path);
  if (keys === undefined || !Array.isArray(target)) {
    return patch.filter((each) => !isDirective(each)).map(withoutDirectives);
  }
  let result: unknown[] = [...target];
  for (const element of patch) {
    // A strategic patch names an element by its first key alone.
    const key = keyOf(element, keys.slice(0, 1));
    const index = result.findIndex((each) => isSameKey(each, key));
    if (isObject(element) && element['$patch'] === 'delete') {
      result = result.filter((each) => !isSameKey(each, key));
    } else if (index >= 0) {
      result[index] = strategicPatch(result[index], element, path);
    } else {
      result.push(withoutDirectives(element));
    }
  }
  return result;
}

function isDirective(element: unknown): boolean {
  return isObject(element) && element['$patch'] === 'delete';
}

function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, each]) => !key.startsWith('$') && each !== null)
      .map(([key, each]) => [key, withoutDirectives(each)]),
  );
}

function assertSame(left: unknown, right: unknown, path: unknown): void {
  if (JSON.stringify(left) !== JSON.stringify(right)) {
    throw new ApiFailure(422, 'Invalid', `the test of ${path} failed`);
  }
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
