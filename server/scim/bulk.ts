import { checkDepth } from './depth.ts';
import { ScimError } from './errors.ts';
import { property } from './property.ts';

/** One operation of a bulk request (RFC 7644 §3.7), not yet checked further than its form. */
export interface BulkOperation {
  readonly method: string;
  readonly path: string;
  readonly bulkId: string | undefined;
  readonly version: string | undefined;
  readonly data: unknown;
  /** bulkIds that its path or data name: it needs what they make. */
  readonly needs: ReadonlySet<string>;
}

export interface BulkRequest {
  /** After so many errors the rest is left out; undefined: never. */
  readonly failOnErrors: number | undefined;
  readonly operations: readonly BulkOperation[];
}

const BULK_REQUEST = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const REFERENCE = 'bulkId:';
const ID_HOLDER = /(?:^|[:.])(?:value|manager|members)$/i;

/** Throws ScimError tooLarge over the limit, invalidSyntax for what is no bulk request. */
export function parseBulk(body: unknown, maxOperations: number): BulkRequest {
  if (!isObject(body)) throw notBulk('The body must be a JSON object.');
  checkDepth(body);
  const schemas = property(body, 'schemas');
  const failOnErrors = property(body, 'failOnErrors') ?? 0;
  const operations = property(body, 'Operations');
  if (!Array.isArray(schemas) || !schemas.includes(BULK_REQUEST)) {
    throw notBulk(`"schemas" must name ${BULK_REQUEST}.`);
  }
  if (!Array.isArray(operations) || operations.length === 0) {
    throw notBulk('"Operations" must be an array of at least one operation.');
  }
  if (operations.length > maxOperations) {
    throw new ScimError(
      'tooLarge',
      `The bulk request has ${operations.length} operations; at most ${maxOperations} are allowed. Send it in parts.`,
    );
  }
  if (typeof failOnErrors !== 'number' || !Number.isInteger(failOnErrors) || failOnErrors < 0) {
    throw notBulk('"failOnErrors" must be a whole number.');
  }
  const parsed = operations.map(parseOperation);
  checkDistinct(parsed);
  return { failOnErrors: failOnErrors === 0 ? undefined : failOnErrors, operations: parsed };
}

/**
 * The place of the operation to run next, of those that are left: the first whose references are
 * known. When there is none, it is a POST of a circle, which then runs without the references that are
 * missing and gets them by a second step (RFC 7644 §3.7.1). `known` also holds the bulkIds that failed.
 * What makes one of `awaited` goes before the others: until then a circle stays open.
 */
export function nextOperation(
  left: readonly BulkOperation[],
  known: ReadonlySet<string>,
  awaited: Iterable<string> = [],
): { readonly place: number; readonly isIncomplete: boolean } {
  const coming = new Map<string, number>();
  for (const [place, { method, bulkId }] of left.entries()) {
    if (method === 'POST' && bulkId !== undefined) coming.set(bulkId, place);
  }
  const missing = (operation: BulkOperation | undefined) =>
    firstOf(operation?.needs ?? [], (bulkId) => !known.has(bulkId) && coming.has(bulkId));
  const wanted = firstOf(awaited, (bulkId) => coming.has(bulkId));
  const free = left.findIndex((operation) => missing(operation) === undefined);
  let place = wanted === undefined ? Math.max(0, free) : (coming.get(wanted) ?? 0);
  const seen = new Set<number>();
  for (;;) {
    const bulkId = missing(left[place]);
    if (bulkId === undefined) return { place, isIncomplete: false };
    // Everything on the way waits, so that it ends in a circle.
    if (seen.has(place)) return { place, isIncomplete: true };
    seen.add(place);
    place = coming.get(bulkId) ?? 0;
  }
}

/** Makes no list: there may be some 100,000 references. */
function firstOf(
  bulkIds: Iterable<string>,
  isSuch: (bulkId: string) => boolean,
): string | undefined {
  for (const bulkId of bulkIds) if (isSuch(bulkId)) return bulkId;
  return undefined;
}

/**
 * `data` with each reference replaced by the id it stands for. One without an id takes its element or
 * attribute with it: undefined when nothing is left. References stand where ids do: in `value`,
 * `manager` and lists of members; elsewhere the text is a text.
 */
export function withIds(
  data: unknown,
  idOf: (bulkId: string) => string | undefined,
  holdsIds = false,
): unknown {
  if (typeof data === 'string') {
    return holdsIds && data.startsWith(REFERENCE) ? idOf(data.slice(REFERENCE.length)) : data;
  }
  if (Array.isArray(data)) {
    return data
      .map((element) => withIds(element, idOf, holdsIds))
      .filter((element) => element !== undefined);
  }
  if (!isObject(data)) return data;
  const entries: [string, unknown][] = [];
  for (const [name, value] of Object.entries(data)) {
    const replaced = withIds(value, idOf, ID_HOLDER.test(name));
    if (replaced === undefined && name.toLowerCase() === 'value') return undefined;
    if (replaced !== undefined) entries.push([name, replaced]);
  }
  return Object.fromEntries(entries);
}

/** `/Groups/bulkId:qwerty` with the id in place; unknown references stay, and are not found. */
export function pathWithIds(path: string, idOf: (bulkId: string) => string | undefined): string {
  const start = path.indexOf(REFERENCE);
  if (start === -1) return path;
  return path.slice(0, start) + (idOf(path.slice(start + REFERENCE.length)) ?? path.slice(start));
}

function parseOperation(operation: unknown): BulkOperation {
  if (!isObject(operation)) throw notBulk('Each operation must be an object.');
  const method = property(operation, 'method');
  const path = property(operation, 'path');
  const bulkId = property(operation, 'bulkId');
  const version = property(operation, 'version');
  const data = property(operation, 'data');
  if (typeof method !== 'string' || typeof path !== 'string') {
    throw notBulk('Each operation needs "method" and "path" as text.');
  }
  const needs = new Set<string>();
  collectReferences(data, needs);
  const inPath = path.indexOf(REFERENCE);
  if (inPath !== -1) needs.add(path.slice(inPath + REFERENCE.length));
  return {
    method: method.toUpperCase(),
    path,
    bulkId: typeof bulkId === 'string' && bulkId !== '' ? bulkId : undefined,
    version: typeof version === 'string' ? version : undefined,
    data,
    needs,
  };
}

function collectReferences(data: unknown, found: Set<string>): void {
  withIds(data, (bulkId) => {
    found.add(bulkId);
    return bulkId;
  });
}

function checkDistinct(operations: readonly BulkOperation[]): void {
  const seen = new Set<string>();
  for (const { method, bulkId } of operations) {
    if (bulkId === undefined || method !== 'POST') continue;
    if (seen.has(bulkId)) throw notBulk(`bulkId "${bulkId.slice(0, 60)}" is given twice.`);
    seen.add(bulkId);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notBulk(detail: string): ScimError {
  return new ScimError('invalidSyntax', `The bulk request can not be read. ${detail}`);
}
