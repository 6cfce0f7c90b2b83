import { type Document, isSame } from '#scim/document.ts';

/** The attributes in which two documents differ, by name and without values, for the event. */
export function changedNames(before: Document, after: Document): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isSame(before[name], after[name]));
}
