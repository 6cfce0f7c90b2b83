import { parseAttributeName } from './attribute-name.ts';
import { type Document, type DocumentValue, emptyDocument } from './document.ts';
import { ScimError } from './errors.ts';
import type { ResourceType } from './schema/attribute.ts';
import { commonAttributes } from './schema/common.ts';
import { resolveAttribute } from './schema/lookup.ts';

/** Which attributes of a resource an answer shows (RFC 7644 §3.4.2.5, §3.9). */
export interface Projection {
  /** Whether anything of a top-level attribute is shown: `groups` and `members` cost reads. */
  wants(topLevelName: string): boolean;
  /** Whether everything is shown but this one: then what is kept apart is simply not added. */
  isAllBut(topLevelName: string): boolean;
  /** The part of a rendered resource that is shown; the resource stays as it is. */
  apply(resource: Document): Document;
}

/**
 * Undefined when neither parameter says anything: all is shown. Names are separated by commas and may
 * have a URN and any letter case; names that do not exist are ignored. `id` and `schemas` are always
 * shown. Throws invalidValue when both parameters are given.
 */
export function parseProjection(
  type: ResourceType,
  attributes: string | undefined,
  excludedAttributes: string | undefined,
): Projection | undefined {
  const shown = attributes?.trim() ?? '';
  const hidden = excludedAttributes?.trim() ?? '';
  if (shown === '' && hidden === '') return undefined;
  if (shown !== '' && hidden !== '') {
    throw new ScimError(
      'invalidValue',
      'attributes and excludedAttributes exclude each other (RFC 7644 §3.9): send one of them.',
    );
  }
  return shown === '' ? allBut(parseTree(type, hidden)) : only(parseTree(type, shown));
}

/** Canonical names; a tree of sub-attributes, or true for the whole attribute. */
type Tree = Map<string, Tree | true>;

const alwaysReturned = commonAttributes
  .filter(({ returned }) => returned === 'always')
  .map(({ name }) => name);

function only(tree: Tree): Projection {
  for (const name of alwaysReturned) tree.set(name, true);
  return {
    wants: (topLevelName) => tree.has(topLevelName),
    isAllBut: () => false,
    apply: (resource) => pick(resource, tree) ?? emptyDocument(),
  };
}

function allBut(tree: Tree): Projection {
  for (const name of alwaysReturned) tree.delete(name);
  return {
    wants: (topLevelName) => tree.get(topLevelName) !== true,
    isAllBut: (topLevelName) => tree.size === 1 && tree.get(topLevelName) === true,
    apply: (resource) => omit(resource, tree) ?? emptyDocument(),
  };
}

function parseTree(type: ResourceType, list: string): Tree {
  const tree: Tree = new Map();
  for (const text of list.split(',')) {
    const name = parseAttributeName(text.trim());
    const found = name === undefined ? undefined : resolveAttribute(type, name);
    if (found === undefined) continue;
    const path = [found.extension, found.attribute.name, found.sub?.name];
    add(
      tree,
      path.filter((name) => name !== undefined),
    );
  }
  return tree;
}

function add(tree: Tree, [name, ...rest]: readonly string[]): void {
  if (name === undefined) return;
  if (rest.length === 0) {
    tree.set(name, true);
    return;
  }
  const branch = tree.get(name) ?? new Map();
  tree.set(name, branch);
  if (branch !== true) add(branch, rest);
}

function pick(object: Document, tree: Tree): Document | undefined {
  return rebuild(object, (name, value) => {
    const branch = tree.get(name);
    if (branch === undefined || branch === true) return branch && value;
    return descend(value, (inner) => pick(inner, branch));
  });
}

function omit(object: Document, tree: Tree): Document | undefined {
  return rebuild(object, (name, value) => {
    const branch = tree.get(name);
    if (branch === undefined) return value;
    return branch === true ? undefined : descend(value, (inner) => omit(inner, branch));
  });
}

/** Undefined instead of an object without attributes: it would be an unassigned value. */
function rebuild(
  object: Document,
  keep: (name: string, value: DocumentValue) => DocumentValue | undefined,
): Document | undefined {
  let rebuilt: Document | undefined;
  for (const [name, value] of Object.entries(object)) {
    const kept = keep(name, value);
    if (kept === undefined) continue;
    rebuilt ??= emptyDocument();
    rebuilt[name] = kept;
  }
  return rebuilt;
}

function descend(
  value: DocumentValue,
  part: (inner: Document) => Document | undefined,
): DocumentValue | undefined {
  if (Array.isArray(value)) {
    const parts = value
      .map((element) => descend(element, part))
      .filter((kept) => kept !== undefined);
    return parts.length === 0 ? undefined : parts;
  }
  return typeof value === 'object' ? part(value) : value;
}
