import { type Document, type DocumentValue, emptyDocument, type Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import { checkRequired, setSchemas } from '../parse-resource.ts';
import { oktaOwnId } from '../quirks/okta-patch.ts';
import type { ResourceType } from '../schema/attribute.ts';
import { changeElements } from './elements.ts';
import type { MemberEdit, PatchOperation, ValueOperation } from './operation.ts';

/** Looks at elements of multi-valued attributes in one request: some tenths of a second at the worst. */
const MAX_LOOKS = 200_000;

/**
 * Applies the operations in order, all or none: `document` itself stays as it is (RFC 7644 §3.5.2).
 * Changes of a group's members are returned for the directory, which keeps them. Throws ScimError
 * noTarget, mutability and invalidValue, and tooLarge when long lists are gone through too often.
 */
export function applyPatch(
  type: ResourceType,
  document: Document,
  operations: readonly PatchOperation[],
  policy: Policy,
): { document: Document; members: readonly MemberEdit[] } {
  const patched: Document = Object.assign(emptyDocument(), document);
  const members: MemberEdit[] = [];
  let hasValues = false;
  let looks = 0;
  for (const operation of operations) {
    if (operation.kind === 'members') {
      members.push(operation.edit);
    } else if (operation.kind === 'id') {
      oktaOwnId(operation.id, patched['id']);
    } else {
      hasValues = true;
      looks += looksOf(patched, operation);
      if (looks > MAX_LOOKS) throw tooManyLooks(operation);
      applyInside(patched, operation, policy);
    }
  }
  if (hasValues) {
    checkRequired(type, patched);
    setSchemas(type, patched);
  }
  return { document: patched, members };
}

function looksOf(resource: Document, { op, path, value }: ValueOperation): number {
  const current = resource[path.target.attribute.name];
  if (!Array.isArray(current)) return 0;
  return current.length * (op === 'remove' && Array.isArray(value) ? value.length : 1);
}

function tooManyLooks({ path }: ValueOperation): ScimError {
  return new ScimError(
    'tooLarge',
    `The operations go through the many values of ${path.target.attribute.name} too often. Replace all of them at once, or send fewer operations.`,
  );
}

/** Attributes of an extension are in an object under its URN, which goes when it is empty. */
function applyInside(resource: Document, operation: ValueOperation, policy: Policy): void {
  const { extension } = operation.path.target;
  if (extension === undefined) {
    applyValue(resource, operation, policy);
    return;
  }
  const inner = copyOf(resource[extension]);
  applyValue(inner, operation, policy);
  assign(resource, extension, inner);
}

function applyValue(holder: Document, operation: ValueOperation, policy: Policy): void {
  const { attribute, sub } = operation.path.target;
  const { name } = attribute;
  if (attribute.multiValued) {
    assign(holder, name, changeElements(holder[name], operation, policy));
  } else if (sub === undefined) {
    assign(holder, name, operation.value);
  } else {
    const inner = copyOf(holder[name]);
    assign(inner, sub.name, operation.value);
    assign(holder, name, inner);
  }
}

/** Sets a value, or takes the attribute away when there is none left (RFC 7643 §2.5). */
function assign(holder: Document, name: string, value: DocumentValue | undefined): void {
  const isNothing =
    value === undefined ||
    (Array.isArray(value)
      ? value.length === 0
      : typeof value === 'object' && Object.keys(value).length === 0);
  if (isNothing) delete holder[name];
  else holder[name] = value;
}

function copyOf(value: DocumentValue | undefined): Document {
  const copy = emptyDocument();
  return typeof value === 'object' && !Array.isArray(value) ? Object.assign(copy, value) : copy;
}
