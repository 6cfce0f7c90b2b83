import type { Document } from '#scim/document.ts';
import type { CompiledFilter } from '#scim/filter/compile.ts';
import { entityTag } from '#scim/render.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import type { StoredRecord } from '#store/store.ts';
import type { Directory } from './directory.ts';
import { parseBody } from './indexes.ts';
import { readMembers } from './member-change.ts';

/** A resource with as much of what is kept apart from its body as the filter asks for. */
export async function filterView(
  { store }: Directory,
  type: ResourceType,
  record: StoredRecord,
  filter: CompiledFilter,
): Promise<Document> {
  const document = parseBody(record.body);
  if (filter.references('meta')) withTimes(record, document, type);
  if (record.groups !== undefined && filter.references('groups')) {
    document['groups'] = record.groups.map(({ id, label }) => {
      return { value: id, display: label, type: 'direct' };
    });
  }
  if (type.name === 'Group' && filter.references('members')) {
    const members = (await readMembers(store, record.id)) ?? [];
    document['members'] = [...members].map((value) => ({ value, type: 'User' }));
  }
  return document;
}

/** Adds `meta` to a document made from this record. */
export function withTimes(record: StoredRecord, document: Document, type?: ResourceType): Document {
  document['meta'] = {
    ...(type === undefined ? {} : { resourceType: type.name }),
    created: new Date(record.createdMs).toISOString(),
    lastModified: new Date(record.modifiedMs).toISOString(),
    version: entityTag(record.version),
  };
  return document;
}
