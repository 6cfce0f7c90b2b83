import type { ResourceView } from '#directory/directory.ts';
import { renderGroupEnd, renderGroupStart, renderMembers } from '#scim/render.ts';
import type { MemberPosition, Store } from '#store/store.ts';

/** A big group is sent as it is read, so that its size costs no memory. `next` is where to go on. */
export async function* groupInSlices(
  store: Store,
  view: ResourceView,
  next: MemberPosition,
  baseUrl: string,
): AsyncGenerator<string> {
  yield renderGroupStart(view);
  const first = view.members?.ids ?? [];
  if (first.length > 0) yield renderMembers(first, baseUrl);
  let separator = first.length > 0 ? ',' : '';
  let position: MemberPosition | undefined = next;
  while (position !== undefined) {
    const slice = await store.members(view.id, position);
    if (slice === undefined) break;
    if (slice.ids.length > 0) {
      yield separator + renderMembers(slice.ids, baseUrl);
      separator = ',';
    }
    position = slice.next;
  }
  yield renderGroupEnd(view, baseUrl);
}
