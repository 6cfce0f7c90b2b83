import type { DocumentValue, Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import { parseAttributeValue, parseObject } from '../parse-value.ts';
import { type PatchPath, parseKey } from '../path.ts';
import { entraManager } from '../quirks/entra-body.ts';
import { entraListedRemoval } from '../quirks/entra-patch.ts';
import type { Attribute, ResourceType } from '../schema/attribute.ts';
import { type ResolvedAttribute, resolveAttribute } from '../schema/lookup.ts';
import { attributeShape, resourceShape } from '../shape.ts';
import { memberEdit } from './members.ts';
import type { PatchOperation } from './operation.ts';

type Op = 'add' | 'replace' | 'remove';

/**
 * The steps of an operation without path (RFC 7644 §3.5.2.1, §3.5.2.3): one for each key of its value. A key
 * may be a path itself: Entra, with its flag aadOptscim062020, writes `name.givenName` and
 * `urn:…:User:department` (MicrosoftDocs/entra-docs, application-provisioning-config-problem-scim-compatibility.md).
 */
export function expandResource(
  type: ResourceType,
  op: Op,
  value: unknown,
  policy: Policy,
): readonly PatchOperation[] {
  if (policy.strict) {
    throw new ScimError(
      'invalidSyntax',
      'In strict mode each operation needs a path (draft-zollner-scim-interop-profile).',
    );
  }
  if (!isObject(value)) {
    throw new ScimError(
      'invalidValue',
      'The value of an operation without path must be an object of attributes.',
    );
  }
  const operations: PatchOperation[] = [];
  for (const key of keysOf(value)) {
    const keyValue = value[key];
    const path = parseKey(type, key, policy);
    if (path === undefined) {
      parseObject(resourceShape(type), { [key]: keyValue }, policy, ''); // Refuses misspelt names.
    } else if (path.target.attribute.name === 'id') {
      operations.push({ kind: 'id', id: keyValue });
    } else {
      operations.push(...operationsAt(type, op, path, keyValue, policy, false));
    }
  }
  return operations;
}

/**
 * The steps of one operation whose path is known. `isNamed`: the client wrote the path itself, so that
 * an attribute it may not write is an error; in a larger value it is passed over, as in a PUT.
 */
export function operationsAt(
  type: ResourceType,
  op: Op,
  path: PatchPath,
  value: unknown,
  policy: Policy,
  isNamed: boolean,
): readonly PatchOperation[] {
  const { attribute, sub } = path.target;
  if (isReadOnly(attribute) || (sub !== undefined && isReadOnly(sub))) {
    if (!isNamed) return [];
    throw new ScimError('mutability', `${nameOf(path)} is read-only: leave it out of the mapping.`);
  }
  if (type.name === 'Group' && attribute.name === 'members') {
    const edit = memberEdit(op, path, value, policy);
    return edit === undefined ? [] : [{ kind: 'members', path, edit }];
  }
  if (op === 'remove') return removal(path, value, policy);
  if (isDropped(attribute) || (sub !== undefined && isDropped(sub))) return [];
  if (isMerged(op, path, value, policy)) return expandAttributes(type, op, path, value, policy);
  const parsed = parseValue(path, value, policy);
  if (parsed === undefined && path.filter === undefined) checkMayBeAbsent(path);
  checkNotBlank(path, parsed);
  return [{ kind: 'value', op, path, value: parsed }];
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function removal(path: PatchPath, value: unknown, policy: Policy): readonly PatchOperation[] {
  const { attribute, sub } = path.target;
  checkMayBeAbsent(path);
  if (isDropped(attribute) || (sub !== undefined && isDropped(sub))) return [];
  const isList = attribute.multiValued && sub === undefined && path.filter === undefined;
  const listed = isList ? entraListedRemoval(value) : undefined;
  if (listed === undefined) return [{ kind: 'value', op: 'remove', path, value: undefined }];
  const elements = parseAttributeValue(attribute, listed, policy, attribute.name);
  return elements === undefined ? [] : [{ kind: 'value', op: 'remove', path, value: elements }];
}

/**
 * A value of a complex attribute changes the sub-attributes it names (RFC 7644 §3.5.2.1 and §3.5.2.3);
 * draft-zollner-scim-interop-profile has replace replace it whole.
 */
function isMerged(op: Op, { target }: PatchPath, value: unknown, policy: Policy): boolean {
  const { attribute, sub } = target;
  if (attribute.type !== 'complex' || attribute.multiValued || sub !== undefined) return false;
  const isUnassigned = value === null || (Array.isArray(value) && value.length === 0);
  return !isUnassigned && !(policy.strict && op === 'replace');
}

/** The steps of a value of a complex attribute with one value, or of an extension: one for each key. */
function expandAttributes(
  type: ResourceType,
  op: Op,
  path: PatchPath,
  value: unknown,
  policy: Policy,
): readonly PatchOperation[] {
  const { attribute } = path.target;
  const object = attribute.name === 'manager' && !policy.strict ? entraManager(value) : value;
  if (object === undefined || object === null) {
    return [{ kind: 'value', op: 'remove', path, value: undefined }];
  }
  if (!isObject(object)) {
    throw new ScimError(
      'invalidValue',
      `${attribute.name} must be an object of its sub-attributes.`,
    );
  }
  const shape = attributeShape(attribute);
  const operations: PatchOperation[] = [];
  for (const key of keysOf(object)) {
    const name = shape.byName.get(key.toLowerCase())?.attribute.name;
    const target = name === undefined ? undefined : insideOf(type, path.target, name);
    if (target === undefined) {
      parseObject(shape, { [key]: object[key] }, policy, `${attribute.name}.`); // As above.
    } else {
      const inner = { target, filter: undefined };
      operations.push(...operationsAt(type, op, inner, object[key], policy, false));
    }
  }
  return operations;
}

/** A sub-attribute; in an extension that is an attribute which has a name of its own. */
function insideOf(
  type: ResourceType,
  { extension, attribute }: ResolvedAttribute,
  name: string,
): ResolvedAttribute | undefined {
  if (attribute.name.includes(':')) {
    return resolveAttribute(type, { urn: attribute.name, name, sub: undefined });
  }
  const sub = attribute.subAttributes.find((each) => each.name === name);
  return sub === undefined ? undefined : { extension, attribute, sub };
}

/** More keys than any resource has would be steps without end. */
function keysOf(value: Readonly<Record<string, unknown>>): string[] {
  const keys = Object.keys(value);
  if (keys.length <= MAX_KEYS) return keys;
  throw new ScimError('invalidSyntax', `An object has more than ${MAX_KEYS} attributes.`);
}

const MAX_KEYS = 500;

function parseValue(path: PatchPath, value: unknown, policy: Policy): DocumentValue | undefined {
  const { attribute, sub } = path.target;
  if (sub !== undefined) return parseAttributeValue(sub, value, policy, nameOf(path));
  if (path.filter === undefined)
    return parseAttributeValue(attribute, value, policy, attribute.name);
  const element: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (element === null) return undefined;
  if (!isObject(element)) {
    throw new ScimError('invalidValue', `The value for ${attribute.name}[…] must be one object.`);
  }
  return parseObject(attributeShape(attribute), element, policy, `${attribute.name}.`) ?? {};
}

/** RFC 7644 §3.5.2.2: a required attribute must not become unassigned. */
function checkMayBeAbsent(path: PatchPath): void {
  const { attribute, sub } = path.target;
  if (!(sub ?? attribute).required) return;
  throw new ScimError('mutability', `${nameOf(path)} is required and can not be removed.`);
}

function checkNotBlank(path: PatchPath, value: DocumentValue | undefined): void {
  const { attribute, sub } = path.target;
  if (!attribute.required || sub !== undefined) return;
  if (typeof value !== 'string' || value.trim() !== '') return;
  throw new ScimError('invalidValue', `${attribute.name} is required and must not be blank.`);
}

function isReadOnly(attribute: Attribute): boolean {
  return attribute.mutability === 'readOnly';
}

/** Accepted and not kept: passwords, `schemas` (they follow from the content) and `$ref` (from the value). */
function isDropped({ mutability, name }: Attribute): boolean {
  return mutability === 'writeOnly' || name === 'schemas' || name === '$ref';
}

function nameOf({ target, filter }: PatchPath): string {
  const { attribute, sub } = target;
  if (sub === undefined) return attribute.name;
  return `${attribute.name}${filter === undefined ? '' : '[…]'}.${sub.name}`;
}
