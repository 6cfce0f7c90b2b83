import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CURSOR_LIFE_SECONDS, openCursors } from '#directory/cursor.ts';
import type { ProblemName } from '#scim/errors.ts';
import { ScimError } from '#scim/errors.ts';
import { onEachStore } from '../../support/directory.ts';

const AT = { query: 'users by name', position: '0:ada@example.com\0\u{1F600}' };
const NOW_MS = Date.UTC(2031, 4, 4);

onEachStore('cursors', (newDirectory) => {
  test('what was sealed is opened, also by another replica', async () => {
    const { store } = newDirectory();
    const here = await openCursors(store, () => NOW_MS);
    const there = await openCursors(store, () => NOW_MS + 1_000);
    const cursor = here.seal(AT);
    assert.match(cursor, /^[A-Za-z0-9_-]+$/);
    assert.notEqual(here.seal(AT), cursor);
    assert.doesNotMatch(Buffer.from(cursor, 'base64url').toString('latin1'), /ada|users/);
    for (const cursors of [here, there]) assert.deepEqual(cursors.open(cursor, AT.query), AT);
  });

  test('a cursor ends', async () => {
    const { store } = newDirectory();
    let nowMs = NOW_MS;
    const cursors = await openCursors(store, () => nowMs);
    const cursor = cursors.seal(AT);
    nowMs += CURSOR_LIFE_SECONDS * 1_000;
    assert.deepEqual(cursors.open(cursor, AT.query), AT);
    nowMs += 1;
    refuses('expiredCursor', () => cursors.open(cursor, AT.query));
  });

  test('a cursor of another query, another account or nobody is invalid', async () => {
    const { store } = newDirectory();
    const cursors = await openCursors(store, () => NOW_MS);
    const foreign = await openCursors(newDirectory().store, () => NOW_MS);
    const cursor = cursors.seal(AT);
    refuses('invalidCursor', () => cursors.open(cursor, 'users by number'));
    refuses('invalidCursor', () => cursors.open(foreign.seal(AT), AT.query));
    for (const text of [
      'x',
      '0',
      'ä',
      'A'.repeat(37),
      'A'.repeat(38),
      'A'.repeat(500),
      cursor.slice(0, -4),
    ]) {
      refuses('invalidCursor', () => cursors.open(text, AT.query));
    }
  });

  test('a cursor with any byte changed is invalid', async () => {
    const { store } = newDirectory();
    const cursors = await openCursors(store, () => NOW_MS);
    const bytes = Buffer.from(cursors.seal(AT), 'base64url');
    for (let place = 0; place < bytes.length; place += 1) {
      const tampered = Buffer.from(bytes);
      tampered.writeUInt8(tampered.readUInt8(place) ^ 1, place);
      refuses('invalidCursor', () => cursors.open(tampered.toString('base64url'), AT.query));
    }
  });
});

function refuses(problem: ProblemName, action: () => unknown): void {
  assert.throws(action, (thrown) => {
    assert.ok(thrown instanceof ScimError);
    assert.equal(thrown.problem, problem);
    assert.match(thrown.message, /Begin again/);
    return true;
  });
}
