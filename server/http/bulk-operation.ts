import { createGroup, deleteGroup, patchGroup, replaceGroup } from '#directory/groups.ts';
import { createUser, deleteUser, patchUser, replaceUser } from '#directory/users.ts';
import { ScimError } from '#scim/errors.ts';
import { parseResource } from '#scim/parse-resource.ts';
import { parsePatch } from '#scim/patch/parse.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import type { ScimContext } from './context.ts';
import { checkId, entityTags } from './resource.ts';
import { findRoute } from './routes.ts';

/** A request inside a bulk request, all references resolved. */
export interface InnerRequest {
  readonly method: string;
  readonly path: string;
  readonly data: unknown;
  /** As If-Match has it. */
  readonly version: string | undefined;
}

export interface Done {
  readonly status: number;
  readonly resourceType: 'User' | 'Group';
  readonly id: string;
  /** Undefined after a DELETE, and where a PATCH of members alone did not read it. */
  readonly version: number | undefined;
}

/** Runs one operation as the request of its own would. Throws ScimError. */
export async function runOperation(ctx: ScimContext, request: InnerRequest): Promise<Done> {
  const route = findRoute(request.path);
  const id = route?.id ?? '';
  switch (`${request.method} ${route?.name ?? ''}`) {
    case 'POST /Users':
    case 'PUT /Users/{id}':
    case 'PATCH /Users/{id}':
    case 'DELETE /Users/{id}':
      return runOnUser(ctx, request, id);
    case 'POST /Groups':
    case 'PUT /Groups/{id}':
    case 'PATCH /Groups/{id}':
    case 'DELETE /Groups/{id}':
      return runOnGroup(ctx, request, id);
    default:
      throw new ScimError(
        'invalidSyntax',
        'An operation of a bulk request is a POST to /Users or /Groups, or PUT, PATCH or DELETE of one resource there.',
      );
  }
}

async function runOnUser(ctx: ScimContext, request: InnerRequest, id: string): Promise<Done> {
  const { account, caller } = ctx.state;
  const { directory } = account;
  const { method, data } = request;
  if (method === 'POST') {
    const { document } = parseResource(USER, data, caller);
    const { view } = await createUser(directory, caller, document);
    return { status: 201, resourceType: 'User', id: view.id, version: view.version };
  }
  checkId(id, 'user');
  const precondition = preconditionOf(request, caller.strict);
  if (method === 'DELETE') {
    await deleteUser(directory, caller, id, precondition);
    return { status: 204, resourceType: 'User', id, version: undefined };
  }
  const { view } =
    method === 'PUT'
      ? await replaceUser(
          directory,
          caller,
          id,
          parseResource(USER, data, caller).document,
          precondition,
        )
      : await patchUser(directory, caller, id, parsePatch(USER, data, caller), precondition);
  return { status: 200, resourceType: 'User', id, version: view.version };
}

async function runOnGroup(ctx: ScimContext, request: InnerRequest, id: string): Promise<Done> {
  const { account, caller } = ctx.state;
  const { directory } = account;
  const { method, data } = request;
  if (method === 'POST') {
    const { document, members = [] } = parseResource(GROUP, data, caller);
    const { view } = await createGroup(directory, caller, document, members);
    return { status: 201, resourceType: 'Group', id: view.id, version: view.version };
  }
  checkId(id, 'group');
  const precondition = preconditionOf(request, caller.strict);
  if (method === 'DELETE') {
    await deleteGroup(directory, caller, id, precondition);
    return { status: 204, resourceType: 'Group', id, version: undefined };
  }
  if (method === 'PUT') {
    const { document, members = [] } = parseResource(GROUP, data, caller);
    const { view } = await replaceGroup(directory, caller, id, document, members, precondition);
    return { status: 200, resourceType: 'Group', id, version: view.version };
  }
  await patchGroup(directory, caller, id, parsePatch(GROUP, data, caller), precondition);
  const [record] = await directory.store.get('groups', [id]);
  return { status: 200, resourceType: 'Group', id, version: record?.version };
}

function preconditionOf(
  { version }: InnerRequest,
  isStrict: boolean,
): readonly string[] | undefined {
  return version === undefined || isStrict ? undefined : entityTags(version);
}
