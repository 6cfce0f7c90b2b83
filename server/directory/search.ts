import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Policy } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import type { Filter } from '#scim/filter/ast.ts';
import type { CompiledFilter } from '#scim/filter/compile.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import type { Include, Query, StoredRecord } from '#store/store.ts';
import type { Directory } from './directory.ts';
import { filterView, withTimes } from './filter-view.ts';
import { parseBody } from './indexes.ts';
import { type Plan, planFilter } from './plan.ts';
import {
  compareSortable,
  nativeOrder,
  type Sort,
  type Sortable,
  type SortKey,
  sortInSlices,
  sortKeyOf,
} from './sort.ts';

/** A query of one resource type (RFC 7644 §3.4.2), names already looked up. */
export interface Search {
  readonly type: ResourceType;
  /** Types that are searched besides: an attribute that only they have is absent in this one. */
  readonly others?: readonly ResourceType[];
  readonly filter: Filter | undefined;
  readonly sort: Sort | undefined;
  readonly include: Include;
  readonly limit: number;
  /** Index paging: skip so many … */
  readonly offset?: number;
  /** … or cursor paging: go on after this position, '' from the start. */
  readonly after?: string;
}

export interface SearchPage {
  /** Exact. Undefined only on cursor pages of a filter without an index. */
  readonly total: number | undefined;
  readonly records: readonly StoredRecord[];
  /** For the next cursor page; undefined on the last one. */
  readonly next: string | undefined;
}

/** Resources that are read and tested between two turns of the event loop. */
const SLICE = 100;
/** Groups of which all members are read and tested between two looks at the time. */
const SLICE_WITH_MEMBERS = 10;

/** Throws ScimError invalidFilter, or tooMany when a filter without an index takes too long. */
export async function search(
  directory: Directory,
  query: Search,
  policy: Policy,
): Promise<SearchPage> {
  const plan = planFilter(query.type, query.filter, policy, query.others);
  const { range } = plan;
  if (range.by === 'id') return searchById(directory, query, plan, range.id);
  const order = query.sort === undefined ? range : nativeOrder(query.type.name, query.sort);
  const isWhole = range.by === 'sequence';
  if (order !== undefined && (isWhole || query.sort === undefined)) {
    const store = { ...baseQuery(query), range: order };
    return plan.rest === undefined
      ? readPage(directory, query, store)
      : scan(directory, query, store, plan.rest);
  }
  return sortAll(directory, query, { ...baseQuery(query), range }, plan.rest);
}

function baseQuery({ type, sort, include }: Search): Omit<Query, 'range'> {
  return {
    collection: type.name === 'User' ? 'users' : 'groups',
    descending: sort?.descending ?? false,
    limit: 0,
    include,
  };
}

async function readPage(directory: Directory, query: Search, base: Query): Promise<SearchPage> {
  const { limit, offset, after } = query;
  const place = after === undefined ? { offset: offset ?? 0 } : after === '' ? {} : { after };
  return directory.store.query({ ...base, ...place, limit });
}

async function searchById(
  directory: Directory,
  query: Search,
  plan: Plan,
  id: string,
): Promise<SearchPage> {
  const include = { ...query.include, ...neededBy(plan.rest) };
  const [record] = await directory.store.get(baseQuery(query).collection, [id], include);
  const isMatch =
    record !== undefined &&
    (plan.rest === undefined ||
      plan.rest.matches(await filterView(directory, query.type, record, plan.rest)));
  const isOnPage = isMatch && query.limit > 0 && (query.offset ?? 0) === 0 && !query.after;
  return { total: isMatch ? 1 : 0, records: isOnPage ? [record] : [], next: undefined };
}

/**
 * Tests each resource of a range. An index page counts every match, so it reads the whole range; a
 * cursor page stops when it is full, and when its time is over it is shorter.
 */
async function scan(
  directory: Directory,
  query: Search,
  base: Query,
  filter: CompiledFilter,
): Promise<SearchPage> {
  const isCursor = query.after !== undefined;
  const skip = query.offset ?? 0;
  const records: StoredRecord[] = [];
  let total = 0;
  for await (const slice of slices(directory, query, base, filter)) {
    const found = records.length;
    for (const record of slice.matches) {
      total += 1;
      if (total > skip && records.length < query.limit) records.push(record);
      if (!isCursor || records.length < query.limit) continue;
      const next = await positionAfter(directory, slice, record);
      if (next !== 'moved') return { total: undefined, records, next };
      return { total: undefined, records: records.slice(0, found), next: slice.start ?? '' };
    }
    if (slice.isLate && slice.next !== undefined) {
      if (!isCursor) throw tooSlow(directory);
      return { total: undefined, records, next: slice.next };
    }
  }
  return { total: isCursor && query.after !== '' ? undefined : total, records, next: undefined };
}

/** Reads all that match to put them in order; only keys and ids are held. */
async function sortAll(
  directory: Directory,
  query: Search,
  base: Query,
  filter: CompiledFilter | undefined,
): Promise<SearchPage> {
  const sort = query.sort;
  if (sort === undefined) throw new Error('sortAll needs an order');
  const ascending = { ...base, descending: false };
  const found: (Sortable & { readonly id: string })[] = [];
  const whole = { ...query, after: '', include: {} };
  for await (const slice of slices(directory, whole, ascending, filter)) {
    for (const record of slice.matches) {
      const key = sortKeyOf(withTimes(record, parseBody(record.body)), sort.by);
      found.push({ key, sequence: record.sequence, id: record.id });
    }
    if (slice.isLate && slice.next !== undefined) throw tooSlow(directory);
  }
  const sorted = await sortInSlices(found, sort.descending);
  const start = startOfPage(sorted, query, sort);
  const page = sorted.slice(start, start + query.limit);
  const ids = page.map(({ id }) => id);
  const records = await directory.store.get(base.collection, ids, query.include);
  const last = page.at(-1);
  const isLast = last === undefined || start + page.length >= found.length;
  return {
    total: found.length,
    records: records.filter((record) => record !== undefined),
    next: isLast ? undefined : JSON.stringify([last.key ?? null, last.sequence]),
  };
}

/** Where a page of a sorted list begins: by count, or after the place that the cursor names. */
function startOfPage(found: readonly Sortable[], query: Search, sort: Sort): number {
  if (query.after === undefined) return query.offset ?? 0;
  if (query.after === '') return 0;
  const [key, sequence] = JSON.parse(query.after) as [SortKey | null, number]; // Our own text.
  const last = { key: key ?? undefined, sequence };
  let low = 0;
  let high = found.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = found[middle];
    if (entry === undefined || compareSortable(entry, last, sort.descending) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

interface Slice {
  readonly base: Query;
  /** Position before the slice; undefined: the start of the range. */
  readonly start: string | undefined;
  readonly matches: readonly StoredRecord[];
  readonly all: readonly StoredRecord[];
  readonly next: string | undefined;
  /** The time for one page is over. */
  readonly isLate: boolean;
}

async function* slices(
  directory: Directory,
  { type, include, after }: Search,
  base: Query,
  filter: CompiledFilter | undefined,
): AsyncGenerator<Slice> {
  const readsMembers = type.name === 'Group' && filter?.references('members') === true;
  const limit = readsMembers ? SLICE_WITH_MEMBERS : SLICE;
  const query = { ...base, limit, include: { ...include, ...neededBy(filter) } };
  const untilMs = performance.now() + directory.scanLimitMs;
  let start = after === '' ? undefined : after;
  for (;;) {
    const page = await directory.store.query(
      start === undefined ? query : { ...query, after: start },
    );
    const found: StoredRecord[] = [];
    for (const record of page.records) {
      if (
        filter === undefined ||
        filter.matches(await filterView(directory, type, record, filter))
      ) {
        found.push(record);
      }
    }
    const isLate = performance.now() > untilMs;
    yield { base: query, start, matches: found, all: page.records, next: page.next, isLate };
    if (page.next === undefined) return;
    start = page.next;
    await nextTurn();
  }
}

/** The position of a record in the middle of a slice; 'moved' when the range changed meanwhile. */
async function positionAfter(
  directory: Directory,
  slice: Slice,
  record: StoredRecord,
): Promise<string | undefined | 'moved'> {
  const place = slice.all.indexOf(record) + 1;
  if (place === slice.all.length) return slice.next;
  const { start, base } = slice;
  const query = { ...base, limit: place, include: {} };
  const page = await directory.store.query(
    start === undefined ? query : { ...query, after: start },
  );
  return page.records.at(-1)?.id === record.id ? page.next : 'moved';
}

function neededBy(filter: CompiledFilter | undefined): Include {
  return filter?.references('groups') === true ? { groups: true } : {};
}

function tooSlow({ scanLimitMs }: Directory): ScimError {
  return new ScimError(
    'tooMany',
    `The filter or order has no index and took longer than ${scanLimitMs} ms. ` +
      'Filter by userName, externalId, id, emails.value, displayName or members.value, or page with a cursor.',
  );
}
