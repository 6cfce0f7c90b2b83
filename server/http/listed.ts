import type { Document } from '#scim/document.ts';
import type { Projection } from '#scim/projection.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import type { StoredRecord } from '#store/store.ts';
import type { ScimContext } from './context.ts';
import { groupInSlices } from './groups.ts';
import { renderResource } from './resource.ts';

/** One resource of a list. A group whose members did not fit into the page is read on to its end. */
export async function renderListed(
  ctx: ScimContext,
  type: ResourceType,
  record: StoredRecord,
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
