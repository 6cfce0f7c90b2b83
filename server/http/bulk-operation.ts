import { createGroup, deleteGroup, patchGroup, replaceGroup } from '#directory/groups.ts';
import { createUser, deleteUser, patchUser, replaceUser } from '#directory/users.ts';
import { ScimError } from '#scim/errors.ts';
import { parseResource } from '#scim/parse-resource.ts';
import { parsePatch } from '#scim/patch/parse.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import type { ScimContext } from './context.ts';
import type { Wanted } from './refusals.ts';
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
  /** Member ids of a group that no user has. */
  readonly unknownMembers?: readonly string[];
}

/** What the history says of an operation; undefined where it is none of ours. */
export function wantedBy(method: string, path: string): Wanted | undefined {
  const route = findRoute(path);
  const operation = operationOf(method);
  const [, kind] = route?.name.split('/') ?? [];
  if (operation === undefined || (kind !== 'Users' && kind !== 'Groups')) return undefined;
  const id = route?.id ?? '';
  return {
    operation,
    resourceType: kind === 'Users' ? 'User' : 'Group',
    ...(id === '' ? {} : { id }),
  };
}

export function operationOf(method: string): Wanted['operation'] | undefined {
  return OPERATIONS.get(method);
}

const OPERATIONS = new Map<string, Wanted['operation']>([
  ['POST', 'create'],
  ['PUT', 'replace'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);

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
    const { view, unknownMembers } = await createGroup(directory, caller, document, members);
    const { id, version } = view;
    return { status: 201, resourceType: 'Group', id, version, unknownMembers };
  }
  checkId(id, 'group');
  const precondition = preconditionOf(request, caller.strict);
  if (method === 'DELETE') {
    await deleteGroup(directory, caller, id, precondition);
    return { status: 204, resourceType: 'Group', id, version: undefined };
  }
  if (method === 'PUT') {
    const { document, members = [] } = parseResource(GROUP, data, caller);
    const result = await replaceGroup(directory, caller, id, document, members, precondition);
    const { view, unknownMembers } = result;
    return { status: 200, resourceType: 'Group', id, version: view.version, unknownMembers };
  }
  const operations = parsePatch(GROUP, data, caller);
  const { unknownMembers } = await patchGroup(directory, caller, id, operations, precondition);
  const [record] = await directory.store.get('groups', [id]);
  return { status: 200, resourceType: 'Group', id, version: record?.version, unknownMembers };
}

function preconditionOf(
  { version }: InnerRequest,
  isStrict: boolean,
): readonly string[] | undefined {
  return version === undefined || isStrict ? undefined : entityTags(version);
}
