import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderUser } from '#scim/render.ts';

const BASE = 'https://scim.example.com/scim';

function rendered(createdMs: number, modifiedMs: number, labels: readonly string[] = []) {
  const state = { id: 'A1', version: 3, createdMs, modifiedMs, body: '{"id":"A1"}' };
  const groups = labels.map((label, place) => ({ id: `g${place}`, label }));
  return JSON.parse(renderUser(state, BASE, groups));
}

test('times are those of Date.toISOString', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.nat(100_000), (ms, later) => {
      const { meta } = rendered(ms, ms + later);
      assert.equal(meta.created, new Date(ms).toISOString());
      assert.equal(meta.lastModified, new Date(ms + later).toISOString());
    }),
  );
});

test('what is appended to a stored body is whole JSON, whatever a group is called', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }), (labels) => {
      const user = rendered(1, 1, labels);
      assert.deepEqual(
        (user.groups ?? []).map((group: { display: string }) => group.display),
        labels,
      );
      assert.equal(user.meta.location, `${BASE}/Users/A1`);
      assert.equal(user.meta.version, 'W/"3"');
    }),
  );
});
