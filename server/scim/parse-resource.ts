import { settleKeys } from './body-keys.ts';
import { checkDepth } from './depth.ts';
import { type Document, type DocumentValue, emptyDocument, type Policy } from './document.ts';
import { ScimError } from './errors.ts';
import { parseMembers } from './parse-members.ts';
import { parseObject } from './parse-value.ts';
import { property } from './property.ts';
import type { ResourceType } from './schema/attribute.ts';
import { GROUP, USER } from './schema/resource-types.ts';
import { resourceShape } from './shape.ts';
import { wrongType } from './text.ts';

export { parseAttributeValue } from './parse-value.ts';

export interface ParsedResource {
  readonly document: Document;
  /** Undefined: the body says nothing of members, or the type has none. */
  readonly members: readonly string[] | undefined;
}

/**
 * Reads the body of a POST or PUT (RFC 7644 §3.3, §3.5.1). What clients may not write is ignored,
 * passwords are dropped, unassigned attributes are left out; names come in any letter case, and the
 * document has them in schema order.
 * Throws invalidSyntax for what is not a resource, invalidValue for values of the wrong type.
 */
export function parseResource(type: ResourceType, body: unknown, policy: Policy): ParsedResource {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ScimError('invalidSyntax', `The body must be a JSON object: one ${type.name}.`);
  }
  checkDepth(body);
  const given = body as Readonly<Record<string, unknown>>; // an object that is no array
  const settled = policy.strict ? given : settleKeys(type, given);
  const document = emptyDocument();
  document['schemas'] = []; // a placeholder, so that the key comes first
  parseObject(resourceShape(type), settled, policy, '', document);
  setSchemas(type, document);
  checkRequired(type, document);
  checkSchemas(type, property(settled, 'schemas'), document, policy);
  const members = type === GROUP ? property(settled, 'members') : undefined;
  return {
    document,
    members: members === undefined ? undefined : parseMembers(members, policy, 'members'),
  };
}

/** Throws invalidValue when an attribute that RFC 7643 requires is missing or blank. */
export function checkRequired(type: ResourceType, document: Document): void {
  for (const { name, required } of type.schema.attributes) {
    if (!required) continue;
    const value = document[name];
    if (typeof value === 'string' && value.trim() !== '') continue;
    throw new ScimError(
      'invalidValue',
      `${name} is required and must not be blank: map an attribute that everything you provision has to it.`,
    );
  }
}

/** Sets `schemas` to the URNs that the document's content calls for (RFC 7643 §3). */
export function setSchemas(type: ResourceType, document: Document): void {
  const schemas: DocumentValue[] = [type.schema.id];
  for (const { id } of type.extensions) if (document[id] !== undefined) schemas.push(id);
  document['schemas'] = schemas;
}

/**
 * Strict: exactly the URNs of what the resource holds. Otherwise `schemas` may be absent and may name
 * URNs that are not known, as Entra's of its groups (MicrosoftDocs/entra-docs,
 * use-scim-to-provision-users-and-groups.md), but not the other resource type alone.
 */
function checkSchemas(type: ResourceType, value: unknown, parsed: Document, policy: Policy): void {
  const isAbsent = value === undefined || value === null;
  if (isAbsent && !policy.strict) return;
  const urns = typeof value === 'string' && !policy.strict ? [value] : value;
  if (!Array.isArray(urns) || !urns.every((urn) => typeof urn === 'string')) {
    throw wrongType('schemas', `an array of URNs with ${type.schema.id}`, value);
  }
  if (policy.strict) {
    checkExactly(type, urns, parsed);
    return;
  }
  const other = type === USER ? GROUP : USER;
  const named = new Set(urns.map((urn) => urn.toLowerCase()));
  if (named.has(other.schema.id.toLowerCase()) && !named.has(type.schema.id.toLowerCase())) {
    throw new ScimError(
      'invalidValue',
      `schemas says that this is a ${other.name}, but ${type.endpoint} takes each ${type.name}. ` +
        `Send it to ${other.endpoint}.`,
    );
  }
}

function checkExactly(type: ResourceType, urns: readonly string[], parsed: Document): void {
  const known = [type.schema, ...type.extensions].map(({ id }) => id);
  const unknown = urns.find((urn) => !known.includes(urn));
  const missing = known.find(
    (id) => !urns.includes(id) && (id === type.schema.id || parsed[id] !== undefined),
  );
  if (unknown === undefined && missing === undefined) return;
  const shown = unknown === undefined ? undefined : JSON.stringify(unknown.slice(0, 60));
  throw new ScimError(
    'invalidSyntax',
    shown === undefined
      ? `schemas must name ${missing}: it is what the resource holds.`
      : `schemas names ${shown}, which a ${type.name} does not have. Known are ${known.join(', ')}.`,
  );
}
