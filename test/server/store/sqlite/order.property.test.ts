import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Connection } from '#store/sqlite/connection.ts';
import { openMemory } from '#store/sqlite/file.ts';
import {
  type Bound,
  below,
  countRange,
  END,
  findOrMakeList,
  HEAD,
  heightOf,
  insertKey,
  type Key,
  keyAt,
  LEVELS,
  nextNode,
  rankOf,
  removeKey,
} from '#store/sqlite/order.ts';

// Code points on both sides of the surrogates: UTF-16 order and UTF-8 order differ there.
const value = fc.string({ unit: fc.constantFrom('a', 'b', '\u{ffff}', '\u{10000}'), maxLength: 3 });
// Few values and sequences that reach every level, so that lists are dense and nodes are common.
const tall = Array.from({ length: 300_000 }, (_, n) => n + 1)
  .filter((sequence) => heightOf(sequence) > 0)
  .sort((left, right) => heightOf(right) - heightOf(left));
const sequence = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(...tall.slice(0, 40)),
  fc.constant(2 ** 40 - 1),
);
const key = fc.record({ value, sequence });
const step = fc.record({ isRemoval: fc.boolean(), key });

// Goal: rank, place and count answer as a sorted array does, after any inserts and removals, and
// each node counts what lies below it (problems() relies on that).
test('an ordered list answers as a sorted array', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120 }),
      fc.array(key, { maxLength: 5 }),
      (steps, asked) => {
        const connection = openMemory();
        const list = findOrMakeList(connection, 0, 0, 'names');
        const other = findOrMakeList(connection, 0, 0, 'others');
        insertKey(connection, other, { value: 'b', sequence: 7 });
        let model: Key[] = [];
        for (const { isRemoval, key } of steps) {
          const isThere = model.some((kept) => compare(kept, key) === 0);
          if (isRemoval) {
            assert.equal(removeKey(connection, list, key), isThere);
            model = model.filter((kept) => compare(kept, key) !== 0);
          } else {
            assert.equal(insertKey(connection, list, key), !isThere);
            model = isThere ? model : [...model, key].sort(compare);
          }
        }
        agrees(connection, list, model, asked);
        connection.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('about one key of 64 stands on the next level', () => {
  const heights = Array.from({ length: 64 ** 3 }, (_, sequence) => heightOf(sequence + 1));
  for (const [level, expected] of [
    [1, 64 ** 2],
    [2, 64],
  ] as const) {
    const standing = heights.filter((height) => height >= level).length;
    assert.ok(standing > expected * 0.5 && standing < expected * 1.5, `${level}: ${standing}`);
  }
});

function agrees(
  connection: Connection,
  list: number,
  model: readonly Key[],
  asked: readonly Key[],
): void {
  for (const [place, key] of model.entries()) {
    assert.equal(rankOf(connection, list, key), place);
    assert.deepEqual({ ...keyAt(connection, list, place) }, { ...key });
  }
  assert.equal(keyAt(connection, list, model.length), undefined);
  const bounds: Bound[] = [HEAD, ...asked, END];
  for (const low of bounds) {
    for (const high of bounds) {
      const inside = before(model, high) - before(model, low);
      assert.equal(countRange(connection, list, { low, high }), inside);
    }
  }
  const nodes = connection.all<Key & { level: number; width: number }>(
    'SELECT level, value, sequence, width FROM nodes WHERE list = ?',
    list,
  );
  const expected = model.reduce((sum, { sequence }) => sum + heightOf(sequence), LEVELS);
  assert.equal(nodes.length, expected);
  for (const node of nodes) {
    const next = nextNode(connection, list, node.level, node);
    assert.equal(node.width, below(connection, list, node.level, node, next));
  }
}

function before(model: readonly Key[], bound: Bound): number {
  return bound === END ? model.length : model.filter((key) => compare(key, bound) < 0).length;
}

function compare(left: Bound, right: Bound): number {
  const order = Buffer.compare(Buffer.from(left.value), Buffer.from(right.value));
  return order === 0 ? left.sequence - right.sequence : order;
}
