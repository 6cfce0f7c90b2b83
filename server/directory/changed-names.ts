import type { Document, DocumentValue } from '#scim/document.ts';

/** The attributes in which two documents differ, by name and without values, for the event. */
export function changedNames(before: Document, after: Document): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isSame(before[name], after[name]));
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
