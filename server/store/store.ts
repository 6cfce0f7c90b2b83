/**
 * What the bridge keeps, and the rules that each change of it obeys. Redis and SQLite both pass
 * test/contract/store-contract.ts. The store knows no SCIM attribute: records are JSON text, the
 * directory says which index entries belong to them.
 *
 * Every method rejects with StoreUnavailable when the backend can't be reached or refuses a write
 * for lack of space; nothing that was refused is ever half there.
 */
export interface Store {
  /** The records with these ids, in the order of the ids; undefined where there is none. */
  get(
    collection: Collection,
    ids: readonly string[],
    include?: Include,
  ): Promise<(StoredRecord | undefined)[]>;

  /** One page of a range of an index. Costs by the page, at most logarithmically by the range. */
  query(query: Query): Promise<QueryResult>;

  /**
   * A slice of a group's members, in the order they were added. Pass the `next` of the slice before
   * to go on: a member present throughout appears exactly once, even while the list changes. When the
   * list is replaced or its group deleted meanwhile, the old one is read to its end; `OLD_LIST_MS`
   * later the read goes on in the new one. Undefined when the group does not exist.
   */
  members(groupId: string, after?: MemberPosition): Promise<MemberSlice | undefined>;

  /**
   * Applies all of it or nothing, durably before it resolves. Everything is checked before the
   * first write. An operation id that was seen within the last ten minutes is answered with its first
   * outcome: a connection may deliver a commit twice.
   */
  commit(commit: Commit): Promise<CommitOutcome>;

  /**
   * Starts a new member list beside the one that readers see, under the group's write lock (other
   * commits on the group answer `locked`). Undefined when another draft holds the lock, 'absent' when
   * there is no such group, unless the draft is `forNew`: then the commit that publishes it makes the
   * group. The lock ends by itself `lockMs` after the last `extendDraft`.
   */
  openDraft(
    groupId: string,
    lockMs: number,
    forNew?: boolean,
  ): Promise<MemberDraft | undefined | 'absent'>;

  /**
   * Adds at most MAX_PAIR_CHANGES members to a draft. Ids that no user has are left out and
   * returned. Undefined when the lock was lost: the draft is gone and is swept up by itself.
   */
  extendDraft(
    draft: MemberDraft,
    memberIds: readonly string[],
  ): Promise<{ readonly unknown: readonly string[] } | undefined>;

  /** Gives up a draft and frees the lock. A draft is published by `Commit.publish`. */
  dropDraft(draft: MemberDraft): Promise<void>;

  /**
   * Removes a bounded slice of what replaced member lists, dropped drafts, deleted groups and old
   * operation ids and events left behind. Resolves true while there is more that is due.
   */
  sweep(): Promise<boolean>;

  /** Events in the order they were appended, after the event `after` (undefined: from the first kept one). */
  events(after: string | undefined, limit: number): Promise<readonly StoredEvent[]>;

  /**
   * Takes or renews the lease `name` for `holder`. The fence grows with each change of holder and is
   * checked by `Commit.fence`. Undefined: another holds it. Time is the store's clock.
   */
  takeLease(name: string, holder: string, ttlMs: number): Promise<Lease | undefined>;

  /** Frees a lease if it is still the holder's. */
  releaseLease(lease: Lease): Promise<void>;

  /** Stores `value` under `name` if nothing is there yet; resolves to what is there now. */
  keepFirst(name: string, value: string): Promise<string>;

  /** What `keepFirst` stored under this name; undefined: nothing yet. */
  kept(name: string): Promise<string | undefined>;

  /**
   * Writes records and memberships as an export gave them (ids, sequences, versions, times).
   * Only for an account that holds nothing else at these ids. At most 1,000 lines a call.
   */
  restore(lines: readonly RestoreLine[]): Promise<void>;

  /** How many records each collection holds. */
  counts(): Promise<Readonly<Record<Collection, number>>>;

  /**
   * Walks everything and yields one sentence for each thing that is not whole: a record without an
   * index entry that `indexesOf` names or one too many, a membership in one direction only, a count
   * that is off. Yields nothing on a sound store.
   */
  problems(indexesOf: IndexesOf): AsyncIterable<string>;
}

/** A backend: one Redis or one SQLite file. Holds many accounts, each a Store of its own. */
export interface StoreBackend {
  readonly kind: 'redis' | 'sqlite';
  account(accountId: string): Store;
  /**
   * Tells every process that listens on this backend that something of `topic` has changed. It may
   * get lost, so who listens also looks from time to time. Does not reject.
   */
  announce(topic: string): void;
  /** Calls back at each announcement, and when one may have been missed. Returns what ends that. */
  listen(topic: string, listener: () => void): () => void;
  /**
   * Calls back at each loss of the connection, before anything is sent over the next one: who answers
   * there may hold something older, or nothing. Never where the store is a file.
   */
  onLoss(listener: () => void): void;
  /** Rejects with StoreUnavailable when a read or a write would. */
  health(): Promise<StoreHealth>;
  close(): Promise<void>;
}

/** What an account holds, read without changing anything, also beside a running bridge. */
export type StoreView = Pick<Store, 'get' | 'events' | 'kept'>;

export interface StoreHealth {
  /** Whether an acknowledged write survives a power cut of the backend. */
  readonly durability: 'durable' | 'may-lose-seconds' | 'memory-only';
  /** What to know or to do, for health and doctor; undefined when there is nothing to say. */
  readonly warning: string | undefined;
  /** Part of the memory limit in use, 0 to 1; undefined without a limit. */
  readonly memoryUse: number | undefined;
}

/** The backend can't be reached, or refuses writes. Answered 503 with Retry-After. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  /** For the client and the operator: no address, no password. */
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/**
 * `users` and `groups` are what readers see. `prepared` are changes not published yet, `outbox`
 * what the account is still to be told, `lastApplied` what it was told last, `deadLetters` what it
 * refused; `tombstones` remember deleted people. `tls` is of the bridge, not of an account: certificates
 * and what belongs to their renewal.
 */
export const COLLECTIONS = [
  'users',
  'groups',
  'tombstones',
  'prepared',
  'outbox',
  'lastApplied',
  'deadLetters',
  'tls',
] as const;
export type Collection = (typeof COLLECTIONS)[number];

/** Pair changes (group, member) in one commit; more go through a draft. */
export const MAX_PAIR_CHANGES = 1_000;
/** Members in one slice of `Store.members` and `Include.members`. */
export const MEMBER_SLICE = 1_000;
/** How long a list that was replaced, or whose group was deleted, stays for those who read it. */
export const OLD_LIST_MS = 60_000;

export interface StoredRecord {
  readonly id: string;
  /** Place in the account's create sequence: grows, is never reused. */
  readonly sequence: number;
  /** Grows by one with each change, for groups also of their members. */
  readonly version: number;
  /** Milliseconds since 1970 by the store's clock. `modifiedMs` never goes back. */
  readonly createdMs: number;
  readonly modifiedMs: number;
  /** A JSON object as text. */
  readonly body: string;
  /** With `Include.groups`, of users: the groups they are in now, by the groups' sequence. */
  readonly groups?: readonly GroupReference[];
  /** With `Include.members`, of groups: the first slice. May be empty with a `next` on big pages. */
  readonly members?: MemberSlice;
}

export interface GroupReference {
  readonly id: string;
  readonly label: string;
}

export interface MemberSlice {
  readonly ids: readonly string[];
  /** Undefined after the last slice. */
  readonly next: MemberPosition | undefined;
}

export interface MemberPosition {
  readonly generation: number;
  readonly sequence: number;
}

export interface Include {
  readonly groups?: boolean;
  readonly members?: boolean;
}

/** An entry of an ordered index. `value` is folded by the directory and holds no U+0000. */
export interface IndexEntry {
  readonly index: string;
  readonly value: string;
}

export type IndexesOf = (collection: Collection, body: string) => readonly IndexEntry[];

/**
 * What to read, and in which order. Entries of an index are ordered by value (UTF-8 bytes), then by
 * sequence. `sequence` and `modified` exist for each collection; `member` is the groups of a person.
 */
export type Range =
  | { readonly by: 'sequence' }
  /** Both bounds inclusive, in milliseconds. */
  | { readonly by: 'modified'; readonly fromMs?: number; readonly toMs?: number }
  | { readonly by: 'index'; readonly index: string }
  | { readonly by: 'index'; readonly index: string; readonly equals: string }
  | { readonly by: 'index'; readonly index: string; readonly startsWith: string }
  | { readonly by: 'member'; readonly memberId: string };

export interface Query {
  readonly collection: Collection;
  readonly range: Range;
  readonly descending?: boolean;
  /** Skip so many of the range (index paging) … */
  readonly offset?: number;
  /** … or go on after this position of the same range and direction (cursor paging, scans). */
  readonly after?: string;
  /** 0 only counts. */
  readonly limit: number;
  readonly include?: Include;
}

export interface QueryResult {
  /** Exact size of the range. */
  readonly total: number;
  readonly records: readonly StoredRecord[];
  /** Position of the last record given; undefined when the range ends with it. */
  readonly next: string | undefined;
}

export interface RecordWrite {
  readonly collection: Collection;
  readonly id: string;
  /** The version it must have now; undefined: it must not exist. */
  readonly expectedVersion: number | undefined;
  /** Undefined deletes. Deleting a user ends its memberships, deleting a group its member list. */
  readonly body: string | undefined;
  /** Index entries that are new, and those that no longer hold. */
  readonly added: readonly IndexEntry[];
  readonly removed: readonly IndexEntry[];
  /** Groups: the name that `GroupReference.label` shows. */
  readonly label?: string;
  /** Records that come back: the first version is one above this. */
  readonly previousVersion?: number;
}

/** No record but `except` may hold this entry, or the commit answers `claimed`. */
export interface Claim extends IndexEntry {
  readonly collection: Collection;
  readonly except?: string;
}

/**
 * Adds and removes members of one group; at most MAX_PAIR_CHANGES together. What is there already is
 * not added, what is absent not removed, and without any change the version stays.
 */
export interface MembershipWrite {
  readonly groupId: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
  /** The version the group must have; undefined: whatever it has. */
  readonly expectedVersion?: number;
  /** Ids that no user has: left out and reported, or the whole commit answers `unknownMembers`. */
  readonly onUnknown: 'skip' | 'refuse';
  /** Members that the group may have at most, or the commit answers `full`. */
  readonly limit: number;
}

export interface Commit {
  readonly operationId: string;
  readonly claims?: readonly Claim[];
  readonly writes?: readonly RecordWrite[];
  readonly membership?: MembershipWrite;
  /** Makes this draft the member list that readers see, in one step however long it is. */
  readonly publish?: { readonly draft: MemberDraft; readonly expectedVersion?: number };
  /**
   * JSON objects as text. Not written when the writes, membership and draft of the commit change
   * nothing; a commit of events alone always writes them.
   */
  readonly events?: readonly string[];
  readonly fence?: Lease;
}

export interface CommitDone {
  readonly outcome: 'done';
  /** Of each write, in order, then of the membership's or draft's group if no write named it. */
  readonly versions: readonly WrittenVersion[];
  readonly addedMembers: number;
  readonly removedMembers: number;
  readonly unknownMembers: readonly string[];
}

export interface WrittenVersion {
  readonly id: string;
  readonly sequence: number;
  readonly version: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
}

export type CommitOutcome =
  | CommitDone
  /** A record does not have the expected version. `version` undefined: it does not exist. */
  | { readonly outcome: 'version'; readonly id: string; readonly version: number | undefined }
  /** `claim` is the place in `Commit.claims`; `holderId` the record that holds the entry. */
  | { readonly outcome: 'claimed'; readonly claim: number; readonly holderId: string }
  | { readonly outcome: 'absentGroup' }
  | { readonly outcome: 'unknownMembers'; readonly ids: readonly string[] }
  | { readonly outcome: 'full' }
  /** A draft of this group is being written, or the commit's own draft lost its lock. */
  | { readonly outcome: 'locked' }
  /** The lease of `Commit.fence` has another holder now. */
  | { readonly outcome: 'fenced' };

export interface MemberDraft {
  readonly groupId: string;
  readonly generation: number;
  /** Proves who holds the lock. */
  readonly token: string;
}

export interface StoredEvent {
  readonly id: string;
  readonly timeMs: number;
  readonly body: string;
}

export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly fence: number;
}

export type RestoreLine =
  | {
      readonly kind: 'record';
      readonly collection: Collection;
      readonly record: Omit<StoredRecord, 'groups' | 'members'>;
      readonly indexes: readonly IndexEntry[];
      readonly label?: string;
    }
  | { readonly kind: 'members'; readonly groupId: string; readonly memberIds: readonly string[] };
