import { type Expression, isMap, type Kind, reference } from './expression.ts';
import type { Schema } from './schema.ts';

/** A value that users set: its default, what is allowed, and what the documents say of it. */
export interface Leaf<T = unknown> {
  readonly kind: Kind;
  readonly fallback: T;
  readonly help: string;
  readonly schema: Schema;
  /** Lines of YAML shown below the help. */
  readonly example?: string | undefined;
  /** What to use instead. The value still works; NOTES.txt warns whoever sets it. */
  readonly deprecated?: string | undefined;
}

export interface Group<G extends Definition = Definition> {
  readonly group: G;
  readonly help: string;
}

export interface Definition {
  readonly [name: string]: Leaf | Group;
}

type Extra = Omit<Schema, 'deprecated'> & Pick<Leaf, 'example' | 'deprecated'>;

function leaf<T>(kind: Kind, base: Schema) {
  return (fallback: T, help: string, extra: Extra = {}): Leaf<T> => {
    const { example, deprecated, ...schema } = extra;
    return { kind, fallback, help, example, deprecated, schema: { ...base, ...schema } };
  };
}

/** The kinds of value: `value.text('default', 'Help.', {pattern: '…'})`. */
export const value = {
  text: leaf<string>('string', { type: 'string' }),
  flag: leaf<boolean>('bool', { type: 'boolean' }),
  integer: leaf<number>('int', { type: 'integer' }),
  port: leaf<number>('int', { type: 'integer', minimum: 1, maximum: 65_535 }),
  integerOrPercent: leaf<number | string>('any', {
    type: ['integer', 'string'],
    minimum: 0,
    pattern: '^[0-9]+%$',
  }),
  choice: <const Name extends string>(...names: readonly Name[]) =>
    leaf<Name>('string', { type: 'string', enum: names }),
  /** A piece of Kubernetes, handed on as it is. */
  map: leaf<Readonly<Record<string, unknown>>>('map', { type: 'object' }),
  texts: leaf<Readonly<Record<string, string>>>('map', {
    type: 'object',
    additionalProperties: { type: 'string' },
  }),
  list: leaf<readonly unknown[]>('list', { type: 'array' }),
};

export const group = <G extends Definition>(help: string, members: G): Group<G> => ({
  group: members,
  help,
});

/** The definition again, each value as an expression: `values.service.port`. */
export type References<G> = {
  readonly [Name in keyof G]: G[Name] extends Leaf<infer T>
    ? Expression<T>
    : G[Name] extends Group<infer H>
      ? References<H>
      : never;
};

/** What users may pass: any part of the values. */
export type PartialValues<G> = {
  readonly [Name in keyof G]?: G[Name] extends Leaf<infer T>
    ? T
    : G[Name] extends Group<infer H>
      ? PartialValues<H>
      : never;
};

/** Names that YAML 1.1, and so Helm, takes for a boolean or for nothing. */
const MISREAD = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

export function referencesOf<G extends Definition>(definition: G): References<G> {
  const references = mapLeaves(definition, ({ kind }, path) => {
    const misread = path.find((name) => !/^[A-Za-z]\w*$/.test(name) || MISREAD.test(name));
    if (misread === undefined) return reference(kind, ['Values', ...path]);
    throw new Error(`value ${path.join('.')}: YAML or Go misreads "${misread}"; rename it`);
  });
  // Each leaf became an expression of its kind; the type says the same.
  return references as References<G>;
}

/** The definition with something else in the place of each value. */
function mapLeaves(
  definition: Definition,
  convert: (leaf: Leaf, path: readonly string[]) => unknown,
  path: readonly string[] = [],
): Record<string, unknown> {
  const entries = Object.entries(definition).map(([name, member]) => {
    const here = [...path, name];
    const isGroup = 'group' in member;
    return [name, isGroup ? mapLeaves(member.group, convert, here) : convert(member, here)];
  });
  return Object.fromEntries(entries);
}

/** Each value with its path, in the order of the definition. */
export function leavesOf(definition: Definition): readonly (readonly [string, Leaf])[] {
  const leaves: [string, Leaf][] = [];
  mapLeaves(definition, (leaf, path) => leaves.push([path.join('.'), leaf]));
  return leaves;
}

export function defaultsOf(definition: Definition): Record<string, unknown> {
  return mapLeaves(definition, ({ fallback }) => fallback);
}

/** Lays values over others as Helm does: maps merge, null deletes, all else replaces. */
export function layOver(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isMap(base) || !isMap(over)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete merged[key];
    else merged[key] = layOver(merged[key], value);
  }
  return merged;
}

export function schemaOf(definition: Definition, title: string): Schema {
  const root = groupSchema({ group: definition, help: title });
  const properties: Record<string, Schema> = {
    ...root.properties,
    global: { description: 'Set by a parent chart. Not used here.', type: 'object' },
    enabled: { description: 'Read by a parent chart. Not used here.', type: 'boolean' },
  };
  return { $schema: 'http://json-schema.org/draft-07/schema#', title, ...root, properties };
}

/** Required, though there are defaults: whoever sets a value to null removes its default. */
function groupSchema({ group: members, help }: Group): Schema {
  const schemaOf = (member: Leaf | Group): Schema => {
    if ('group' in member) return groupSchema(member);
    const { help, schema, fallback, deprecated } = member;
    const mark = deprecated === undefined ? {} : { deprecated: true };
    return { description: help, ...schema, default: fallback, ...mark };
  };
  const properties = Object.entries(members).map(([name, each]) => [name, schemaOf(each)]);
  return {
    description: help,
    type: 'object',
    additionalProperties: false,
    required: Object.keys(members),
    properties: Object.fromEntries(properties),
  };
}
