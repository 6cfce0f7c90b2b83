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
