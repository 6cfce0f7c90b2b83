import type { ResourceView } from '#directory/directory.ts';
import type { Document } from '#scim/document.ts';
import type { Projection } from '#scim/projection.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import { groupInSlices } from './big-group.ts';
import type { ScimContext } from './context.ts';
import { renderResource } from './resource.ts';

/** A resource as text. A group of which the first read brought but a slice is read on to its end. */
export async function renderListed(
  ctx: ScimContext,
  type: ResourceType,
  record: ResourceView,
  projection: Projection | undefined,
): Promise<string> {
  const { baseUrl, account } = ctx.state;
  const next = record.members?.next;
  if (next === undefined) return renderResource(type, record, baseUrl, projection);
  let text = '';
  for await (const part of groupInSlices(account.directory.store, record, next, baseUrl)) {
    text += part;
  }
  if (projection === undefined) return text;
  return JSON.stringify(projection.apply(JSON.parse(text) as Document)); // Our own text.
}
