import { isAtomic, isSameKey, keyOf, listKeys } from './lists.ts';
import { ApiFailure, type ApiObject, isObject, type Json } from './objects.ts';

/**
 * Who wrote which field (server-side apply). A path is the sequence of steps of `fieldsV1`: `f:name` for
 * a field, `k:{…}` for an element of a keyed list; as text, the steps in JSON.
 */
export interface FieldOwner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly fields: ReadonlySet<string>;
}

export interface Applied {
  readonly object: ApiObject;
  readonly owners: readonly FieldOwner[];
}

type Steps = readonly string[];
type Leaves = ReadonlyMap<string, unknown>;

/**
 * What `live` becomes when `manager` applies `wanted`. Fields that it applied before and leaves out now go, unless others own
 * them. A field that another manager set to a different value is a conflict: 409, or with `force` it
 * changes hands.
 */
export function apply(
  live: ApiObject | undefined,
  owners: readonly FieldOwner[],
  wanted: ApiObject,
  manager: string,
  force: boolean,
): Applied {
  const leaves = leavesOf(wanted);
  const current = live === undefined ? new Map<string, unknown>() : leavesOf(live);
  const isMine = (each: FieldOwner) => each.manager === manager && each.operation === 'Apply';
  const others = owners.filter((each) => !isMine(each));
  const conflicts = conflictsOf(others, leaves, current);
  if (conflicts.length > 0 && !force) throw conflictFailure(conflicts);
  const lost = new Set(conflicts.map(({ path }) => path));
  const kept = others
    .map((each) => ({ ...each, fields: without(each.fields, lost) }))
    .filter(({ fields }) => fields.size > 0);
  const before = owners.find(isMine)?.fields ?? new Set<string>();
  let object: Json = live === undefined ? {} : structuredClone(live);
  for (const path of before) {
    const isOwned = leaves.has(path) || kept.some(({ fields }) => fields.has(path));
    if (!isOwned) object = removeAt(object, parse(path));
  }
  for (const [path, value] of leaves) object = setAt(object, parse(path), value);
  const mine: FieldOwner = { manager, operation: 'Apply', fields: new Set(leaves.keys()) };
  const { apiVersion, kind } = wanted;
  const metadata = { ...(object['metadata'] as Json), name: wanted.metadata.name };
  const result = { ...object, apiVersion, kind, metadata } as ApiObject; // Names are set just now.
  return { object: result, owners: [...kept, mine] };
}

/** Owners after `manager` wrote an object whole, or by another kind of patch: what it changed is its own. */
export function ownersAfterUpdate(
  live: ApiObject | undefined,
  owners: readonly FieldOwner[],
  written: ApiObject,
  manager: string,
): readonly FieldOwner[] {
  const before = live === undefined ? new Map<string, unknown>() : leavesOf(live);
  const after = leavesOf(written);
  const changed = new Set(
    [...after].filter(([path, value]) => !isSame(value, before.get(path))).map(([path]) => path),
  );
  const isMine = (each: FieldOwner) => each.manager === manager && each.operation === 'Update';
  const mine = owners.find(isMine)?.fields ?? [];
  const updated: FieldOwner = {
    manager,
    operation: 'Update',
    fields: new Set([...mine, ...changed]),
  };
  return [...owners.filter((each) => !isMine(each)).map(takeFrom), updated]
    .map((each) => ({ ...each, fields: present(each.fields) }))
    .filter(({ fields }) => fields.size > 0);

  function takeFrom(owner: FieldOwner): FieldOwner {
    return { ...owner, fields: without(owner.fields, changed) };
  }

  function present(fields: ReadonlySet<string>): ReadonlySet<string> {
    return new Set([...fields].filter((path) => after.has(path)));
  }
}

/** The form of `metadata.managedFields`. */
export function printOwners(owners: readonly FieldOwner[], apiVersion: string): Json[] {
  return owners.map(({ manager, operation, fields }) => {
    const fieldsV1: Json = {};
    for (const path of fields) {
      let at = fieldsV1;
      for (const step of parse(path)) {
        const inner = at[step];
        const next: Json = isObject(inner) ? inner : {};
        at[step] = next;
        at = next;
      }
    }
    return { manager, operation, apiVersion, fieldsType: 'FieldsV1', fieldsV1 };
  });
}

/** The owners that a client wrote into `metadata.managedFields`, as Helm 4 does with those of Helm 3. */
export function parseOwners(managedFields: readonly unknown[]): readonly FieldOwner[] {
  return managedFields.filter(isObject).map((entry) => ({
    manager: String(entry['manager']),
    operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
    fields: new Set(pathsOf(entry['fieldsV1'], [])),
  }));
}

function pathsOf(fields: unknown, steps: Steps): string[] {
  const inner = isObject(fields) ? Object.entries(fields).filter(([step]) => step !== '.') : [];
  if (inner.length === 0) return steps.length === 0 ? [] : [JSON.stringify(steps)];
  return inner.flatMap(([step, each]) => pathsOf(each, [...steps, step]));
}

/** Of what a client may own: not the names, and not what the server writes. */
function leavesOf(object: ApiObject): Leaves {
  const { apiVersion: _version, kind: _kind, status: _status, ...rest } = object;
  const { labels, annotations, finalizers, ownerReferences } = object.metadata;
  const metadata = { labels, annotations, finalizers, ownerReferences };
  return new Map(leaves({ ...rest, metadata }, [], ''));
}

function leaves(value: unknown, steps: Steps, path: string): [string, unknown][] {
  if (value === undefined) return [];
  if (isObject(value) && Object.keys(value).length > 0 && !isAtomic(path)) {
    return Object.entries(value).flatMap(([key, each]) =>
      leaves(each, [...steps, `f:${key}`], path === '' ? key : `${path}.${key}`),
    );
  }
  const keys = Array.isArray(value) ? listKeys(path) : undefined;
  if (Array.isArray(value) && keys !== undefined && value.length > 0) {
    return value.flatMap((each) =>
      leaves(each, [...steps, `k:${JSON.stringify(keyOf(each, keys))}`], path),
    );
  }
  return [[JSON.stringify(steps), value]];
}

interface Conflict {
  readonly path: string;
  readonly manager: string;
}

function conflictsOf(others: readonly FieldOwner[], leaves: Leaves, current: Leaves): Conflict[] {
  return [...leaves].flatMap(([path, value]) => {
    const owner = others.find(({ fields }) => fields.has(path));
    const isConflict = owner !== undefined && !isSame(value, current.get(path));
    return isConflict ? [{ path, manager: owner.manager }] : [];
  });
}

function conflictFailure(conflicts: readonly Conflict[]): ApiFailure {
  const causes = conflicts.map(({ path, manager }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}"`,
    field: shown(path),
  }));
  const count = `${causes.length} conflict${causes.length > 1 ? 's' : ''}`;
  const list = causes.map(({ message, field }) => `${message}: ${field}`).join('; ');
  return new ApiFailure(409, 'Conflict', `Apply failed with ${count}: ${list}`, { causes });
}

function shown(path: string): string {
  return parse(path)
    .map((step) => (step.startsWith('f:') ? `.${step.slice(2)}` : `[${step.slice(2)}]`))
    .join('');
}

function parse(path: string): string[] {
  return JSON.parse(path) as string[]; // Written by leaves().
}

function setAt(target: unknown, steps: Steps, value: unknown): Json {
  const [step = '', ...rest] = steps;
  const name = step.slice(2);
  const object: Json = isObject(target) ? { ...target } : {};
  if (rest[0]?.startsWith('k:')) object[name] = setInList(object[name], rest, value);
  else object[name] = rest.length === 0 ? value : setAt(object[name], rest, value);
  return object;
}

function setInList(target: unknown, steps: Steps, value: unknown): unknown[] {
  const [step = '', ...rest] = steps;
  const key = JSON.parse(step.slice(2)) as Json; // Written by leaves().
  const list: unknown[] = Array.isArray(target) ? [...target] : [];
  const index = list.findIndex((each) => isSameKey(each, key));
  if (index < 0) list.push(setAt(key, rest, value));
  else list[index] = setAt(list[index], rest, value);
  return list;
}

function removeAt(target: Json, steps: Steps): Json {
  const [step = '', ...rest] = steps;
  const name = step.slice(2);
  const object = { ...target };
  const inner = object[name];
  if (rest.length === 0) {
    delete object[name];
  } else if (rest[0]?.startsWith('k:') && Array.isArray(inner)) {
    const key = JSON.parse(rest[0].slice(2)) as Json; // Written by leaves().
    const list = inner.flatMap((each) => {
      if (!isSameKey(each, key) || !isObject(each)) return [each];
      const left = rest.length === 1 ? {} : removeAt(each, rest.slice(1));
      // An element of which nothing but a part of its key is left is gone.
      return Object.keys(left).some((field) => !(field in key)) || hasWholeKey(left, key)
        ? [left]
        : [];
    });
    if (list.length > 0) object[name] = list;
    else delete object[name];
  } else if (isObject(inner)) {
    const left = removeAt(inner, rest);
    if (Object.keys(left).length > 0) object[name] = left;
    else delete object[name];
  }
  return object;
}

function hasWholeKey(element: Json, key: Json): boolean {
  return Object.keys(key).every((field) => field in element || field === 'protocol');
}

function without(fields: ReadonlySet<string>, gone: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...fields].filter((path) => !gone.has(path)));
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
