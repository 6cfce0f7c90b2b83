import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sweepTombstones, TOMBSTONE_DAYS } from '#directory/tombstones.ts';
import { createUser, deleteUser } from '#directory/users.ts';
import { addPerson, assertSound, CALLER, onEachStore, person } from '../../support/directory.ts';

const DAY_MS = 86_400_000;

onEachStore('tombstones', (newDirectory) => {
  const daysOn = (days: number): number => Date.now() + days * DAY_MS;

  test('who was deleted comes back with the same id while the tombstone is kept', async () => {
    const directory = newDirectory();
    const { store } = directory;
    const id = await addPerson(directory, { userName: 'ada', externalId: 'e-1' });
    await deleteUser(directory, CALLER, id, undefined);
    assert.equal(await sweepTombstones(store, daysOn(TOMBSTONE_DAYS - 1)), false);
    assert.equal((await store.counts()).tombstones, 1);
    const { view } = await createUser(directory, CALLER, person({ userName: 'ada' }));
    assert.equal(view.id, id);
  });

  test('afterwards nothing is left of it, and the name belongs to a new person', async () => {
    const directory = newDirectory();
    const { store } = directory;
    const id = await addPerson(directory, { userName: 'ada', externalId: 'e-1' });
    const other = await addPerson(directory, { userName: 'grace' });
    await deleteUser(directory, CALLER, id, undefined);
    await sweepTombstones(store, daysOn(TOMBSTONE_DAYS + 1));
    assert.deepEqual({ ...(await store.counts()) }.tombstones, 0);
    await assertSound(directory);
    const { view } = await createUser(directory, CALLER, person({ userName: 'ada' }));
    assert.notEqual(view.id, id);
    assert.equal((await store.get('users', [other]))[0]?.id, other);
  });

  test('many are swept in slices, by two replicas at once', async () => {
    const directory = newDirectory();
    const { store } = directory;
    for (let n = 0; n < 120; n += 1) {
      const id = await addPerson(directory, { userName: `leaver-${n}` });
      await deleteUser(directory, CALLER, id, undefined);
    }
    const nowMs = daysOn(TOMBSTONE_DAYS + 1);
    assert.equal(await sweepTombstones(store, nowMs), true);
    assert.equal((await store.counts()).tombstones, 20);
    await Promise.all([sweepTombstones(store, nowMs), sweepTombstones(store, nowMs)]);
    assert.equal((await store.counts()).tombstones, 0);
    await assertSound(directory);
  });
});
