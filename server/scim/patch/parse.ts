import { checkDepth } from '../depth.ts';
import type { Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import { type PatchPath, parsePath } from '../path.ts';
import { property } from '../property.ts';
import { entraOperation } from '../quirks/entra-patch.ts';
import type { ResourceType } from '../schema/attribute.ts';
import { expandResource, isObject, operationsAt } from './expand.ts';
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
    throw new ScimError('invalidValue', `"${op}" needs a "value"; null makes it unassigned.`);
  }
  if (path === '' || path.toLowerCase() === type.schema.id.toLowerCase()) {
    return expandResource(type, op, value, policy);
  }
  const parsed = parsePath(type, path, policy);
  if (parsed === undefined) return [];
  if (policy.strict) checkStrictPath(parsed);
  return operationsAt(type, op, parsed, value, policy, true);
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
