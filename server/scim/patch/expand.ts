import type { Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import { parseObject } from '../parse-value.ts';
import { type PatchPath, parseKey } from '../path.ts';
import { entraManager } from '../quirks/entra-body.ts';
import type { ResourceType } from '../schema/attribute.ts';
import { type ResolvedAttribute, resolveAttribute } from '../schema/lookup.ts';
import { attributeShape, resourceShape } from '../shape.ts';
import type { PatchOperation } from './operation.ts';
import { type Op, operationsAt } from './parse.ts';

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
      checkUnknown(() => parseObject(resourceShape(type), { [key]: keyValue }, policy, ''));
    } else if (path.target.attribute.name === 'id') {
      operations.push({ kind: 'id', id: keyValue });
    } else {
      operations.push(...operationsAt(type, op, path, keyValue, policy, false));
    }
  }
  return operations;
}

/** The steps of a value of a complex attribute with one value, or of an extension: one for each key. */
export function expandAttributes(
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
      checkUnknown(() => parseObject(shape, { [key]: object[key] }, policy, `${attribute.name}.`));
    } else {
      const inner = { target, filter: undefined };
      operations.push(...operationsAt(type, op, inner, object[key], policy, false));
    }
  }
  return operations;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

/** Unknown attributes are ignored, misspelt ones refused: reading an object of nothing else decides. */
function checkUnknown(read: () => unknown): void {
  read();
}
