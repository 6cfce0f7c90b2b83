import type { GroupReference, MemberSlice, Store } from '#store/store.ts';

/** What the operations of the directory need: the store of one account, and how it is run. */
export interface Directory {
  readonly store: Store;
  /** Ids that no user has, in a request that sets members: leave them out, or refuse it all. */
  readonly onUnknownMembers: 'skip' | 'refuse';
  /** Time that a filter without an index may take for one page. */
  readonly scanLimitMs: number;
}

/** Members that a group may have. */
export const GROUP_MEMBERS_MAX = 100_000;

/** A resource as it is stored, ready to be rendered. */
export interface ResourceView {
  readonly id: string;
  readonly version: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly body: string;
  /** Of users, when they were asked for. */
  readonly groups?: readonly GroupReference[];
  /** Of groups, when they were asked for: the first slice. */
  readonly members?: MemberSlice;
}

/** What a write did, and to what. */
export interface WriteResult {
  readonly view: ResourceView;
  readonly changed: boolean;
  /** Member ids of the request that no user has. */
  readonly unknownMembers: readonly string[];
}
