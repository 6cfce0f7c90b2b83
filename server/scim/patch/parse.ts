import { checkDepth } from '../depth.ts';
import type { DocumentValue, Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import { parseAttributeValue, parseObject } from '../parse-value.ts';
import { type PatchPath, parsePath } from '../path.ts';
import { entraListedRemoval, entraOperation } from '../quirks/entra-patch.ts';
import type { Attribute, ResourceType } from '../schema/attribute.ts';
import { attributeShape } from '../shape.ts';
import { expandAttributes, expandResource, isObject } from './expand.ts';
import { memberEdit } from './members.ts';
import type { PatchOperation } from './operation.ts';

export type { PatchOperation } from './operation.ts';

export const MAX_PATCH_OPERATIONS = 1_000;

const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/**
 * Reads the body of a PATCH (RFC 7644 §3.5.2): every operation is checked before the first is applied.
 * Throws ScimError tooLarge over `maxOperations`, invalidSyntax for what is no PatchOp, and for an operation
 * noTarget, invalidPath, invalidFilter, invalidValue or mutability.
 */
export function parsePatch(
  type: ResourceType,
  body: unknown,
  policy: Policy,
  maxOperations = MAX_PATCH_OPERATIONS,
): readonly PatchOperation[] {
  if (!isObject(body)) throw notPatch('The body must be a JSON object.');
  checkDepth(body);
  checkSchemas(property(body, 'schemas'), policy);
  const operations = property(body, 'Operations');
  if (!Array.isArray(operations) || operations.length === 0) {
    throw notPatch('"Operations" must be an array of at least one operation.');
  }
  if (operations.length > maxOperations) {
    throw new ScimError(
      'tooLarge',
      `The PATCH has ${operations.length} operations; at most ${maxOperations} are allowed. Send it in parts.`,
    );
  }
  const parsed: PatchOperation[] = [];
  for (const operation of operations) parsed.push(...parseOperation(type, operation, policy));
  checkSearches(parsed);
  return parsed;
}

export type Op = 'add' | 'replace' | 'remove';

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

function parseOperation(
  type: ResourceType,
  operation: unknown,
  policy: Policy,
): readonly PatchOperation[] {
  if (!isObject(operation)) throw notPatch('Each operation must be an object.');
  const op = entraOperation(property(operation, 'op'));
  const path = property(operation, 'path') ?? '';
  const value = property(operation, 'value');
  if (op !== 'add' && op !== 'replace' && op !== 'remove') {
    throw notPatch('"op" must be add, replace or remove.');
  }
  if (typeof path !== 'string') throw new ScimError('invalidPath', '"path" must be a string.');
  if (path === '' && op === 'remove') {
    throw new ScimError('noTarget', 'A remove needs a path: name the attribute to remove.');
  }
  if (value === undefined && op !== 'remove') {
    throw new ScimError(
      'invalidValue',
      `An ${op} needs a value; null makes it unassigned.`.replace('An r', 'A r'),
    );
  }
  if (path === '' || path.toLowerCase() === type.schema.id.toLowerCase()) {
    return expandResource(type, op, value, policy);
  }
  const parsed = parsePath(type, path, policy);
  if (parsed === undefined) return [];
  if (policy.strict) checkStrictPath(parsed);
  return operationsAt(type, op, parsed, value, policy, true);
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
  return value !== null && !(policy.strict && op === 'replace');
}

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

/** draft-zollner-scim-interop-profile has filters choose the sub-attribute to change, but for members. */
function checkStrictPath({ target, filter }: PatchPath): void {
  if (filter === undefined || target.sub !== undefined) return;
  if (target.attribute.name === 'members') return;
  throw new ScimError(
    'invalidPath',
    'In strict mode a path with a filter must end in a sub-attribute, as in emails[type eq "work"].value.',
  );
}

/** Each search looks at all members, so that a request with many would keep the bridge busy. */
function checkSearches(operations: readonly PatchOperation[]): void {
  const isSearch = (each: PatchOperation) =>
    each.kind === 'members' && each.edit.kind === 'removeWhere';
  if (operations.filter(isSearch).length <= MAX_MEMBER_SEARCHES) return;
  throw new ScimError(
    'tooLarge',
    `More than ${MAX_MEMBER_SEARCHES} operations search the members. Name the members to remove: members[value eq "id"].`,
  );
}

const MAX_MEMBER_SEARCHES = 10;

function checkSchemas(schemas: unknown, policy: Policy): void {
  const isPatch = Array.isArray(schemas) && schemas.includes(PATCH_OP);
  if (isPatch || (schemas === undefined && !policy.strict)) return;
  throw notPatch(`"schemas" must name ${PATCH_OP}.`);
}

function notPatch(detail: string): ScimError {
  return new ScimError('invalidSyntax', `The PATCH can not be read. ${detail}`);
}

/** A property of a message, whose name is as the RFC has it or in another letter case. */
function property(body: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(body, name)) return body[name];
  const lower = name.toLowerCase();
  const key = Object.keys(body).find((key) => key.toLowerCase() === lower);
  return key === undefined ? undefined : body[key];
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
