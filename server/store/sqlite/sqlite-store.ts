import {
  COLLECTIONS,
  type Collection,
  type Commit,
  type CommitOutcome,
  type Include,
  type IndexesOf,
  type Lease,
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
import type { Connection } from './connection.ts';
import { unavailable } from './failure.ts';
import { findProblems } from './problems.ts';
import { runQuery } from './query.ts';
import { inclusionOf, readEvents, readMembers, readName, readRecord } from './read.ts';
import { findAccount } from './work.ts';
import type { WriteQueue } from './write-queue.ts';

/** One account of the database: reads on this thread, writes through the queue. */
export class SqliteStore implements Store {
  readonly #reader: Connection;
  readonly #writes: WriteQueue;
  readonly #accountId: string;
  #account: number | undefined;
  #turn: Promise<void> | undefined;

  constructor(reader: Connection, writes: WriteQueue, accountId: string) {
    this.#reader = reader;
    this.#writes = writes;
    this.#accountId = accountId;
  }

  async get(
    collection: Collection,
    ids: readonly string[],
    include?: Include,
  ): Promise<(StoredRecord | undefined)[]> {
    const inclusion = inclusionOf(include);
    await this.#together();
    const [id] = ids;
    if (ids.length === 1 && id !== undefined && !inclusion.members) {
      return [this.#readOne(collection, id, inclusion)];
    }
    const absent = ids.map(() => undefined);
    return this.#read(absent, (account) =>
      ids.map((id) => readRecord(this.#reader, account, collection, id, inclusion)),
    );
  }

  async query(query: Query): Promise<QueryResult> {
    await this.#together();
    return this.#read({ total: 0, records: [], next: undefined }, (account) =>
      runQuery(this.#reader, account, query),
    );
  }

  async members(groupId: string, after?: MemberPosition): Promise<MemberSlice | undefined> {
    await this.#together();
    return this.#read(undefined, (account) => readMembers(this.#reader, account, groupId, after));
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    return this.#writes.request('commit', this.#accountId, commit);
  }

  async openDraft(
    groupId: string,
    lockMs: number,
    forNew = false,
  ): Promise<MemberDraft | undefined | 'absent'> {
    return this.#writes.request('openDraft', this.#accountId, groupId, lockMs, forNew);
  }

  async extendDraft(
    draft: MemberDraft,
    memberIds: readonly string[],
  ): Promise<{ readonly unknown: readonly string[] } | undefined> {
    return this.#writes.request('extendDraft', this.#accountId, draft, memberIds);
  }

  async dropDraft(draft: MemberDraft): Promise<void> {
    return this.#writes.request('dropDraft', this.#accountId, draft);
  }

  async sweep(): Promise<boolean> {
    return this.#writes.request('sweep', this.#accountId);
  }

  async events(after: string | undefined, limit: number): Promise<readonly StoredEvent[]> {
    return this.#read([], (account) => readEvents(this.#reader, account, after, limit));
  }

  async takeLease(name: string, holder: string, ttlMs: number): Promise<Lease | undefined> {
    return this.#writes.request('takeLease', this.#accountId, name, holder, ttlMs);
  }

  async releaseLease(lease: Lease): Promise<void> {
    return this.#writes.request('releaseLease', this.#accountId, lease);
  }

  async keepFirst(name: string, value: string): Promise<string> {
    return (
      (await this.kept(name)) ?? this.#writes.request('keepFirst', this.#accountId, name, value)
    );
  }

  async kept(name: string): Promise<string | undefined> {
    return this.#read(undefined, (account) => readName(this.#reader, account, name));
  }

  async restore(lines: readonly RestoreLine[]): Promise<void> {
    return this.#writes.request('restore', this.#accountId, lines);
  }

  async counts(): Promise<Readonly<Record<Collection, number>>> {
    const counts: Record<Collection, number> = {
      users: 0,
      groups: 0,
      tombstones: 0,
      prepared: 0,
      outbox: 0,
      lastApplied: 0,
      deadLetters: 0,
      tls: 0,
    };
    return this.#read(counts, (account) => {
      for (const collection of COLLECTIONS) {
        const query = { collection, range: { by: 'sequence' }, limit: 0 } as const;
        counts[collection] = runQuery(this.#reader, account, query).total;
      }
      return counts;
    });
  }

  async *problems(indexesOf: IndexesOf): AsyncIterable<string> {
    const account = this.#read(undefined, (found) => found);
    if (account !== undefined) {
      yield* findProblems({ connection: this.#reader, account, indexesOf });
    }
  }

  /**
   * Resolves when all requests of this turn of the event loop were taken in: their answers then leave
   * one right after the other. An answer that leaves alone wakes its reader alone, which costs more
   * than the read.
   */
  #together(): Promise<void> {
    this.#turn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = undefined;
        resolve();
      });
    });
    return this.#turn;
  }

  /** One statement: of one moment without a transaction. */
  #readOne(
    collection: Collection,
    id: string,
    inclusion: ReturnType<typeof inclusionOf>,
  ): StoredRecord | undefined {
    try {
      const account = this.#findAccount();
      if (account === undefined) return undefined;
      return readRecord(this.#reader, account, collection, id, inclusion);
    } catch (thrown) {
      throw unavailable(thrown) ?? thrown;
    }
  }

  /** What `work` reads is of one moment; `absent` for an account that was never written to. */
  #read<T>(absent: T, work: (account: number) => T): T {
    try {
      const account = this.#findAccount();
      return account === undefined ? absent : this.#reader.read(() => work(account));
    } catch (thrown) {
      throw unavailable(thrown) ?? thrown;
    }
  }

  #findAccount(): number | undefined {
    this.#account ??= findAccount(this.#reader, this.#accountId);
    return this.#account;
  }
}
