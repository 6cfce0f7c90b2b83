import { Readable } from 'node:stream';
import type { ResourceView } from '#directory/directory.ts';
import { createGroup, deleteGroup, patchGroup, replaceGroup } from '#directory/groups.ts';
import { noSuchGroup } from '#directory/precondition.ts';
import { parseResource } from '#scim/parse-resource.ts';
import { parsePatch } from '#scim/patch/parse.ts';
import type { Projection } from '#scim/projection.ts';
import { GROUP } from '#scim/schema/resource-types.ts';
import { send } from './answer.ts';
import { groupInSlices } from './big-group.ts';
import { readJson } from './body.ts';
import type { Bridge, Endpoint, ScimContext } from './context.ts';
import { renderListed } from './listed.ts';
import {
  checkId,
  isNotModified,
  preconditionOf,
  projectionOf,
  sendResource,
  setResourceHeaders,
} from './resource.ts';
import { noteUnknownMembers } from './unknown-members.ts';

export function getGroup(): Endpoint {
  return async function getGroup(ctx, id) {
    checkId(id, 'group');
    const projection = projectionOf(ctx, GROUP);
    const members = projection?.wants('members') ?? true;
    const [record] = await ctx.state.account.directory.store.get('groups', [id], { members });
    if (record === undefined) throw noSuchGroup(id);
    if (isNotModified(ctx, record.version)) return;
    await sendGroup(ctx, 200, record, projection);
  };
}

export function postGroup(bridge: Bridge): Endpoint {
  return async function postGroup(ctx) {
    ctx.state.written = { operation: 'create', resourceType: 'Group' };
    const projection = projectionOf(ctx, GROUP);
    const body = await readJson(ctx.req, bridge.limits.groupBodyBytes);
    const { caller, account } = ctx.state;
    const { document, members } = parseResource(GROUP, body, caller);
    const result = await createGroup(account.directory, caller, document, members ?? []);
    ctx.state.written.id = result.view.id;
    await noteUnknownMembers(bridge, ctx, 'create', result.view.id, result.unknownMembers);
    await sendWritten(ctx, 201, result.view.id, projection);
  };
}

export function putGroup(bridge: Bridge): Endpoint {
  return async function putGroup(ctx, id) {
    ctx.state.written = { operation: 'replace', resourceType: 'Group', id };
    checkId(id, 'group');
    const projection = projectionOf(ctx, GROUP);
    const body = await readJson(ctx.req, bridge.limits.groupBodyBytes);
    const { caller, account } = ctx.state;
    const { document, members = [] } = parseResource(GROUP, body, caller);
    const precondition = preconditionOf(ctx);
    const { directory } = account;
    const result = await replaceGroup(directory, caller, id, document, members, precondition);
    await noteUnknownMembers(bridge, ctx, 'replace', id, result.unknownMembers);
    await sendWritten(ctx, 200, id, projection);
  };
}

/** 204, as IdPs expect of a membership change; with `attributes` 200 and these (RFC 7644 §3.5.2). */
export function patchGroupEndpoint(bridge: Bridge): Endpoint {
  return async function patchGroupEndpoint(ctx, id) {
    ctx.state.written = { operation: 'patch', resourceType: 'Group', id };
    checkId(id, 'group');
    const projection = projectionOf(ctx, GROUP);
    const body = await readJson(ctx.req, bridge.limits.groupBodyBytes);
    const { caller, account } = ctx.state;
    const operations = parsePatch(GROUP, body, caller);
    const precondition = preconditionOf(ctx);
    const result = await patchGroup(account.directory, caller, id, operations, precondition);
    await noteUnknownMembers(bridge, ctx, 'patch', id, result.unknownMembers);
    if (projection !== undefined) await sendWritten(ctx, 200, id, projection);
    else ctx.status = 204;
  };
}

export function deleteGroupEndpoint(): Endpoint {
  return async function deleteGroupEndpoint(ctx, id) {
    ctx.state.written = { operation: 'delete', resourceType: 'Group', id };
    checkId(id, 'group');
    const { caller, account } = ctx.state;
    await deleteGroup(account.directory, caller, id, preconditionOf(ctx));
    ctx.status = 204;
  };
}

/** Answers with the group as it is stored now: what was asked for and what is there may differ. */
async function sendWritten(
  ctx: ScimContext,
  status: number,
  id: string,
  projection: Projection | undefined,
): Promise<void> {
  const members = projection?.wants('members') ?? true;
  const [record] = await ctx.state.account.directory.store.get('groups', [id], { members });
  if (record === undefined) throw noSuchGroup(id);
  await sendGroup(ctx, status, record, projection);
}

async function sendGroup(
  ctx: ScimContext,
  status: number,
  view: ResourceView,
  projection: Projection | undefined,
): Promise<void> {
  const next = view.members?.next;
  if (next === undefined) {
    sendResource(ctx, status, GROUP, view, projection);
    return;
  }
  setResourceHeaders(ctx, status, GROUP, view);
  if (projection !== undefined) {
    send(ctx, status, await renderListed(ctx, GROUP, view, projection));
    return;
  }
  const type = ctx.res.getHeader('Content-Type');
  ctx.status = status;
  const { baseUrl, account } = ctx.state;
  ctx.body = Readable.from(groupInSlices(account.directory.store, view, next, baseUrl));
  // Koa takes a stream for binary data.
  if (type !== undefined) ctx.res.setHeader('Content-Type', type);
}
