import assert from 'node:assert/strict';
import type { Directory } from '#directory/directory.ts';
import { type Search, type SearchPage, search } from '#directory/search.ts';
import type { Sort } from '#directory/sort.ts';
import { parseAttributeName } from '#scim/attribute-name.ts';
import { parseFilter } from '#scim/filter/parse.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { resolveAttribute } from '#scim/schema/lookup.ts';
import { LENIENT } from './directory.ts';

/** A query as a client words it. */
export interface Query {
  readonly type: ResourceType;
  readonly filter?: string;
  readonly by?: string;
  readonly descending?: boolean;
}

export function find(
  directory: Directory,
  {
    type,
    filter,
    by,
    descending = false,
    ...paging
  }: Query & Pick<Search, 'limit' | 'offset' | 'after'>,
): Promise<SearchPage> {
  const query: Search = {
    type,
    filter: filter === undefined ? undefined : parseFilter(filter),
    sort: by === undefined ? undefined : sortOf(type, by, descending),
    include: {},
    ...paging,
  };
  return search(directory, query, LENIENT);
}

/** All pages of a walk by cursor. `between` runs before each page but the first. */
export async function walk(
  directory: Directory,
  query: Query & { readonly limit: number },
  between: () => Promise<void> = async () => {},
): Promise<SearchPage[]> {
  const pages: SearchPage[] = [];
  let after: string | undefined = '';
  while (after !== undefined) {
    const page: SearchPage = await find(directory, { ...query, after });
    pages.push(page);
    assert.ok(pages.length < 1_000, 'the walk does not end');
    after = page.next;
    if (after !== undefined) await between();
  }
  return pages;
}

function sortOf(type: ResourceType, text: string, descending: boolean): Sort {
  const name = parseAttributeName(text);
  const by = name === undefined ? undefined : resolveAttribute(type, name);
  assert.ok(by, text);
  return { by, descending };
}
