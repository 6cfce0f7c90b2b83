import { ScimError } from '#scim/errors.ts';
import { PAGE_DEFAULT, PAGE_MAX } from './limits.ts';

/** What a query asks for, from the query string or a .search body (RFC 7644 §3.4.2, §3.4.3). */
export interface ListParameters {
  readonly filter: string | undefined;
  readonly sortBy: string | undefined;
  readonly descending: boolean;
  /** Counts from 1. */
  readonly startIndex: number;
  readonly count: number;
  /** '' begins a walk by cursor; undefined pages by index (RFC 9865 §2). */
  readonly cursor: string | undefined;
  readonly attributes: string | undefined;
  readonly excludedAttributes: string | undefined;
}

const EVERYTHING: ListParameters = {
  filter: undefined,
  sortBy: undefined,
  descending: false,
  startIndex: 1,
  count: PAGE_DEFAULT,
  cursor: undefined,
  attributes: undefined,
  excludedAttributes: undefined,
};

/** Repeated parameters: the first one counts. Unknown ones are ignored. Throws ScimError. */
export function parametersOfQuery(querystring: string): ListParameters {
  if (querystring === '') return EVERYTHING;
  const query = new URLSearchParams(querystring);
  return fromTexts((name) => query.get(name) ?? undefined);
}

/** The body of a .search: a SearchRequest, its lists as arrays. Throws ScimError. */
export function parametersOfSearch(body: unknown): ListParameters {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ScimError('invalidSyntax', 'A search request must be a JSON object.');
  }
  const values = new Map(Object.entries(body).map(([name, value]) => [name.toLowerCase(), value]));
  const schemas: unknown = values.get('schemas');
  if (!Array.isArray(schemas) || !schemas.some(isSearchRequest)) {
    throw new ScimError(
      'invalidSyntax',
      `A search request must name the schema ${SEARCH_REQUEST}.`,
    );
  }
  return fromTexts((name) => textOf(name, values.get(name.toLowerCase())));
}

const SEARCH_REQUEST = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

function isSearchRequest(value: unknown): boolean {
  return typeof value === 'string' && value.toLowerCase() === SEARCH_REQUEST.toLowerCase();
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  const isList = name === 'attributes' || name === 'excludedAttributes';
  if (isList && Array.isArray(value) && value.every((each) => typeof each === 'string')) {
    return value.join(',');
  }
  const wanted = isList ? 'a list of attribute names' : 'text or a number';
  throw new ScimError('invalidValue', `${name} must be ${wanted}.`);
}

function fromTexts(
  read: (name: keyof ListParameters | 'sortOrder') => string | undefined,
): ListParameters {
  const cursor = read('cursor');
  return {
    filter: nonEmpty(read('filter')),
    sortBy: nonEmpty(read('sortBy')),
    descending: isDescending(read('sortOrder')),
    startIndex: Math.max(1, integer('startIndex', read('startIndex'), 1, 'invalidValue')),
    count: pageSize(read('count'), cursor !== undefined),
    cursor,
    attributes: read('attributes'),
    excludedAttributes: read('excludedAttributes'),
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}

/** A count below 0 means 0 (RFC 7644 §3.4.2.4); by cursor one below 1 is an error (RFC 9865 §2.1). */
function pageSize(text: string | undefined, byCursor: boolean): number {
  const problem = byCursor ? 'invalidCount' : 'invalidValue';
  const count = integer('count', text, PAGE_DEFAULT, problem);
  if (byCursor && count < 1) throw new ScimError('invalidCount', 'count must be 1 or more.');
  return Math.min(PAGE_MAX, Math.max(0, count));
}

function integer(
  name: string,
  text: string | undefined,
  fallback: number,
  problem: 'invalidCount' | 'invalidValue',
): number {
  if (text === undefined || text === '') return fallback;
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw new ScimError(problem, `${name} must be a whole number of at most 15 digits.`);
  }
  return Number(text);
}

function isDescending(text: string | undefined): boolean {
  const order = text?.toLowerCase() ?? 'ascending';
  if (order === 'ascending' || order === '') return false;
  if (order === 'descending') return true;
  throw new ScimError('invalidValue', 'sortOrder must be "ascending" or "descending".');
}
