import { ScimError } from '#scim/errors.ts';
import { entityTag } from '#scim/render.ts';

/** The versions that If-Match names; undefined: any version will do (RFC 7644 §3.14). */
export type Precondition = readonly string[] | undefined;

/** Throws ScimError preconditionFailed when the client changes what it has not seen. */
export function checkVersion(precondition: Precondition, version: number): void {
  if (precondition === undefined || precondition.includes('*')) return;
  if (precondition.includes(entityTag(version))) return;
  throw new ScimError(
    'preconditionFailed',
    `The resource is at version ${entityTag(version)} now, If-Match names ${precondition.join(', ')}. ` +
      'Read it again and repeat the change on what is there.',
  );
}

export function noSuchUser(id: string): ScimError {
  return new ScimError(
    'notFound',
    `There is no user "${shorten(id)}". It may have been deleted; look it up by userName or create it again.`,
  );
}

export function noSuchGroup(id: string): ScimError {
  return new ScimError(
    'notFound',
    `There is no group "${shorten(id)}". It may have been deleted; look it up by displayName or create it again.`,
  );
}

function shorten(id: string): string {
  return id.length <= 64 ? id : `${id.slice(0, 64)}…`;
}
