import {
  type Document,
  type DocumentValue,
  emptyDocument,
  isSame,
  type Policy,
} from '../document.ts';
import { ScimError } from '../errors.ts';
import { entraNewElement } from '../quirks/entra-patch.ts';
import type { ValueOperation } from './operation.ts';

const ELEMENTS_MAX = 1_000;

/** The elements of a multi-valued attribute after one operation. The list and elements given stay as they are. */
export function changeElements(
  current: DocumentValue | undefined,
  operation: ValueOperation,
  policy: Policy,
): DocumentValue[] {
  const list = Array.isArray(current) ? current : [];
  const { filter, target } = operation.path;
  const changed =
    filter === undefined && target.sub === undefined
      ? changeList(list, operation)
      : changeSome(list, operation, policy);
  if (changed.length <= ELEMENTS_MAX) return changed;
  throw new ScimError(
    'invalidValue',
    `${target.attribute.name} can have ${ELEMENTS_MAX} values at most. Remove old ones first.`,
  );
}

function changeList(
  list: readonly DocumentValue[],
  { op, value }: ValueOperation,
): DocumentValue[] {
  const listed = Array.isArray(value) ? value : value === undefined ? [] : [value];
  if (op === 'replace') return listed;
  if (op === 'remove') {
    if (value === undefined) return [];
    return list.filter((element) => !listed.some((each) => isMeant(element, each)));
  }
  return withAdded(list, listed);
}

/** Adds what is not there yet; what is there may become the primary value by it. */
function withAdded(
  list: readonly DocumentValue[],
  listed: readonly DocumentValue[],
): DocumentValue[] {
  const changed = [...list];
  const places = new Map(list.map((element, place) => [keyOf(element), place]));
  for (const value of listed) {
    const key = keyOf(value);
    const place = places.get(key) ?? changed.length;
    places.set(key, place);
    if (place === changed.length || isPrimary(value)) changed[place] = value;
  }
  return withOnePrimary(changed, listed);
}

/** Equal for elements that say the same, but for which one is primary. */
function keyOf(element: DocumentValue): string {
  if (!isDocument(element)) return JSON.stringify(element);
  const names = Object.keys(element).filter((name) => name !== 'primary');
  return JSON.stringify(names.sort().map((name) => [name, element[name]]));
}

/** The elements that the filter chooses, or all of them when the path names a sub-attribute alone. */
function changeSome(
  list: readonly DocumentValue[],
  operation: ValueOperation,
  policy: Policy,
): DocumentValue[] {
  const { op, path, value } = operation;
  const { filter, target } = path;
  const isChosen = (element: DocumentValue) => filter === undefined || filter.matches(element);
  if (op === 'remove' || value === undefined) {
    if (target.sub === undefined) return list.filter((element) => !isChosen(element));
    const name = target.sub.name;
    return settled(list.map((element) => (isChosen(element) ? without(element, name) : element)));
  }
  const chosen: DocumentValue[] = [];
  const changed = list.map((element) => {
    if (!isChosen(element)) return element;
    const next = withValue(element, target.sub?.name, value, op, policy);
    chosen.push(next);
    return next;
  });
  if (chosen.length === 0) {
    const element = withValue(newElement(operation, policy), target.sub?.name, value, op, policy);
    chosen.push(element);
    changed.push(element);
  }
  return settled(withOnePrimary(changed, chosen));
}

/** As a POST would store them: without what has but a type or primary left, each once. */
function settled(list: readonly DocumentValue[]): DocumentValue[] {
  const seen = new Set<string>();
  return list.filter((element) => {
    const key = keyOf(element) + isPrimary(element);
    return saysSomething(element) && !seen.has(key) && seen.add(key);
  });
}

/** What a value is added to when the path matches none. */
function newElement({ path }: ValueOperation, policy: Policy): Document {
  if (path.filter === undefined) return emptyDocument();
  const element = policy.strict ? undefined : entraNewElement(path.filter.expression);
  if (element !== undefined) return element;
  throw new ScimError(
    'noTarget',
    `No value of ${path.target.attribute.name} fulfils the filter of the path. Add the value first.`,
  );
}

/** A whole element changes the sub-attributes it names, as a complex attribute does; strict: all of it. */
function withValue(
  element: DocumentValue,
  sub: string | undefined,
  value: DocumentValue,
  op: 'add' | 'replace',
  policy: Policy,
): Document {
  const isWhole = sub === undefined && policy.strict && op === 'replace';
  const next: Document = Object.assign(emptyDocument(), isWhole ? {} : element);
  return Object.assign(next, sub === undefined ? value : { [sub]: value });
}

/** A new primary value takes the place of the old one (RFC 7644 §3.5.2). */
function withOnePrimary(list: DocumentValue[], changed: readonly DocumentValue[]): DocumentValue[] {
  const primary = changed.findLast(isPrimary);
  if (primary === undefined) return list;
  return list.map((element) =>
    element !== primary && isPrimary(element) ? without(element, 'primary') : element,
  );
}

/** A listed element names one that is there: by all that it says, or by its value alone (Entra). */
function isMeant(element: DocumentValue, listed: DocumentValue): boolean {
  if (isSame(element, listed)) return true;
  if (!isDocument(element) || !isDocument(listed)) return false;
  return Object.keys(listed).every((name) => isSame(element[name], listed[name]));
}

function without(element: DocumentValue, name: string): DocumentValue {
  if (!isDocument(element)) return element;
  const { [name]: _, ...rest } = element;
  return Object.assign(emptyDocument(), rest);
}

function saysSomething(element: DocumentValue): boolean {
  if (!isDocument(element)) return true;
  return Object.keys(element).some((name) => name !== 'type' && name !== 'primary');
}

function isPrimary(element: DocumentValue): boolean {
  return isDocument(element) && element['primary'] === true;
}

function isDocument(value: DocumentValue): value is Document {
  return typeof value === 'object' && !Array.isArray(value);
}
