import { randomUUID } from 'node:crypto';
import {
  COLLECTIONS,
  type Collection,
  type Commit,
  type CommitOutcome,
  type Include,
  type IndexesOf,
  type Lease,
  MAX_PAIR_CHANGES,
  MEMBER_SLICE,
  type MemberDraft,
  type MemberPosition,
  type MemberSlice,
  type Query,
  type QueryResult,
  type RestoreLine,
  type Store,
  type StoredEvent,
  type StoredRecord,
} from '../store.ts';
import { decodeOutcome, encodeCommit } from './commit.ts';
import type { RedisConnection } from './connect.ts';
import { GatheredReads } from './gathered-reads.ts';
import { problemsOf } from './problems.ts';
import {
  decodeMembers,
  decodeQuery,
  decodeRecords,
  encodeQuery,
  type IncludeArgument,
  includeArgument,
} from './read.ts';
import { restoreLines } from './restore.ts';
import { COMMIT } from './scripts/commit.ts';
import { DROP_DRAFT, EXTEND_DRAFT, OPEN_DRAFT, SWEEP } from './scripts/drafts.ts';
import { GET, MEMBERS, QUERY } from './scripts/read.ts';
import type { Script } from './scripts/shared.ts';
import { COUNTS, KEEP_FIRST, RELEASE_LEASE, TAKE_LEASE } from './scripts/upkeep.ts';

/** Events older than this are swept away. */
const EVENT_LIFE_MS = 30 * 24 * 3_600_000;
/** Pairs that one sweep removes: a few milliseconds of Redis. */
const SWEEP_SLICE = 250;

/** Waits until what was written before is on disk, where Redis does not see to that by itself. */
export type Durably = () => Promise<void>;

/** The store of one account. Each call is one script or command of Redis, so one atomic step. */
export class RedisStore implements Store {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #durably: Durably;
  /** By collection and what is included. */
  readonly #singleReads = new Map<string, GatheredReads>();

  constructor(connection: RedisConnection, prefix: string, durably: Durably) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#durably = durably;
  }

  async get(
    collection: Collection,
    ids: readonly string[],
    include?: Include,
  ): Promise<(StoredRecord | undefined)[]> {
    const added = includeArgument(collection, include);
    const [id] = ids;
    if (id === undefined) return [];
    // Member lists share what one answer may hold: two groups at once would get less than one.
    if (ids.length > 1 || added === 'members') return this.#getAll(collection, ids, added);
    const kind = `${collection} ${added}`;
    let reads = this.#singleReads.get(kind);
    if (reads === undefined) {
      reads = new GatheredReads(
        (send) => this.#connection.atEndOfTurn(send),
        (gathered) => this.#getAll(collection, gathered, added),
      );
      this.#singleReads.set(kind, reads);
    }
    return [await reads.get(id)];
  }

  async #getAll(
    collection: Collection,
    ids: readonly string[],
    added: IncludeArgument,
  ): Promise<(StoredRecord | undefined)[]> {
    if (added === '') {
      const raws = await this.#connection.command('hmget', [this.#prefix + collection, ...ids]);
      return decodeRecords(ids, raws as (string | null)[], added); // as HMGET answers
    }
    const joined = await this.#run(GET, [collection, added, ...ids]);
    return decodeRecords(ids, String(joined).split('\0'), added);
  }

  async query(query: Query): Promise<QueryResult> {
    const reply = await this.#run(QUERY, encodeQuery(query));
    return decodeQuery(query, reply as [number, string, string?]); // as QUERY answers
  }

  async members(groupId: string, after?: MemberPosition): Promise<MemberSlice | undefined> {
    const from = [String(after?.generation ?? ''), String(after?.sequence ?? 0)];
    const reply = await this.#run(MEMBERS, [groupId, String(MEMBER_SLICE), ...from]);
    return reply === null ? undefined : decodeMembers(String(reply));
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    const text = await this.#run(COMMIT, encodeCommit(commit));
    await this.#durably();
    return decodeOutcome(String(text));
  }

  async openDraft(
    groupId: string,
    lockMs: number,
    forNew = false,
  ): Promise<MemberDraft | undefined | 'absent'> {
    const token = randomUUID();
    const reply = await this.#run(OPEN_DRAFT, [
      groupId,
      String(lockMs),
      token,
      forNew ? 'new' : '',
    ]);
    if (reply === null) return undefined;
    return reply === 'absent' ? 'absent' : { groupId, generation: Number(reply), token };
  }

  async extendDraft(
    draft: MemberDraft,
    memberIds: readonly string[],
  ): Promise<{ readonly unknown: readonly string[] } | undefined> {
    if (memberIds.length > MAX_PAIR_CHANGES) {
      throw new Error(`A slice of a draft has at most ${MAX_PAIR_CHANGES} members.`);
    }
    const reply = await this.#run(EXTEND_DRAFT, [...draftArguments(draft), ...memberIds]);
    return reply === null ? undefined : { unknown: reply as string[] }; // as EXTEND_DRAFT answers
  }

  async dropDraft(draft: MemberDraft): Promise<void> {
    await this.#run(DROP_DRAFT, draftArguments(draft));
  }

  async sweep(): Promise<boolean> {
    return (await this.#run(SWEEP, [String(SWEEP_SLICE), String(EVENT_LIFE_MS)])) === 1;
  }

  async events(after: string | undefined, limit: number): Promise<readonly StoredEvent[]> {
    if (limit < 1) return [];
    const start = after === undefined ? '-' : `(${after}`;
    const args = [`${this.#prefix}events`, start, '+', 'COUNT', String(limit)];
    const reply = await this.#connection.command('xrange', args);
    const entries = reply as [string, string[]][]; // as XRANGE answers
    return entries.map(([id, fields]) => ({
      id,
      timeMs: Number.parseInt(id, 10),
      body: fields[1] ?? '',
    }));
  }

  async takeLease(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    const fence = await this.#run(TAKE_LEASE, [name, holder, String(ttlMs)]);
    return fence === null ? undefined : { name, holder, fence: Number(fence) };
  }

  async releaseLease(lease: Lease): Promise<void> {
    await this.#run(RELEASE_LEASE, [lease.name, lease.holder, String(lease.fence)]);
  }

  async keepFirst(name: string, value: string): Promise<string> {
    const kept = await this.#run(KEEP_FIRST, [name, value]);
    await this.#durably();
    return String(kept);
  }

  async kept(name: string): Promise<string | undefined> {
    const value = await this.#connection.command('hget', [`${this.#prefix}kept`, name]);
    return value === null ? undefined : String(value);
  }

  async restore(lines: readonly RestoreLine[]): Promise<void> {
    await restoreLines(lines, (script, args) => this.#run(script, args));
    await this.#durably();
  }

  async counts(): Promise<Readonly<Record<Collection, number>>> {
    const reply = (await this.#run(COUNTS, COLLECTIONS)) as number[]; // as COUNTS answers
    const counts = COLLECTIONS.map((collection, n) => [collection, reply[n] ?? 0] as const);
    return Object.fromEntries(counts) as Record<Collection, number>; // one entry for each
  }

  problems(indexesOf: IndexesOf): AsyncIterable<string> {
    return problemsOf(this.#connection, this.#prefix, indexesOf);
  }

  #run(script: Script, args: readonly string[]): Promise<unknown> {
    return this.#connection.run(script, this.#prefix, args);
  }
}

function draftArguments(draft: MemberDraft): string[] {
  return [draft.groupId, String(draft.generation), draft.token];
}
