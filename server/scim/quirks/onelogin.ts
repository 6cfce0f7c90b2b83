import type { ResourceType } from '../schema/attribute.ts';
import { enterpriseUserSchema } from '../schema/enterprise-user.ts';

/**
 * OneLogin names the schemas by the URNs of a draft from before RFC 7643, also with its connector for
 * SCIM 2.0 with the enterprise extension (goauthentik/authentik#11249).
 */
export function oneloginUrn(type: ResourceType, urn: string): string {
  if (urn === 'urn:scim:schemas:core:2.0') return type.schema.id;
  if (urn !== 'urn:scim:schemas:extension:enterprise:2.0') return urn;
  return enterpriseUserSchema.id;
}

/**
 * OneLogin may send the one e-mail address as an object instead of an array of one
 * (15five/django-scim2 works around it in its adapters). A lone string is taken in the same way.
 */
export function oneloginSingleValue(value: unknown): readonly unknown[] | undefined {
  const isLone = typeof value === 'string' || (typeof value === 'object' && value !== null);
  return isLone ? [value] : undefined;
}

/** An element that is only a string is the element's `value`. */
export function oneloginBareElement(element: unknown): unknown {
  return typeof element === 'string' ? { value: element } : element;
}
