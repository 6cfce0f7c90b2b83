import type { Connection } from './connection.ts';

/**
 * Ordered lists that know their ranks. `entries` holds a list's keys in order; above it lie three
 * levels of `nodes`. A node stands at a key of the level below, chosen by a hash of the key's sequence
 * (1 of 64), and knows how many entries lie from its key up to the next node of its level. Rank, place
 * and count of a range so read a few dozen rows on each level, for 10 entries as for 10 million.
 * Where nodes stand depends on the entries alone, not on the order they came in: no balancing, and
 * problems() can recompute them.
 */
export interface Key {
  readonly value: string;
  readonly sequence: number;
}

/** Where a range begins or ends: it includes `low` and ends before `high`. */
export interface Bound {
  readonly value: string | Uint8Array;
  readonly sequence: number;
}

export interface Bounds {
  readonly low: Bound;
  readonly high: Bound;
}

export const LEVELS = 3;
const FAN_OUT_BITS = 6;
const FAN_OUT_MASK = (1 << FAN_OUT_BITS) - 1;

/** Before each key (sequences begin at 1). Each level has a node here. */
export const HEAD: Key = { value: '', sequence: 0 };
/** After each key: SQLite sorts a blob after every text. */
export const END: Bound = { value: new Uint8Array(), sequence: 0 };

/** The number of a list, undefined when nothing was ever in it. */
export function findList(
  connection: Connection,
  account: number,
  collection: number,
  name: string,
): number | undefined {
  const cacheKey = `${account} ${collection} ${name}`;
  const known = connection.lists.get(cacheKey);
  if (known !== undefined) {
    return known;
  }
  const list = connection.one<{ list: number }>(
    'SELECT list FROM lists WHERE account = ? AND collection = ? AND name = ?',
    account,
    collection,
    name,
  )?.list;
  if (list !== undefined) {
    connection.lists.set(cacheKey, list);
  }
  return list;
}

export function findOrMakeList(
  connection: Connection,
  account: number,
  collection: number,
  name: string,
): number {
  const found = findList(connection, account, collection, name);
  if (found !== undefined) {
    return found;
  }
  connection.run(
    'INSERT INTO lists (account, collection, name) VALUES (?, ?, ?)',
    account,
    collection,
    name,
  );
  const list = findList(connection, account, collection, name);
  if (list === undefined) {
    throw new Error(`The list ${name} is absent right after it was made.`);
  }
  for (let level = 1; level <= LEVELS; level += 1) {
    insertNode(connection, list, level, HEAD, 0);
  }
  return list;
}

/** False when the key is there already. */
export function insertKey(connection: Connection, list: number, key: Key): boolean {
  const { value, sequence } = key;
  if (
    connection.run('INSERT OR IGNORE INTO entries VALUES (?, ?, ?)', list, value, sequence) === 0
  ) {
    return false;
  }
  const height = heightOf(sequence);
  for (let level = 1; level <= LEVELS; level += 1) {
    if (level > height) {
      widen(connection, list, level, key, 1);
    } else {
      const width = below(connection, list, level, key, nextNode(connection, list, level, key));
      widen(connection, list, level, key, 1 - width);
      insertNode(connection, list, level, key, width);
    }
  }
  return true;
}

/** False when there is no such key. */
export function removeKey(connection: Connection, list: number, key: Key): boolean {
  const { value, sequence } = key;
  const removed = connection.run(
    'DELETE FROM entries WHERE list = ? AND value = ? AND sequence = ?',
    list,
    value,
    sequence,
  );
  if (removed === 0) {
    return false;
  }
  const height = heightOf(sequence);
  for (let level = 1; level <= LEVELS; level += 1) {
    let by = -1;
    if (level <= height) {
      by += widthOf(connection, list, level, key) ?? 0;
      connection.run(
        'DELETE FROM nodes WHERE list = ? AND level = ? AND value = ? AND sequence = ?',
        list,
        level,
        value,
        sequence,
      );
    }
    widen(connection, list, level, key, by);
  }
  return true;
}

export function countRange(connection: Connection, list: number, { low, high }: Bounds): number {
  return rankOf(connection, list, high) - rankOf(connection, list, low);
}

/** How many keys of the list come before `bound`. */
export function rankOf(connection: Connection, list: number, bound: Bound): number {
  let from: Key = HEAD;
  let rank = 0;
  for (let level = LEVELS; level >= 1; level -= 1) {
    const node = connection.one<Key>(
      `SELECT value, sequence FROM nodes
       WHERE list = ? AND level = ? AND (value, sequence) < (?, ?)
       ORDER BY value DESC, sequence DESC LIMIT 1`,
      list,
      level,
      bound.value,
      bound.sequence,
    );
    if (node === undefined) {
      return 0;
    }
    rank += sumOfWidths(connection, list, level, from, node);
    from = node;
  }
  return rank + countEntries(connection, list, from, bound);
}

/** The key that `rank` keys come before; undefined when the list is not that long. */
export function keyAt(connection: Connection, list: number, rank: number): Key | undefined {
  let from: Key = HEAD;
  let left = rank;
  let isInside = true;
  for (let level = LEVELS; level >= 1 && isInside; level -= 1) {
    const nodes = connection.each<Key & { width: number }>(
      `SELECT value, sequence, width FROM nodes
       WHERE list = ? AND level = ? AND (value, sequence) >= (?, ?) ORDER BY value, sequence`,
      list,
      level,
      from.value,
      from.sequence,
    );
    isInside = false;
    for (const { value, sequence, width } of nodes) {
      if (left < width) {
        from = { value, sequence };
        isInside = true;
        break;
      }
      left -= width;
    }
  }
  if (!isInside) {
    return undefined;
  }
  return connection.one<Key>(
    `SELECT value, sequence FROM entries WHERE list = ? AND (value, sequence) >= (?, ?)
     ORDER BY value, sequence LIMIT 1 OFFSET ?`,
    list,
    from.value,
    from.sequence,
    left,
  );
}

/** On how many levels a node stands at a key of this sequence. */
export function heightOf(sequence: number): number {
  // Murmur3's finalizer: the bits of following numbers come out unrelated.
  let hash = (sequence % 2 ** 32) ^ (sequence / 2 ** 32);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  let height = 0;
  while (height < LEVELS && ((hash >>> (height * FAN_OUT_BITS)) & FAN_OUT_MASK) === 0) {
    height += 1;
  }
  return height;
}

/** What a node at `from` must have as its width: the entries from `from` to before `to`. */
export function below(
  connection: Connection,
  list: number,
  level: number,
  from: Key,
  to: Bound,
): number {
  return level === 1
    ? countEntries(connection, list, from, to)
    : sumOfWidths(connection, list, level - 1, from, to);
}

/** The node after `key` on its level. */
export function nextNode(connection: Connection, list: number, level: number, key: Key): Bound {
  const next = connection.one<Key>(
    `SELECT value, sequence FROM nodes
     WHERE list = ? AND level = ? AND (value, sequence) > (?, ?)
     ORDER BY value, sequence LIMIT 1`,
    list,
    level,
    key.value,
    key.sequence,
  );
  return next ?? END;
}

export function widthOf(
  connection: Connection,
  list: number,
  level: number,
  { value, sequence }: Key,
): number | undefined {
  const node = connection.one<{ width: number }>(
    'SELECT width FROM nodes WHERE list = ? AND level = ? AND value = ? AND sequence = ?',
    list,
    level,
    value,
    sequence,
  );
  return node?.width;
}

function countEntries(connection: Connection, list: number, from: Key, to: Bound): number {
  const counted = connection.one<{ count: number }>(
    `SELECT count(*) AS count FROM entries
     WHERE list = ? AND (value, sequence) >= (?, ?) AND (value, sequence) < (?, ?)`,
    list,
    from.value,
    from.sequence,
    to.value,
    to.sequence,
  );
  return counted?.count ?? 0;
}

function sumOfWidths(
  connection: Connection,
  list: number,
  level: number,
  from: Key,
  to: Bound,
): number {
  const summed = connection.one<{ width: number | null }>(
    `SELECT sum(width) AS width FROM nodes
     WHERE list = ? AND level = ? AND (value, sequence) >= (?, ?) AND (value, sequence) < (?, ?)`,
    list,
    level,
    from.value,
    from.sequence,
    to.value,
    to.sequence,
  );
  return summed?.width ?? 0;
}

function insertNode(
  connection: Connection,
  list: number,
  level: number,
  key: Key,
  width: number,
): void {
  connection.run(
    'INSERT INTO nodes (list, level, value, sequence, width) VALUES (?, ?, ?, ?, ?)',
    list,
    level,
    key.value,
    key.sequence,
    width,
  );
}

/** Changes the width of the node that `key` lies under. */
function widen(connection: Connection, list: number, level: number, key: Key, by: number): void {
  connection.run(
    `UPDATE nodes SET width = width + ?1
     WHERE list = ?2 AND level = ?3 AND (value, sequence) = (
       SELECT value, sequence FROM nodes
       WHERE list = ?2 AND level = ?3 AND (value, sequence) <= (?4, ?5)
       ORDER BY value DESC, sequence DESC LIMIT 1)`,
    by,
    list,
    level,
    key.value,
    key.sequence,
  );
}
