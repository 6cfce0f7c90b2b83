/**
 * A resource as the bridge handles it: own keys only (null prototype), canonical attribute names,
 * values of the types that the schema says, nothing unassigned (no null, no empty array).
 * Extension attributes are in an object under the extension's URN. `meta`, a user's `groups`, a
 * group's `members` and `$ref` are never in it: they are kept apart, or made when it is rendered.
 */
export interface Document {
  [name: string]: DocumentValue;
}

export type DocumentValue = string | number | boolean | Document | DocumentValue[];

/** How requests are judged: `strict` follows draft-zollner-scim-interop-profile instead of what IdPs send. */
export interface Policy {
  readonly strict: boolean;
}

/** An empty document. No key of a request can reach a prototype through it. */
export function emptyDocument(): Document {
  return Object.create(null) as Document; // Object.create is typed any
}

/** Whether two values say the same: the order of an object's attributes says nothing. */
export function isSame(a: DocumentValue | undefined, b: DocumentValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((element, place) => isSame(element, b[place]));
  }
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isSame(a[name], b[name]));
}
