import type { ResourceType } from '../schema/attribute.ts';
import { attributesByName } from '../schema/lookup.ts';

/**
 * Entra sends booleans as "True" and "False" (scimmyjs/scimmy#51, rancher/rancher#54025), Keycloak's
 * clients as "true" and "false". Refused, those who leave would stay active.
 */
export function entraBoolean(value: unknown): unknown {
  if (typeof value !== 'string' || value.length > 5) return value;
  const lowerValue = value.toLowerCase();
  if (lowerValue === 'true') return true;
  return lowerValue === 'false' ? false : value;
}

/**
 * Entra sends the manager as an array of one object or as a bare id, and clears it with an empty one
 * (MicrosoftDocs/entra-docs, use-scim-to-provision-users-and-groups.md). Undefined: no manager.
 */
export function entraManager(value: unknown): unknown {
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (single === '') return undefined;
  if (typeof single === 'string') return { value: single };
  const isCleared = typeof single === 'object' && single !== null && single.value === '';
  return isCleared ? undefined : single;
}

/**
 * Entra names attributes of the enterprise extension without their URN, as it does `manager`
 * (MicrosoftDocs/entra-docs, same page). Undefined: the key means no attribute of an extension.
 */
export function entraBareAttribute(
  type: ResourceType,
  key: string,
): { readonly extension: string; readonly name: string } | undefined {
  const found = attributesByName(type).get(key.toLowerCase());
  if (found?.extension === undefined) return undefined;
  return { extension: found.extension, name: found.attribute.name };
}
