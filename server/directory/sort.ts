import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Document, DocumentValue } from '#scim/document.ts';
import { compareCodePoints } from '#scim/filter/compare.ts';
import { foldCase } from '#scim/fold.ts';
import type { ResolvedAttribute } from '#scim/schema/lookup.ts';
import type { Range } from '#store/store.ts';

export interface Sort {
  readonly by: ResolvedAttribute;
  readonly descending: boolean;
}

/** Resources that are put in order between two turns of the event loop. */
const SLICE = 1_000;

/** What a resource is sorted by; undefined: it has no such value and comes last when ascending. */
export type SortKey = string | number | undefined;

/** The index that is in this order already (RFC 7644 §3.4.2.3). */
export function nativeOrder(typeName: 'User' | 'Group', { by }: Sort): Range | undefined {
  if (by.extension !== undefined) return undefined;
  const name = by.sub === undefined ? by.attribute.name : `${by.attribute.name}.${by.sub.name}`;
  if (name === 'meta.created') return { by: 'sequence' };
  if (name === 'meta.lastModified') return { by: 'modified' };
  if (name === 'displayName' || (name === 'userName' && typeName === 'User')) {
    return { by: 'index', index: name };
  }
  return undefined;
}

/** The value to sort by: of a multi-valued attribute that of the primary or first element. */
export function sortKeyOf(
  resource: Document,
  { extension, attribute, sub }: ResolvedAttribute,
): SortKey {
  const holder = extension === undefined ? resource : resource[extension];
  let value: DocumentValue | undefined = isDocument(holder) ? holder[attribute.name] : undefined;
  if (Array.isArray(value)) value = value.find(isPrimary) ?? value[0];
  if (isDocument(value)) value = value[sub?.name ?? 'value'];
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value !== 'string') return typeof value === 'number' ? value : undefined;
  return (sub ?? attribute).caseExact ? value : foldCase(value);
}

export interface Sortable {
  readonly key: SortKey;
  readonly sequence: number;
}

/** Ascending by key as the indexes are, then in create order; `descending` turns all of it round. */
export function compareSortable(a: Sortable, b: Sortable, descending: boolean): number {
  const order = compareKeys(a.key, b.key) || a.sequence - b.sequence;
  return descending ? -order : order;
}

/** In order, by a merge that gives way to other work every few milliseconds. */
export async function sortInSlices<T extends Sortable>(
  found: readonly T[],
  descending: boolean,
): Promise<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < found.length; from += SLICE) {
    const run = found.slice(from, from + SLICE);
    runs.push(run.sort((a, b) => compareSortable(a, b, descending)));
    await nextTurn();
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let n = 0; n < runs.length; n += 2) {
      merged.push(await merge(runs[n] ?? [], runs[n + 1] ?? [], descending));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T extends Sortable>(
  left: readonly T[],
  right: readonly T[],
  descending: boolean,
): Promise<readonly T[]> {
  const merged: T[] = [];
  let next = 0;
  for (const each of left) {
    for (let other = right[next]; other !== undefined; other = right[next]) {
      if (compareSortable(each, other, descending) < 0) break;
      merged.push(other);
      next += 1;
      if (merged.length % SLICE === 0) await nextTurn();
    }
    merged.push(each);
    if (merged.length % SLICE === 0) await nextTurn();
  }
  for (; next < right.length; next += SLICE) merged.push(...right.slice(next, next + SLICE));
  return merged;
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  if (typeof a === 'string' && typeof b === 'string') return compareCodePoints(a, b);
  return a < b ? -1 : 1;
}

function isPrimary(value: DocumentValue): boolean {
  return isDocument(value) && value['primary'] === true;
}

function isDocument(value: DocumentValue | undefined): value is Document {
  return typeof value === 'object' && !Array.isArray(value);
}
