import { COLLECTIONS, type Collection, type IndexesOf } from '../store.ts';
import { packEntries } from './commit.ts';
import type { RedisConnection } from './connect.ts';
import { fixed } from './keys.ts';
import { decodeRecord } from './read.ts';
import {
  CHECK_COUNTERS,
  CHECK_MEMBERS,
  CHECK_MEMBERSHIPS,
  FIND_MISSING_ENTRIES,
  READ_ENTRIES,
} from './scripts/problems.ts';
import type { Script } from './scripts/shared.ts';

/** Records, entries or people looked at in one script: well below a millisecond each. */
const SLICE = 200;

/**
 * `Store.problems`. Each comparison is one script, so that writes going on meanwhile are never
 * taken for damage. Sentences name ids and indexes, no values.
 */
export async function* problemsOf(
  connection: RedisConnection,
  prefix: string,
  indexesOf: IndexesOf,
): AsyncIterable<string> {
  const walk = new Walk(connection, prefix, indexesOf);
  // SCAN may give a key twice.
  const told = new Set<string>();
  for await (const sentence of walk.sentences()) {
    if (told.has(sentence)) continue;
    told.add(sentence);
    yield sentence;
  }
}

class Walk {
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #indexesOf: IndexesOf;

  constructor(connection: RedisConnection, prefix: string, indexesOf: IndexesOf) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#indexesOf = indexesOf;
  }

  async *sentences(): AsyncIterable<string> {
    for (const collection of COLLECTIONS) yield* this.#records(collection);
    yield* this.#references();
    const pattern = `${this.#prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
    for await (const keys of this.#connection.scan(pattern)) {
      const names = keys.map((key) => key.slice(this.#prefix.length));
      for (const name of names) {
        const [collection, index] = orderedIndexOf(name);
        if (collection !== undefined) yield* this.#entries(collection, index);
        const list = /^m:(\d+):(.+)$/s.exec(name);
        if (list !== null) yield* this.#members(name, list[1] ?? '', list[2] ?? '');
      }
      const users = names.filter((name) => name.startsWith('in:')).map((name) => name.slice(3));
      yield* this.#memberships(users);
    }
  }

  /** Each record has the index entries that it names. */
  async *#records(collection: Collection): AsyncIterable<string> {
    for await (const slice of this.#pairs('hscan', collection)) {
      const args: string[] = [collection];
      for (const [id, raw] of slice) {
        const entries = this.#entriesNamed(collection, id, raw);
        if (entries === undefined) {
          yield `${collection} ${id}: the record can not be read.`;
        } else {
          args.push(id, raw.slice(0, raw.indexOf('\n') + 1), packEntries(entries));
        }
      }
      const missing = await this.#run(FIND_MISSING_ENTRIES, args);
      for (const [id, index] of pairsOf(missing)) {
        yield `${collection} ${id}: its entry in the index ${index} is missing.`;
      }
    }
  }

  /** Each index entry is named by its record. */
  async *#entries(collection: Collection, index: string): AsyncIterable<string> {
    for await (const slice of this.#pairs('zscan', `${collection}:${index}`)) {
      const args: string[] = [collection, `${collection}:${index}`];
      for (const [entry] of slice) args.push(entry, entry.slice(entry.indexOf('\0') + 13));
      const found = await this.#run(READ_ENTRIES, args);
      for (let at = 0; at < found.length; at += 3) {
        const [entry = '', id = '', raw = ''] = found.slice(at, at + 3);
        if (raw === '') {
          yield `${collection} ${id}: the index ${index} has an entry, but there is no such record.`;
        } else if (!this.#names(collection, index, entry, id, raw)) {
          yield `${collection} ${id}: the index ${index} has an entry that the record does not name.`;
        }
      }
    }
  }

  /** Each member of a list has a user, and a membership that says the same. */
  async *#members(list: string, generation: string, groupId: string): AsyncIterable<string> {
    for await (const slice of this.#pairs('zscan', list)) {
      const args = [generation, groupId, ...slice.map(([id]) => id)];
      const wrong = await this.#connection.run(CHECK_MEMBERS, this.#prefix, args);
      if (wrong === 'stray') {
        yield `groups ${groupId}: there is a member list that no group or draft owns.`;
        return;
      }
      for (const id of asStrings(wrong)) {
        yield `groups ${groupId}: its member ${id} is no user, or does not know of the group.`;
      }
    }
  }

  /** Each membership of a person is in the list of the group. */
  async *#memberships(userIds: readonly string[]): AsyncIterable<string> {
    for (let from = 0; from < userIds.length; from += SLICE) {
      const wrong = await this.#run(CHECK_MEMBERSHIPS, userIds.slice(from, from + SLICE));
      for (const [userId, groupId] of pairsOf(wrong)) {
        yield `users ${userId}: is in group ${groupId}, whose list or whose user is not there.`;
      }
    }
  }

  /** Each reference has a group, and no number is given out again. */
  async *#references(): AsyncIterable<string> {
    yield* this.#counters([]);
    for await (const slice of this.#pairs('hscan', 'groups:ref')) {
      yield* this.#counters(slice.map(([id]) => id));
    }
  }

  async *#counters(groupIds: readonly string[]): AsyncIterable<string> {
    const args = [...groupIds, '/', ...COLLECTIONS];
    const reply = await this.#connection.run(CHECK_COUNTERS, this.#prefix, args);
    const [wrong, isBehind, isOld] = reply as [string[], number, number]; // as CHECK_COUNTERS answers
    for (const id of wrong) yield `groups ${id}: there is a reference, but no such group.`;
    if (isBehind === 1) yield 'The counter of the create sequence is behind a record.';
    if (isOld === 1) yield 'The counter of the member lists is behind a group.';
  }

  /** What HSCAN and ZSCAN give, in slices of at most SLICE. */
  async *#pairs(
    command: string,
    key: string,
  ): AsyncIterable<readonly (readonly [string, string])[]> {
    let cursor = '0';
    do {
      const args = [this.#prefix + key, cursor, 'COUNT', String(SLICE)];
      const reply = await this.#connection.command(command, args);
      const [next, flat] = reply as [string, string[]]; // as HSCAN and ZSCAN answer
      const pairs = pairsOf(flat);
      for (let from = 0; from < pairs.length; from += SLICE) yield pairs.slice(from, from + SLICE);
      cursor = next;
    } while (cursor !== '0');
  }

  /** Undefined when the record is not what the store or the directory writes. */
  #entriesNamed(collection: Collection, id: string, raw: string): Entries | undefined {
    if (!/^\d+ \d+ \d+ \d+\n/.test(raw)) return undefined;
    try {
      return this.#indexesOf(collection, decodeRecord(id, raw, '', '').body);
    } catch {
      return undefined;
    }
  }

  #names(collection: Collection, index: string, entry: string, id: string, raw: string): boolean {
    const entries = this.#entriesNamed(collection, id, raw);
    if (entries === undefined) return false;
    const { sequence, modifiedMs } = decodeRecord(id, raw, '', '');
    const position = entry.indexOf('\0');
    if (entry.slice(position + 1) !== fixed(sequence) + id) return false;
    const value = entry.slice(0, position);
    if (index === 'sequence') return value === '';
    if (index === 'modified') return value === fixed(modifiedMs);
    return entries.some((named) => `index:${named.index}` === index && named.value === value);
  }

  async #run(script: Script, args: readonly string[]): Promise<readonly string[]> {
    return asStrings(await this.#connection.run(script, this.#prefix, args));
  }
}

type Entries = ReturnType<IndexesOf>;

/** Collection and index of an ordered index: `sequence`, `modified` or `index:<name>`. */
function orderedIndexOf(name: string): [Collection, string] | [undefined, ''] {
  const collection = COLLECTIONS.find((known) => name.startsWith(`${known}:`));
  const index = name.slice((collection?.length ?? 0) + 1);
  const isOrdered = index === 'sequence' || index === 'modified' || index.startsWith('index:');
  return collection !== undefined && isOrdered ? [collection, index] : [undefined, ''];
}

function pairsOf(flat: readonly string[]): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let n = 0; n < flat.length; n += 2) pairs.push([flat[n] ?? '', flat[n + 1] ?? '']);
  return pairs;
}

/** Parsed boundary: the scripts named here answer lists of strings. */
function asStrings(reply: unknown): readonly string[] {
  return reply as readonly string[];
}
