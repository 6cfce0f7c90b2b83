import { type Document, emptyDocument } from '../document.ts';
import type { Expression } from '../filter/compile.ts';

/**
 * Entra writes `Add`, `Replace` and `Remove` (MicrosoftDocs/entra-docs,
 * application-provisioning-config-problem-scim-compatibility.md).
 */
export function entraOperation(op: unknown): unknown {
  return typeof op === 'string' && op.length < 10 ? op.toLowerCase() : op;
}

/**
 * Entra removes some members, and sends them as the `value` of a remove of all
 * (MicrosoftDocs/entra-docs, use-scim-to-provision-users-and-groups.md); RFC 7644 §3.5.2.2 gives a
 * remove no value, and taken by its letter the group would be emptied. Undefined: nothing is listed.
 */
export function entraListedRemoval(value: unknown): unknown {
  return value === null ? undefined : value;
}

/**
 * Entra sets `emails[type eq "work"].value` of people who have no such e-mail yet, and means that it be
 * created (Captain-P-Goldfish/SCIM-SDK#416); RFC 7644 §3.5.2.3 wants noTarget. The beginning of the
 * new element, when the filter is one equality of type or primary.
 */
export function entraNewElement(filter: Expression): Document | undefined {
  if (filter.op !== 'compare' || filter.operator !== 'eq') return undefined;
  const name = filter.target.sub?.name;
  if (name !== 'type' && name !== 'primary') return undefined;
  const element = emptyDocument();
  element[name] = filter.value;
  return element;
}
