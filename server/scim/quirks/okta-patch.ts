import { ScimError } from '../errors.ts';

/**
 * Before it changes members, Okta renames the group by `{"op":"replace","value":{"id":…,"displayName":…}}`
 * (okta/okta-developer-docs, docs/reference/scim/scim-20): the id of the resource itself changes nothing.
 * Throws mutability for another id.
 */
export function oktaOwnId(value: unknown, id: unknown): void {
  if (id === undefined || value === id) return;
  throw new ScimError(
    'mutability',
    'id is given by the bridge and can not be changed: leave it out.',
  );
}
