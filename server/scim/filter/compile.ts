import type { AttributeName } from '../attribute-name.ts';
import type { Document, DocumentValue, Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { Attribute, ResourceType } from '../schema/attribute.ts';
import { attributesByName, type ResolvedAttribute, resolveAttribute } from '../schema/lookup.ts';
import type { Filter, Operator } from './ast.ts';
import { comparison, isPresent, type ValueTest } from './compare.ts';

/**
 * A filter with its names looked up, from which the directory chooses an index. A compared complex
 * attribute has become its `value`, `eq null` a `not` of `present`. Within `some` each target is a
 * sub-attribute of the target of `some`.
 */
export type Expression =
  | { readonly op: 'and' | 'or'; readonly of: readonly Expression[] }
  | { readonly op: 'not'; readonly of: Expression }
  | { readonly op: 'present'; readonly target: ResolvedAttribute }
  | {
      readonly op: 'compare';
      readonly target: ResolvedAttribute;
      readonly operator: Operator;
      /** Text as it was written; dateTime (but for co, sw, ew) in milliseconds since 1970. */
      readonly value: string | number | boolean;
    }
  | { readonly op: 'some'; readonly target: ResolvedAttribute; readonly of: Expression }
  /** What no resource fulfils. */
  | { readonly op: 'nothing' };

export interface CompiledFilter {
  readonly expression: Expression;
  /** `resource` is the whole of it: id and meta, and groups or members if the filter `references` them. */
  matches(resource: Document): boolean;
  /** Whether it asks for this attribute; an extension goes by its URN. */
  references(topLevelName: string): boolean;
}

/** A filter on the elements of one multi-valued attribute, as PATCH paths have it. */
export interface ElementFilter {
  readonly expression: Expression;
  matches(element: DocumentValue): boolean;
}

/**
 * Looks up the names of a filter and makes a test of it (RFC 7644 §3.4.2.2). A multi-valued attribute
 * fulfils a comparison if one of its elements does; `ne` also holds where there is no value. Throws
 * ScimError invalidFilter for an unknown attribute, one that is never returned (password) or made when
 * it is sent ($ref, meta.location), and a comparison that its type does not allow. `others` are the types
 * that are searched besides: what one of them alone has is absent here (RFC 7644 §3.4.2.1).
 */
export function compileFilter(
  type: ResourceType,
  filter: Filter,
  policy: Policy,
  others: readonly ResourceType[] = [],
): CompiledFilter {
  const names = new Set<string>();
  const resolve = (name: AttributeName): ResolvedAttribute => {
    const target = resolveAttribute(type, name) ?? refuseUnknown(type, name);
    if (isSecret(target.attribute)) refuseSecret(name);
    checkKnown(target);
    names.add(target.extension ?? target.attribute.name);
    return target;
  };
  const { expression, test } = compileNode(filter, {
    type,
    policy,
    isElsewhere: (name) =>
      resolveAttribute(type, name) === undefined &&
      others.some((other) => resolveAttribute(other, name) !== undefined),
    resolve,
    readerOf: topLevelReader,
  });
  return { expression, matches: test, references: (topLevelName) => names.has(topLevelName) };
}

/** The part of a value path between its brackets. `parent` is multi-valued and complex. */
export function compileElementFilter(
  type: ResourceType,
  parent: ResolvedAttribute,
  filter: Filter,
  policy: Policy,
): ElementFilter {
  const { expression, test } = compileNode(filter, elementScope(type, parent, policy));
  return { expression, matches: (element) => isObject(element) && test(element) };
}

interface Compiled {
  readonly expression: Expression;
  readonly test: (holder: Document) => boolean;
}

/** Where names are looked up, and how their values are reached from what is tested. */
interface Scope {
  readonly type: ResourceType;
  readonly policy: Policy;
  /** Whether another type that is searched has what this one has not. */
  readonly isElsewhere: (name: AttributeName) => boolean;
  readonly resolve: (name: AttributeName) => ResolvedAttribute;
  readonly readerOf: (target: ResolvedAttribute) => Reader;
}

/** Whether `test` holds for one of the values; `whenAbsent` is the answer where there is none. */
type Reader = (holder: Document, test: ValueTest, whenAbsent: boolean) => boolean;

function compileNode(filter: Filter, scope: Scope): Compiled {
  switch (filter.op) {
    case 'and':
    case 'or':
      return compileMany(filter.op, filter.of, scope);
    case 'not': {
      const { expression, test } = compileNode(filter.of, scope);
      return { expression: { op: 'not', of: expression }, test: (holder) => !test(holder) };
    }
    default:
      return scope.isElsewhere(filter.name) ? compileAbsent(filter) : compileLeaf(filter, scope);
  }
}

type Leaf = Exclude<Filter, { op: 'and' | 'or' | 'not' }>;

function compileLeaf(filter: Leaf, scope: Scope): Compiled {
  switch (filter.op) {
    case 'present':
      return compilePresent(scope.resolve(filter.name), scope);
    case 'some':
      return compileSome(filter, scope);
    case 'compare':
      return compileCompare(filter, scope);
  }
}

/** Without a value `ne` holds, and `eq null`. */
function compileAbsent(filter: Leaf): Compiled {
  const nothing = { op: 'nothing' } as const;
  const holds =
    filter.op === 'compare' && filter.operator === (filter.value === null ? 'eq' : 'ne');
  const expression = holds ? ({ op: 'not', of: nothing } as const) : nothing;
  return { expression, test: () => holds };
}

function compileMany(op: 'and' | 'or', filters: readonly Filter[], scope: Scope): Compiled {
  const parts = filters.map((part) => compileNode(part, scope));
  const tests = parts.map((part) => part.test);
  const decisive = op === 'or'; // One part that holds decides `or`, one that fails decides `and`.
  return {
    expression: { op, of: parts.map((part) => part.expression) },
    test: (holder) => {
      for (const test of tests) {
        if (test(holder) === decisive) return decisive;
      }
      return !decisive;
    },
  };
}

function compilePresent(target: ResolvedAttribute, scope: Scope): Compiled {
  const read = scope.readerOf(target);
  return {
    expression: { op: 'present', target },
    test: (holder) => read(holder, isPresent, false),
  };
}

function compileCompare(filter: Filter & { op: 'compare' }, scope: Scope): Compiled {
  const { name, operator, value: literal } = filter;
  const named = scope.resolve(name);
  if (literal === null) return compileNull(named, operator, scope);
  const target = comparable(named);
  const attribute = target.sub ?? target.attribute;
  const { value, test } = comparison(attribute, operator, literal, scope.policy);
  const read = scope.readerOf(target);
  const whenAbsent = operator === 'ne';
  return {
    expression: { op: 'compare', target, operator, value },
    test: (holder) => read(holder, test, whenAbsent),
  };
}

/** `eq null` is true where there is no value, `ne null` where there is one. */
function compileNull(target: ResolvedAttribute, operator: Operator, scope: Scope): Compiled {
  const present = compilePresent(target, scope);
  if (operator === 'ne') return present;
  if (operator !== 'eq') {
    throw new ScimError(
      'invalidFilter',
      `The operator ${operator} does not compare null. Use eq, ne or pr.`,
    );
  }
  return {
    expression: { op: 'not', of: present.expression },
    test: (holder) => !present.test(holder),
  };
}

function compileSome(filter: Filter & { op: 'some' }, scope: Scope): Compiled {
  const target = scope.resolve(filter.name);
  if (target.attribute.type !== 'complex' || target.sub !== undefined) {
    throw new ScimError(
      'invalidFilter',
      `"${filter.name.name}" has no sub-attributes: compare it without square brackets.`,
    );
  }
  const inner = compileNode(filter.of, elementScope(scope.type, target, scope.policy));
  const read = scope.readerOf(target);
  const test: ValueTest = (element) => isObject(element) && inner.test(element);
  return {
    expression: { op: 'some', target, of: inner.expression },
    test: (holder) => read(holder, test, false),
  };
}

function elementScope(type: ResourceType, parent: ResolvedAttribute, policy: Policy): Scope {
  const resolve = (name: AttributeName): ResolvedAttribute => {
    const sub =
      name.urn === undefined && name.sub === undefined
        ? subOf(parent.attribute, name.name)
        : undefined;
    if (sub === undefined) return refuseUnknownSub(parent.attribute, name);
    const target = { extension: parent.extension, attribute: parent.attribute, sub };
    checkKnown(target);
    return target;
  };
  return { type, policy, isElsewhere: () => false, resolve, readerOf: elementReader };
}

/** A complex attribute is compared by its `value` (RFC 7643 §2.4), so `manager eq "id"` has a meaning. */
function comparable(target: ResolvedAttribute): ResolvedAttribute {
  if (target.sub !== undefined || target.attribute.type !== 'complex') return target;
  const { attribute, extension } = target;
  const sub = subOf(attribute, 'value');
  if (sub !== undefined) return { extension, attribute, sub };
  const first = attribute.subAttributes[0]?.name ?? '';
  throw new ScimError(
    'invalidFilter',
    `"${attribute.name}" has several parts: name one of them, such as "${attribute.name}.${first}".`,
  );
}

function topLevelReader(target: ResolvedAttribute): Reader {
  const { extension, attribute, sub } = target;
  const readSub = sub === undefined ? undefined : elementReader(target);
  const read: Reader = (holder, test, whenAbsent) => {
    const value = holder[attribute.name];
    if (value === undefined) return whenAbsent;
    if (!Array.isArray(value)) return testOne(value, readSub, test, whenAbsent);
    if (value.length === 0) return whenAbsent;
    for (const element of value) {
      if (testOne(element, readSub, test, whenAbsent)) return true;
    }
    return false;
  };
  if (extension === undefined) return read;
  return (holder, test, whenAbsent) => {
    const inside = holder[extension];
    return isObject(inside) ? read(inside, test, whenAbsent) : whenAbsent;
  };
}

function testOne(
  value: DocumentValue,
  readSub: Reader | undefined,
  test: ValueTest,
  whenAbsent: boolean,
): boolean {
  if (readSub === undefined) return test(value);
  return isObject(value) ? readSub(value, test, whenAbsent) : whenAbsent;
}

function elementReader({ attribute, sub }: ResolvedAttribute): Reader {
  const { name } = sub ?? attribute;
  return (holder, test, whenAbsent) => {
    const value = holder[name];
    return value === undefined ? whenAbsent : test(value);
  };
}

function subOf(attribute: Attribute, name: string): Attribute | undefined {
  const lower = name.toLowerCase();
  return attribute.subAttributes.find((sub) => sub.name.toLowerCase() === lower);
}

function isObject(value: DocumentValue | undefined): value is Document {
  return typeof value === 'object' && !Array.isArray(value);
}

function isSecret(attribute: Attribute): boolean {
  return attribute.returned === 'never' || attribute.mutability === 'writeOnly';
}

function refuseSecret(name: AttributeName): never {
  throw new ScimError(
    'invalidFilter',
    `"${name.name}" is never returned, so it can't be filtered by.`,
  );
}

/** Addresses are made when a resource is sent: asked for one, a filter would find nobody. */
function checkKnown({ attribute, sub }: ResolvedAttribute): void {
  const isAddress = sub?.name === '$ref' || (attribute.name === 'meta' && sub?.name === 'location');
  if (!isAddress) return;
  const better = attribute.name === 'meta' ? 'id' : `${attribute.name}.value`;
  throw new ScimError(
    'invalidFilter',
    `"${attribute.name}.${sub.name}" depends on the address by which a client comes, so it can't be filtered by. Use ${better}.`,
  );
}

function refuseUnknown(type: ResourceType, name: AttributeName): never {
  const known = Array.from(attributesByName(type).values(), (found) => found.attribute.name);
  const top = resolveAttribute(type, { ...name, sub: undefined });
  if (top !== undefined && name.sub !== undefined) {
    return refuseUnknownSub(top.attribute, { ...name, name: name.sub });
  }
  const meant = nearest(name.name, known);
  const hint = meant === undefined ? 'See /Schemas for the names.' : `Did you mean "${meant}"?`;
  throw new ScimError(
    'invalidFilter',
    `A ${type.name} has no attribute "${shown(name.name)}". ${hint}`,
  );
}

function refuseUnknownSub(attribute: Attribute, name: AttributeName): never {
  const known = attribute.subAttributes.map((sub) => sub.name);
  const meant = nearest(name.name, known);
  const hint =
    meant === undefined ? `It has: ${known.join(', ') || 'none'}.` : `Did you mean "${meant}"?`;
  throw new ScimError(
    'invalidFilter',
    `"${attribute.name}" has no sub-attribute "${shown(name.name)}". ${hint}`,
  );
}

function shown(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
