import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MemberEdit } from '#scim/patch/operation.ts';
import { type Commit, MAX_PAIR_CHANGES, type Store } from '#store/store.ts';
import { type Directory, GROUP_MEMBERS_MAX } from './directory.ts';

/** Pairs to add and to remove; each id once. */
export interface PairChanges {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** Ids handled between two turns of the event loop: well below a millisecond. */
const SLICE = 2_000;

/**
 * The net effect of edits that only name ids. Undefined when they replace or search the list, or
 * when there are more than one commit takes: then the list itself has to be read.
 */
export function smallChange(edits: readonly MemberEdit[]): PairChanges | undefined {
  const wanted = new Map<string, boolean>();
  for (const edit of edits) {
    if (edit.kind !== 'add' && edit.kind !== 'remove') return undefined;
    for (const id of edit.ids) {
      wanted.set(id, edit.kind === 'add');
      if (wanted.size > MAX_PAIR_CHANGES) return undefined;
    }
  }
  const add: string[] = [];
  const remove: string[] = [];
  for (const [id, isMember] of wanted) (isMember ? add : remove).push(id);
  return { add, remove };
}

/** All members of a group, in order, read in slices. Undefined when the group is gone. */
export async function readMembers(store: Store, groupId: string): Promise<Set<string> | undefined> {
  const members = new Set<string>();
  let slice = await store.members(groupId);
  for (;;) {
    if (slice === undefined) return undefined;
    for (const id of slice.ids) members.add(id);
    if (slice.next === undefined) return members;
    slice = await store.members(groupId, slice.next);
    await nextTurn();
  }
}

/** The list that the edits make of `current`, in the order of adding. */
export async function applyEdits(
  current: ReadonlySet<string>,
  edits: readonly MemberEdit[],
): Promise<Set<string>> {
  let members = new Set<string>();
  await inSlices(current, (id) => members.add(id));
  for (const edit of edits) {
    if (edit.kind === 'clear' || edit.kind === 'replace') members = new Set();
    if (edit.kind === 'add' || edit.kind === 'replace') {
      await inSlices(edit.ids, (id) => members.add(id));
    } else if (edit.kind === 'remove') {
      await inSlices(edit.ids, (id) => members.delete(id));
    } else if (edit.kind === 'removeWhere') {
      const matches = edit.matches;
      await inSlices([...members], (id) => matches(id) && members.delete(id));
    }
  }
  return members;
}

/** What turns one list into the other; undefined when it is more than one commit takes. */
export async function difference(
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
): Promise<PairChanges | undefined> {
  const add: string[] = [];
  const remove: string[] = [];
  await inSlices(after, (id) => before.has(id) || add.push(id));
  await inSlices(before, (id) => after.has(id) || remove.push(id));
  return add.length + remove.length > MAX_PAIR_CHANGES ? undefined : { add, remove };
}

/** How many members come and go from one list to the other. */
export async function countChanges(
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
): Promise<{ readonly add: number; readonly remove: number }> {
  let kept = 0;
  await inSlices(after, (id) => {
    if (before.has(id)) kept += 1;
  });
  return { add: after.size - kept, remove: before.size - kept };
}

export function isEmpty({ add, remove }: PairChanges): boolean {
  return add.length + remove.length === 0;
}

/** The part of a commit that changes members; none when there is nothing to change. */
export function membershipPart(
  directory: Directory,
  groupId: string,
  changes: PairChanges,
  expectedVersion: number | undefined,
): Pick<Commit, 'membership'> {
  if (isEmpty(changes)) return {};
  return {
    membership: {
      groupId,
      ...changes,
      ...(expectedVersion === undefined ? {} : { expectedVersion }),
      onUnknown: directory.onUnknownMembers,
      limit: GROUP_MEMBERS_MAX,
    },
  };
}

async function inSlices<T>(values: Iterable<T>, visit: (value: T) => unknown): Promise<void> {
  let untilPause = SLICE;
  for (const value of values) {
    visit(value);
    if (--untilPause === 0) {
      untilPause = SLICE;
      await nextTurn();
    }
  }
}
