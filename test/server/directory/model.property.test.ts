import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Directory } from '#directory/directory.ts';
import { ScimError } from '#scim/errors.ts';
import { foldCase } from '#scim/fold.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import {
  assertSound,
  directoryOn,
  eventsOf,
  membersOf,
  type OpenedStore,
  openStore,
  STORE_KINDS,
} from '../../support/directory.ts';
import { find, type Query } from '../../support/search.ts';
import { type Step, step, type Target, targetOf } from './model-steps.ts';
import { NaiveDirectory, type NaiveUser, type UserAttributes } from './naive-directory.ts';

const opened: OpenedStore[] = [];

before(async () => {
  for (const kind of STORE_KINDS) opened.push(await openStore(kind));
});
after(async () => {
  for (const store of opened) await store.close();
});

test('random requests do to both stores what they do to a naive directory', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
    async (steps) => {
      const model = new NaiveDirectory();
      const twins = opened.map(({ backend }) => new Twin(backend.account(`model-${randomUUID()}`)));
      for (const [n, each] of steps.entries()) {
        const target = targetOf(model, each.about);
        const expected = each.expect(model, target);
        for (const twin of twins) {
          assert.deepEqual(await twin.run(each, target), expected, `step ${n}`);
        }
      }
      for (const twin of twins) await twin.compare(model);
      const [first, second] = await Promise.all(twins.map((twin) => twin.memberLists(model)));
      assert.deepEqual(first, second);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

/** Resources are told by the order in which they were first made: their ids differ. */
class Twin {
  readonly directory: Directory;
  readonly #ids: string[] = [];

  constructor(store: Directory['store']) {
    this.directory = directoryOn(store);
  }

  id(key: number): string {
    return this.#ids[key] ?? `none${key}`;
  }

  async run(step: Step, { user, group, members }: Target): Promise<object> {
    try {
      const { id, version, changed } = await step.run(this.directory, {
        id: this.id(step.about.user === undefined ? group : user),
        memberIds: members.map((key) => this.id(key)),
      });
      if (!this.#ids.includes(id)) this.#ids.push(id);
      return { key: this.#ids.indexOf(id), version, changed };
    } catch (thrown) {
      if (!(thrown instanceof ScimError)) throw thrown;
      return { problem: thrown.problem };
    }
  }

  async compare(model: NaiveDirectory): Promise<void> {
    const { directory } = this;
    for (const { query, expect } of LISTS) {
      const expected = expect(model);
      const about = `${query.type.name} ${query.filter ?? ''} by ${query.by ?? ''}`;
      const page = await find(directory, { ...query, offset: 1, limit: 3 });
      assert.equal(page.total, expected.length, about);
      assert.deepEqual(this.#keys(page.records), expected.slice(1, 4), about);
      const whole = await find(directory, { ...query, after: '', limit: 100 });
      assert.deepEqual(this.#keys(whole.records), expected, about);
    }
    for (const user of model.users) await this.#compareUser(model, user);
    for (const { key, version, displayName } of model.groups) {
      const [record] = await directory.store.get('groups', [this.id(key)]);
      assert.equal(record?.version, version);
      assert.equal(JSON.parse(record.body).displayName, displayName);
    }
    assert.equal((await eventsOf(directory)).length, model.changes);
    await assertSound(directory);
  }

  /** The order of members is the stores' own; they have to agree on it. */
  memberLists(model: NaiveDirectory): Promise<(readonly number[])[]> {
    return Promise.all(
      model.groups.map(async ({ key, members }) => {
        const ids = await membersOf(this.directory, this.id(key));
        const keys = ids.map((id) => this.#ids.indexOf(id));
        assert.deepEqual(new Set(keys), members);
        return keys;
      }),
    );
  }

  async #compareUser(
    model: NaiveDirectory,
    { key, version, attributes }: NaiveUser,
  ): Promise<void> {
    const { store } = this.directory;
    const [record] = await store.get('users', [this.id(key)], { groups: true });
    assert.equal(record?.version, version);
    const { emails, ...stored } = JSON.parse(record.body);
    const { schemas, id, ...rest } = stored;
    const values = emails?.map(({ value }: { value: string }) => value);
    assert.deepEqual({ ...rest, ...(values && { emails: values }) }, attributes);
    const groups = record.groups?.map((each) => this.#ids.indexOf(each.id));
    assert.deepEqual(groups, model.groupsOf(key));
  }

  #keys(records: readonly { readonly id: string }[]): number[] {
    return records.map(({ id }) => this.#ids.indexOf(id));
  }
}

interface List {
  readonly query: Query;
  expect(model: NaiveDirectory): readonly number[];
}

const LISTS: readonly List[] = [
  users('', () => true),
  users('userName eq "ADA"', ({ userName }) => foldCase(userName) === 'ada'),
  users('userName sw "É"', ({ userName }) => foldCase(userName).startsWith('é')),
  users('externalId eq "e-1"', ({ externalId }) => externalId === 'e-1'),
  users('displayName eq "a"', ({ displayName }) => displayName?.toLowerCase() === 'a'),
  users(
    'emails.value eq "a@x"',
    ({ emails }) => emails?.some((value) => foldCase(value) === 'a@x') === true,
  ),
  users('active eq false', ({ active }) => active === false),
  users(
    'active eq true and displayName eq "A"',
    ({ active, displayName }) => active === true && displayName?.toLowerCase() === 'a',
  ),
  users(
    'title eq "x" or not (emails pr)',
    ({ title, emails }) => title === 'x' || emails === undefined,
  ),
  users(
    '',
    () => true,
    'userName',
    ({ userName }) => foldCase(userName),
  ),
  users(
    '',
    () => true,
    'displayName',
    ({ displayName }) => displayName?.toLowerCase(),
  ),
  users(
    'active eq true',
    ({ active }) => active === true,
    'displayName',
    ({ displayName }) => displayName?.toLowerCase(),
  ),
  users(
    '',
    () => true,
    'title',
    ({ title }) => title,
  ),
  {
    query: { type: GROUP },
    expect: ({ groups }) => groups.map((each) => each.key),
  },
  {
    query: { type: GROUP, filter: 'displayName eq "A"' },
    expect: ({ groups }) =>
      groups.filter(({ displayName }) => foldCase(displayName) === 'a').map((each) => each.key),
  },
  {
    query: { type: GROUP, filter: 'members pr', by: 'displayName' },
    expect: ({ groups }) =>
      groups
        .filter(({ members }) => members.size > 0)
        .toSorted((a, b) => (foldCase(a.displayName) < foldCase(b.displayName) ? -1 : 1))
        .map((each) => each.key),
  },
];

function users(
  filter: string,
  matches: (user: UserAttributes) => boolean,
  by?: string,
  keyOf: (user: UserAttributes) => string | undefined = () => '',
): List {
  const last = '\u{10FFFF}';
  return {
    query: {
      type: USER,
      ...(filter === '' ? {} : { filter }),
      ...(by === undefined ? {} : { by }),
    },
    expect: (model) =>
      model.users
        .filter((user) => matches(user.attributes))
        .toSorted((a, b) => a.sequence - b.sequence)
        .toSorted((a, b) => {
          const [left, right] = [keyOf(a.attributes) ?? last, keyOf(b.attributes) ?? last];
          return left < right ? -1 : left > right ? 1 : 0;
        })
        .map((user) => user.key),
  };
}
