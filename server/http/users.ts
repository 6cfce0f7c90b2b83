import type { WriteResult } from '#directory/directory.ts';
import { noSuchUser } from '#directory/precondition.ts';
import { createUser, deleteUser, patchUser, replaceUser } from '#directory/users.ts';
import { parseResource } from '#scim/parse-resource.ts';
import { parsePatch } from '#scim/patch/parse.ts';
import { USER } from '#scim/schema/resource-types.ts';
import { readJson } from './body.ts';
import type { Bridge, Endpoint, ScimContext } from './context.ts';
import { checkId, isNotModified, preconditionOf, projectionOf, sendResource } from './resource.ts';

export function getUser(): Endpoint {
  return async function getUser(ctx, id) {
    checkId(id, 'user');
    const projection = projectionOf(ctx, USER);
    const groups = projection?.wants('groups') ?? true;
    const [record] = await ctx.state.account.directory.store.get('users', [id], { groups });
    if (record === undefined) throw noSuchUser(id);
    if (!groups && isNotModified(ctx, record.version)) return;
    sendResource(ctx, 200, USER, record, projection);
  };
}

export function postUser(bridge: Bridge): Endpoint {
  return async function postUser(ctx) {
    ctx.state.written = { operation: 'create', resourceType: 'User' };
    const projection = projectionOf(ctx, USER);
    const body = await readJson(ctx.req, bridge.limits.bodyBytes);
    const { caller, account } = ctx.state;
    const { document } = parseResource(USER, body, caller);
    const result = await createUser(account.directory, caller, document);
    answerWrite(ctx, 201, result, projection);
  };
}

export function putUser(bridge: Bridge): Endpoint {
  return async function putUser(ctx, id) {
    ctx.state.written = { operation: 'replace', resourceType: 'User', id };
    checkId(id, 'user');
    const projection = projectionOf(ctx, USER);
    const body = await readJson(ctx.req, bridge.limits.bodyBytes);
    const { caller, account } = ctx.state;
    const { document } = parseResource(USER, body, caller);
    const precondition = preconditionOf(ctx);
    const result = await replaceUser(account.directory, caller, id, document, precondition);
    answerWrite(ctx, 200, result, projection);
  };
}

export function patchUserEndpoint(bridge: Bridge): Endpoint {
  return async function patchUserEndpoint(ctx, id) {
    ctx.state.written = { operation: 'patch', resourceType: 'User', id };
    checkId(id, 'user');
    const projection = projectionOf(ctx, USER);
    const body = await readJson(ctx.req, bridge.limits.bodyBytes);
    const { caller, account } = ctx.state;
    const operations = parsePatch(USER, body, caller);
    const precondition = preconditionOf(ctx);
    const result = await patchUser(account.directory, caller, id, operations, precondition);
    answerWrite(ctx, 200, result, projection);
  };
}

export function deleteUserEndpoint(): Endpoint {
  return async function deleteUserEndpoint(ctx, id) {
    ctx.state.written = { operation: 'delete', resourceType: 'User', id };
    checkId(id, 'user');
    const { caller, account } = ctx.state;
    await deleteUser(account.directory, caller, id, preconditionOf(ctx));
    ctx.status = 204;
  };
}

function answerWrite(
  ctx: ScimContext,
  status: number,
  { view }: WriteResult,
  projection: ReturnType<typeof projectionOf>,
): void {
  if (ctx.state.written !== undefined) ctx.state.written.id = view.id;
  sendResource(ctx, status, USER, view, projection);
}
