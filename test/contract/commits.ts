import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { suite } from 'node:test';
import { COLLECTIONS, type Commit } from '#store/store.ts';
import {
  type Check,
  changing,
  commit,
  commitDone,
  create,
  createUsers,
  creating,
  deleting,
  groupIdsOf,
  only,
  read,
  readMembers,
  sleep,
  updating,
} from './fixture.ts';

/** Records and the outcomes of commits. */
export function commitChecks(check: Check): void {
  suite('records', () => recordChecks(check));
  suite('commits: what is refused', () => refusalChecks(check));
  suite('commits: repeats and races', () => raceChecks(check));
}

function recordChecks(check: Check): void {
  check(
    'get gives records in the order of the ids, undefined where there is none',
    async (store) => {
      await createUsers(store, 3);
      const records = await store.get('users', ['u2', 'absent', 'u0', 'u2']);
      assert.deepEqual(
        records.map((record) => record?.id),
        ['u2', undefined, 'u0', 'u2'],
      );
      assert.deepEqual(await store.get('users', []), []);
      assert.deepEqual(await store.get('groups', ['u0']), [undefined]);
    },
  );

  check('each collection keeps its own records', async (store) => {
    for (const collection of COLLECTIONS) {
      await create(store, collection, 'same', { name: collection });
    }
    for (const collection of COLLECTIONS) {
      assert.equal(
        (await read(store, collection, 'same')).body,
        JSON.stringify({ name: collection }),
      );
    }
  });

  check('accounts do not see each other', async (store, another) => {
    const other = another();
    await create(store, 'users', 'u');
    assert.deepEqual(await other.get('users', ['u']), [undefined]);
    assert.equal((await other.counts()).users, 0);
    const claims = [{ collection: 'users', index: 'name', value: 'u' }] as const;
    const operationId = randomUUID();
    await store.commit({ operationId, writes: [creating('users', 'v')] });
    const parts = { claims, writes: [creating('users', 'u')], events: ['{}'] };
    assert.equal((await other.commit({ operationId, ...parts })).outcome, 'done');
    assert.deepEqual(await store.events(undefined, 10), []);
  });

  check('a body comes back as it was, whatever characters it has', async (store) => {
    const name = 'ä\u0001\u007f\\"\n\u2028 𝒳 \ufffd';
    await create(store, 'users', 'u', { name });
    assert.equal((await read(store, 'users', 'u')).body, JSON.stringify({ name }));
    const query = {
      collection: 'users',
      range: { by: 'index', index: 'name', equals: name },
    } as const;
    assert.equal((await store.query({ ...query, limit: 1 })).total, 1);
  });

  check('ids are opaque and case-sensitive', async (store) => {
    const ids = ['a', 'A', 'ä', 'a b', '1:2', '{x}', 'https://a.example/?b=c#d', '*', 'a\nb'];
    for (const id of ids) await create(store, 'users', id);
    assert.deepEqual(
      (await store.get('users', ids)).map((record) => record?.id),
      ids,
    );
    await create(store, 'groups', 'g 1:{y}');
    await commitDone(store, changing('g 1:{y}', { add: ids }));
    assert.deepEqual(await readMembers(store, 'g 1:{y}'), ids);
    assert.deepEqual(await groupIdsOf(store, 'a\nb'), ['g 1:{y}']);
  });

  check(
    'a version begins at one and grows by one; createdMs stays, modifiedMs never goes back',
    async (store) => {
      const created = await create(store, 'users', 'u');
      assert.equal(created.version, 1);
      assert.equal(created.createdMs, created.modifiedMs);
      assert.ok(Math.abs(created.createdMs - Date.now()) < 60_000);
      let before = await read(store, 'users', 'u');
      for (let version = 2; version < 5; version += 1) {
        const { versions } = await commitDone(store, {
          writes: [updating('users', before, { name: `n${version}` })],
        });
        const record = await read(store, 'users', 'u');
        const { groups: _groups, body: _body, ...written } = record;
        assert.deepEqual(only(versions), written);
        assert.equal(record.version, version);
        assert.equal(record.createdMs, created.createdMs);
        assert.equal(record.sequence, created.sequence);
        assert.ok(record.modifiedMs >= before.modifiedMs);
        before = record;
      }
    },
  );

  check('the sequence grows with each record of the account and is never reused', async (store) => {
    const first = await create(store, 'users', 'u');
    const second = await create(store, 'groups', 'g');
    await commitDone(store, { writes: [deleting('groups', await read(store, 'groups', 'g'))] });
    const third = await create(store, 'groups', 'g');
    assert.ok(first.sequence < second.sequence && second.sequence < third.sequence);
  });

  check('a record that comes back has the version after the one before', async (store) => {
    const write = { ...creating('users', 'u'), previousVersion: 7 };
    assert.equal(only((await commitDone(store, { writes: [write] })).versions).version, 8);
  });

  check('a deleted record is gone, and its index entries with it', async (store) => {
    await create(store, 'users', 'u', { name: 'ada', tags: ['x', 'y'] });
    const record = await read(store, 'users', 'u');
    const { versions } = await commitDone(store, { writes: [deleting('users', record)] });
    assert.equal(only(versions).id, 'u');
    assert.equal(only(versions).sequence, record.sequence);
    assert.deepEqual(await store.get('users', ['u']), [undefined]);
    for (const index of ['name', 'tag']) {
      const range = { by: 'index', index } as const;
      assert.equal((await store.query({ collection: 'users', range, limit: 0 })).total, 0);
    }
    assert.equal((await store.counts()).users, 0);
  });

  check(
    'versions are those of the writes in their order, then of a group that no write named',
    async (store) => {
      await create(store, 'groups', 'g');
      const writes = [creating('users', 'b'), creating('prepared', 'a')];
      const parts = { writes, ...changing('g', { add: ['b'] }) };
      const { versions, addedMembers } = await commitDone(store, parts);
      assert.deepEqual(
        versions.map(({ id, version }) => [id, version]),
        [
          ['b', 1],
          ['a', 1],
          ['g', 2],
        ],
      );
      assert.equal(addedMembers, 1);
    },
  );

  check('counts tells how many records each collection has', async (store) => {
    await createUsers(store, 3);
    await create(store, 'groups', 'g');
    const none = Object.fromEntries(COLLECTIONS.map((collection) => [collection, 0]));
    assert.deepEqual(await store.counts(), { ...none, users: 3, groups: 1 });
  });
}

function refusalChecks(check: Check): void {
  check('version: a record that is there, is absent, or has changed', async (store) => {
    await create(store, 'users', 'u');
    const before = await read(store, 'users', 'u');
    await commitDone(store, { writes: [updating('users', before, { name: 'two' })] });
    assert.deepEqual(await commit(store, { writes: [creating('users', 'u')] }), {
      outcome: 'version',
      id: 'u',
      version: 2,
    });
    for (const write of [updating('users', before, { name: 'x' }), deleting('users', before)]) {
      const refused = { outcome: 'version', id: 'u', version: 2 };
      assert.deepEqual(await commit(store, { writes: [write] }), refused);
      const absent = { outcome: 'version', id: 'v', version: undefined };
      assert.deepEqual(await commit(store, { writes: [{ ...write, id: 'v' }] }), absent);
    }
    assert.equal((await read(store, 'users', 'u')).body, JSON.stringify({ name: 'two' }));
  });

  check('claimed: names the claim and the holder; `except` may hold it', async (store) => {
    await create(store, 'users', 'u', { name: 'ada' });
    const free = { collection: 'users', index: 'name', value: 'ad' } as const;
    const taken = { ...free, value: 'ada' };
    const claimed = { outcome: 'claimed', claim: 1, holderId: 'u' };
    assert.deepEqual(await commit(store, { claims: [free, taken] }), claimed);
    assert.deepEqual(await commit(store, { claims: [{ ...taken, except: 'v' }, free] }), {
      ...claimed,
      claim: 0,
    });
    await commitDone(store, { claims: [free, { ...taken, except: 'u' }] });
    await commitDone(store, { claims: [{ ...taken, collection: 'groups' }] });
  });

  check('claimed: by the second holder when the first is excepted', async (store) => {
    for (const id of ['a', 'b']) await create(store, 'users', id, { name: 'twin' });
    const claim = { collection: 'users', index: 'name', value: 'twin' } as const;
    const outcomes = await Promise.all(
      ['a', 'b'].map((except) => commit(store, { claims: [{ ...claim, except }] })),
    );
    assert.deepEqual(outcomes, [
      { outcome: 'claimed', claim: 0, holderId: 'b' },
      { outcome: 'claimed', claim: 0, holderId: 'a' },
    ]);
  });

  check('absentGroup and full', async (store) => {
    await createUsers(store, 4);
    await create(store, 'groups', 'g');
    assert.deepEqual(await commit(store, changing('h', { add: ['u0'] })), {
      outcome: 'absentGroup',
    });
    const three = changing('g', { add: ['u0', 'u1', 'u2'], limit: 2 });
    assert.deepEqual(await commit(store, three), { outcome: 'full' });
    await commitDone(store, changing('g', { add: ['u0', 'u1'], limit: 2 }));
    await commitDone(store, changing('g', { add: ['u0'], limit: 2 }));
    await commitDone(store, changing('g', { add: ['u2'], remove: ['u1'], limit: 2 }));
    await commitDone(store, changing('g', { remove: ['u2'], limit: 0 }));
    assert.deepEqual(await readMembers(store, 'g'), ['u0']);
  });

  check(
    'unknownMembers: the whole commit is refused, or they are left out and reported',
    async (store) => {
      await create(store, 'users', 'u');
      await create(store, 'groups', 'g');
      const add = ['x', 'u', 'y', 'x'];
      const refused = { outcome: 'unknownMembers', ids: ['x', 'y'] };
      assert.deepEqual(await commit(store, changing('g', { add })), refused);
      assert.deepEqual(await readMembers(store, 'g'), []);
      const done = await commitDone(store, changing('g', { add, onUnknown: 'skip' }));
      assert.deepEqual([done.addedMembers, done.unknownMembers], [1, ['x', 'y']]);
      assert.deepEqual(await readMembers(store, 'g'), ['u']);
      const removal = await commitDone(store, changing('g', { remove: ['x'] }));
      assert.deepEqual([removal.removedMembers, removal.unknownMembers], [0, []]);
    },
  );

  check('nothing of a refused commit is there, whichever part was refused', async (store) => {
    await createUsers(store, 2);
    await create(store, 'groups', 'g');
    const before = await read(store, 'users', 'u0');
    const good: Omit<Commit, 'operationId'> = {
      writes: [creating('users', 'new'), updating('users', before, { name: 'changed' })],
      ...changing('g', { add: ['u0', 'new'] }),
      events: ['{"event":1}'],
    };
    const { membership } = changing('g', { add: ['u0', 'new'] });
    const twin = { collection: 'users', index: 'name', value: 'u1' } as const;
    const fence = { name: 'lease', holder: 'nobody', fence: 1 };
    const refused: Record<string, Omit<Commit, 'operationId'>> = {
      version: { ...good, writes: [...(good.writes ?? []), creating('users', 'u1')] },
      claimed: { ...good, claims: [twin] },
      absentGroup: { ...good, membership: { ...membership, groupId: 'h' } },
      unknownMembers: { ...good, membership: { ...membership, add: ['new', 'x'] } },
      full: { ...good, membership: { ...membership, limit: 1 } },
      fenced: { ...good, fence },
    };
    for (const [outcome, parts] of Object.entries(refused)) {
      assert.equal((await commit(store, parts)).outcome, outcome);
      assert.deepEqual(await read(store, 'users', 'u0'), before, outcome);
      assert.deepEqual(await store.get('users', ['new']), [undefined], outcome);
      assert.deepEqual(await readMembers(store, 'g'), [], outcome);
      assert.deepEqual(await store.events(undefined, 10), [], outcome);
    }
    await commitDone(store, good);
    assert.deepEqual(await readMembers(store, 'g'), ['u0', 'new']);
  });
}

function raceChecks(check: Check): void {
  check('a repeat of an operation id is answered with its first outcome', async (store) => {
    await createUsers(store, 2);
    const { membership } = changing('g', { add: ['u0', 'x'], onUnknown: 'skip' });
    const making: Commit = {
      operationId: 'making',
      writes: [creating('groups', 'g')],
      membership,
      events: ['{}'],
    };
    const taken: Commit = { operationId: 'taken', writes: [creating('users', 'u0')] };
    const first = [await store.commit(making), await store.commit(taken)];
    const user = await read(store, 'users', 'u0');
    await commitDone(store, { writes: [deleting('users', user)] });
    await sleep(5);
    assert.deepEqual([await store.commit(making), await store.commit(taken)], first);
    assert.deepEqual(await readMembers(store, 'g'), []);
    assert.equal((await store.events(undefined, 10)).length, 1);
    assert.equal((await store.commit({ ...taken, operationId: 'other' })).outcome, 'done');
  });

  check('a repeat of each refusal is answered alike', async (store) => {
    await create(store, 'users', 'u', { name: 'ada' });
    await create(store, 'groups', 'g');
    const claim = { collection: 'users', index: 'name', value: 'ada' } as const;
    const commits: Omit<Commit, 'operationId'>[] = [
      { claims: [claim] },
      { writes: [{ ...creating('users', 'v'), expectedVersion: 3 }] },
      changing('h'),
      changing('g', { add: ['x', 'y'] }),
      changing('g', { add: ['u'], limit: 0 }),
    ];
    for (const parts of commits) {
      const operationId = randomUUID();
      const first = await store.commit({ operationId, ...parts });
      assert.notEqual(first.outcome, 'done');
      assert.deepEqual(await store.commit({ operationId, ...parts }), first);
    }
  });

  check('of 20 racing creates that claim one value, one is done', async (store) => {
    const claims = [{ collection: 'users', index: 'name', value: 'ada' }] as const;
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        commit(store, { claims, writes: [creating('users', `u${n}`, { name: 'ada' })] }),
      ),
    );
    const done = outcomes.filter(({ outcome }) => outcome === 'done');
    assert.equal(done.length, 1);
    const holderId = only(
      (await store.query({ collection: 'users', range: { by: 'sequence' }, limit: 30 })).records,
    ).id;
    for (const outcome of outcomes) {
      if (outcome.outcome !== 'done')
        assert.deepEqual(outcome, { outcome: 'claimed', claim: 0, holderId });
    }
  });

  check('20 membership commits at once lose nothing', async (store) => {
    const ids = await createUsers(store, 20);
    await create(store, 'groups', 'g');
    await Promise.all(ids.map((id) => commitDone(store, changing('g', { add: [id] }))));
    assert.deepEqual((await readMembers(store, 'g')).toSorted(), ids.toSorted());
    assert.equal((await read(store, 'groups', 'g')).version, 21);
  });

  check('of 20 racing updates of one version, one is done', async (store) => {
    await create(store, 'users', 'u');
    const before = await read(store, 'users', 'u');
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        commit(store, { writes: [updating('users', before, { name: `n${n}` })] }),
      ),
    );
    assert.equal(outcomes.filter(({ outcome }) => outcome === 'done').length, 1);
    assert.equal((await read(store, 'users', 'u')).version, 2);
  });
}
