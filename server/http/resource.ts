import type { ResourceView } from '#directory/directory.ts';
import type { Document } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import type { Projection } from '#scim/projection.ts';
import { parseProjection } from '#scim/projection.ts';
import {
  entityTag,
  locationOf,
  renderGroup,
  renderGroupEnd,
  renderGroupStart,
  renderMembers,
  renderUser,
} from '#scim/render.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { send } from './answer.ts';
import type { ScimContext } from './context.ts';

/** The attributes that the query asks for (RFC 7644 §3.9); undefined: the default ones. */
export function projectionOf(ctx: ScimContext, type: ResourceType): Projection | undefined {
  if (ctx.querystring === '') return undefined;
  const parameters = new URLSearchParams(ctx.querystring);
  return parseProjection(
    type,
    parameters.get('attributes') ?? undefined,
    parameters.get('excludedAttributes') ?? undefined,
  );
}

/** The resource as JSON text. A group's members are those of `view.members` alone. */
export function renderResource(
  type: ResourceType,
  view: ResourceView,
  baseUrl: string,
  projection: Projection | undefined,
): string {
  const text = renderWhole(type, view, baseUrl, projection);
  const keptApart = type.name === 'User' ? 'groups' : 'members';
  if (projection === undefined || projection.isAllBut(keptApart)) return text;
  return JSON.stringify(projection.apply(JSON.parse(text) as Document)); // Our own text.
}

/** Answers with the resource, its Location and ETag (RFC 7644 §3.3, §3.14). */
export function sendResource(
  ctx: ScimContext,
  status: number,
  type: ResourceType,
  view: ResourceView,
  projection: Projection | undefined,
): void {
  setResourceHeaders(ctx, status, type, view);
  send(ctx, status, renderResource(type, view, ctx.state.baseUrl, projection));
}

export function setResourceHeaders(
  ctx: ScimContext,
  status: number,
  type: ResourceType,
  { id, version }: ResourceView,
): void {
  ctx.res.setHeader('ETag', entityTag(version));
  if (status !== 201) return;
  ctx.res.setHeader('Location', locationOf(type.name, id, ctx.state.baseUrl));
}

/**
 * True when If-None-Match names the version that is there: answered 304. Only for answers whose
 * every attribute moves the version, so never for one that shows a user's groups.
 */
export function isNotModified(ctx: ScimContext, version: number): boolean {
  const header = ctx.req.headers['if-none-match'];
  if (header === undefined) return false;
  const tags = entityTags(header);
  if (!tags.includes('*') && !tags.includes(entityTag(version))) return false;
  ctx.res.setHeader('ETag', entityTag(version));
  ctx.status = 304;
  return true;
}

/** The versions of an If-Match or If-None-Match header; strong and weak forms are alike here. */
export function entityTags(header: string): string[] {
  return header.split(',').map((tag) => {
    const trimmed = tag.trim();
    if (trimmed === '*') return '*';
    return trimmed.startsWith('W/') ? trimmed : `W/${trimmed}`;
  });
}

/** If-Match of a request that changes a resource; strict mode knows no preconditions. */
export function preconditionOf(ctx: ScimContext): readonly string[] | undefined {
  const header = ctx.req.headers['if-match'];
  return header === undefined || ctx.state.caller.strict ? undefined : entityTags(header);
}

/** Ids are letters, digits, `-` and `_`: whatever else is asked for can't be there. */
export function checkId(id: string, kind: 'user' | 'group'): void {
  if (ID.test(id)) return;
  const name = kind === 'user' ? 'userName' : 'displayName';
  throw new ScimError(
    'notFound',
    `There is no ${kind} with such an id. Use the id that the bridge gave; a filter by ${name} finds it.`,
  );
}

const ID = /^[A-Za-z0-9_-]{1,128}$/;

function renderWhole(
  type: ResourceType,
  view: ResourceView,
  baseUrl: string,
  projection: Projection | undefined,
): string {
  if (type.name === 'User') {
    return renderUser(
      view,
      baseUrl,
      projection?.wants('groups') === false ? undefined : view.groups,
    );
  }
  const ids = view.members?.ids ?? [];
  if (ids.length === 0 || projection?.wants('members') === false) return renderGroup(view, baseUrl);
  return renderGroupStart(view) + renderMembers(ids, baseUrl) + renderGroupEnd(view, baseUrl);
}
