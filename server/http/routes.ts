/** A path of the SCIM interface (RFC 7644 §3.2), whatever prefix it came by. */
export interface Route {
  readonly name: RouteName;
  /** '', '/scim' or '/scim/v2': links in the answer use it again. */
  readonly prefix: string;
  /** The id, schema URN or resource type name, still percent-encoded; empty where there is none. */
  readonly id: string;
}

export type RouteName =
  | '/Users'
  | '/Users/{id}'
  | '/Users/.search'
  | '/Groups'
  | '/Groups/{id}'
  | '/Groups/.search'
  | '/.search'
  | '/Bulk'
  | '/Me'
  | '/Schemas'
  | '/Schemas/{id}'
  | '/ResourceTypes'
  | '/ResourceTypes/{id}'
  | '/ServiceProviderConfig';

/** The prefixes that IdPs and the vendor's documents use for a base address. */
const PREFIXES = ['/scim/v2', '/scim', ''] as const;

/** Undefined when the path is none of SCIM's. A slash at the end is forgiven. */
export function findRoute(path: string): Route | undefined {
  const prefix = PREFIXES.find((candidate) => path.startsWith(`${candidate}/`)) ?? '';
  const end = path.endsWith('/') && path.length > prefix.length + 1 ? path.length - 1 : path.length;
  const slash = path.indexOf('/', prefix.length + 1);
  const isSingle = slash === -1 || slash >= end;
  const first = path.slice(prefix.length, isSingle ? end : slash);
  const kind = first.toLowerCase();
  if (isSingle) {
    const name = SINGLE.get(kind);
    return name === undefined ? undefined : { name, prefix, id: '' };
  }
  const id = path.slice(slash + 1, end);
  if (id === '' || id.includes('/')) return undefined;
  const isSearch = id === '.search' || id === '.Search';
  const name = isSearch ? SEARCH.get(kind) : WITH_ID.get(kind);
  return name === undefined ? undefined : { name, prefix, id };
}

const SINGLE = byLowerCase([
  '/Users',
  '/Groups',
  '/.search',
  '/Bulk',
  '/Me',
  '/Schemas',
  '/ResourceTypes',
  '/ServiceProviderConfig',
]);
const WITH_ID = new Map<string, RouteName>([
  ['/users', '/Users/{id}'],
  ['/groups', '/Groups/{id}'],
  ['/schemas', '/Schemas/{id}'],
  ['/resourcetypes', '/ResourceTypes/{id}'],
]);
const SEARCH = new Map<string, RouteName>([
  ['/users', '/Users/.search'],
  ['/groups', '/Groups/.search'],
]);

function byLowerCase(names: readonly RouteName[]): ReadonlyMap<string, RouteName> {
  return new Map(names.map((name) => [name.toLowerCase(), name]));
}
