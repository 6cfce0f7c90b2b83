import type { Document, DocumentValue } from '#scim/document.ts';
import { foldCase } from '#scim/fold.ts';
import type { ResolvedAttribute } from '#scim/schema/lookup.ts';
import type { Range } from '#store/store.ts';

export interface Sort {
  readonly by: ResolvedAttribute;
  readonly descending: boolean;
}

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

/** Ascending by key, then in create order; `descending` turns the whole order round. */
export function compareSortable(a: Sortable, b: Sortable, descending: boolean): number {
  const order = compareKeys(a.key, b.key) || a.sequence - b.sequence;
  return descending ? -order : order;
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -1 : 1;
}

function isPrimary(value: DocumentValue): boolean {
  return isDocument(value) && value['primary'] === true;
}

function isDocument(value: DocumentValue | undefined): value is Document {
  return typeof value === 'object' && !Array.isArray(value);
}
