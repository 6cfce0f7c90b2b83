import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { StoreBackend } from '#store/store.ts';
import { eventually } from '../support/eventually.ts';
import { sleep } from './fixture.ts';

/** What one process tells the others. */
export function announcementChecks(backend: () => StoreBackend): void {
  suite('announcements', () => {
    test('who listens hears each announcement of the topic, and no other', async () => {
      const heard = { first: 0, second: 0, other: 0 };
      const count = (name: keyof typeof heard) => () => {
        heard[name] += 1;
      };
      const ends = [
        backend().listen('topic', count('first')),
        backend().listen('topic', count('second')),
        backend().listen('other', count('other')),
      ];
      await settled();
      const before = { ...heard };
      backend().announce('topic');
      await eventually(async () => {
        assert.deepEqual(heard, { ...before, first: before.first + 1, second: before.second + 1 });
      }, 2_000);
      for (const end of ends) end();
    });

    test('who has ended to listen hears nothing', async () => {
      let heard = 0;
      const end = backend().listen('topic', () => {
        heard += 1;
      });
      await settled();
      end();
      const before = heard;
      backend().announce('topic');
      await settled();
      assert.equal(heard, before);
    });
  });
}

/** A new listener may be called once, for what it has missed. */
function settled(): Promise<void> {
  return sleep(200);
}
