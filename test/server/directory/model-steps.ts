import fc from 'fast-check';
import type { Directory } from '#directory/directory.ts';
import { createGroup, deleteGroup, patchGroup, replaceGroup } from '#directory/groups.ts';
import { createUser, deleteUser, patchUser, replaceUser } from '#directory/users.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { CALLER, group, operations, person } from '../../support/directory.ts';
import type { NaiveDirectory, UserAttributes } from './naive-directory.ts';

/** A request in two languages: as the naive directory understands it, and as ours does. */
export interface Step {
  /** Whom it is about, by numbers that are to be put on what is there at that time. */
  readonly about: About;
  expect(model: NaiveDirectory, target: Target): object;
  run(
    directory: Directory,
    target: Ids,
  ): Promise<{ id: string; version: number; changed: boolean }>;
  toString(): string;
}

interface About {
  readonly user?: number;
  readonly group?: number;
  readonly members?: readonly number[];
}

export interface Target {
  readonly user: number;
  readonly group: number;
  readonly members: readonly number[];
}

/** The target in the words of one store. */
export interface Ids {
  readonly id: string;
  readonly memberIds: readonly string[];
}

/** The highest number stands for nobody. */
export function targetOf(
  { users, groups }: NaiveDirectory,
  { user, group, members = [] }: About,
): Target {
  const pick = (all: readonly { readonly key: number }[], n = NOBODY) =>
    n === NOBODY ? NOBODY : (all[n % Math.max(1, all.length)]?.key ?? NOBODY);
  return {
    user: pick(users, user),
    group: pick(groups, group),
    members: [...new Set(members.map((n) => pick(users, n)))],
  };
}

const NOBODY = 19;

const userName = fc.constantFrom('ada', 'Ada', 'bob', 'carl', 'Émile', 'émile');
const optional = {
  externalId: fc.constantFrom('e-1', 'e-2'),
  displayName: fc.constantFrom('A', 'a', 'B'),
  title: fc.constantFrom('x', 'y'),
  active: fc.boolean(),
  emails: fc.uniqueArray(fc.constantFrom('a@x', 'A@x', 'b@x'), { minLength: 1 }),
};
const attributes = fc.record(
  { userName, ...optional },
  { requiredKeys: ['userName'], noNullPrototype: true },
);
const key = fc.nat({ max: 19 });
const keys = fc.array(key, { maxLength: 5 });
const groupName = fc.constantFrom('A', 'a', 'B', 'C');

const createsUser = attributes.map((posted) =>
  aStep(
    `create ${JSON.stringify(posted)}`,
    {},
    (model) => model.createUser(posted),
    async (directory) => resultOf(await createUser(directory, CALLER, person(bodyOf(posted)))),
  ),
);
const replacesUser = fc.tuple(key, attributes).map(([n, put]) =>
  aStep(
    `put ${n} ${JSON.stringify(put)}`,
    { user: n },
    (model, { user }) =>
      model.updateUser(user, (known) => ({ ...put, active: put.active ?? known.active ?? true })),
    async (directory, { id }) =>
      resultOf(await replaceUser(directory, CALLER, id, person(bodyOf(put)), undefined)),
  ),
);
const patchesUser = fc
  .tuple(
    key,
    fc.record({ userName, ...optional }, { requiredKeys: [], noNullPrototype: true }),
    fc.boolean(),
  )
  .map(([n, change, removesName]) =>
    aStep(
      `patch ${n} ${JSON.stringify(change)} ${removesName}`,
      { user: n },
      (model, { user }) =>
        model.updateUser(user, ({ displayName, ...left }) => {
          const isKept = displayName !== undefined && !removesName;
          return { ...left, ...(isKept && { displayName }), ...change };
        }),
      async (directory, { id }) => {
        const list = operations(
          USER,
          ...(removesName ? [{ op: 'remove', path: 'displayName' }] : []),
          { op: 'replace', value: bodyOf(change) },
        );
        return resultOf(await patchUser(directory, CALLER, id, list, undefined));
      },
    ),
  );
const deletesUser = key.map((n) =>
  aStep(
    `delete user ${n}`,
    { user: n },
    (model, { user }) => model.deleteUser(user),
    async (directory, { id }) => {
      const [record] = await directory.store.get('users', [id]);
      await deleteUser(directory, CALLER, id, undefined);
      return { id, version: record?.version ?? 0, changed: true };
    },
  ),
);
const createsGroup = fc.tuple(groupName, keys).map(([name, list]) =>
  aStep(
    `create group ${name} ${list}`,
    { members: list },
    (model, { members }) => model.createGroup(name, members),
    async (directory, { memberIds }) =>
      resultOf(await createGroup(directory, CALLER, group(name), memberIds)),
  ),
);
const replacesGroup = fc.tuple(key, groupName, keys).map(([n, name, list]) =>
  aStep(
    `put group ${n} ${name} ${list}`,
    { group: n, members: list },
    (model, { group, members }) => model.updateGroup(group, name, () => members),
    async (directory, { id, memberIds }) =>
      resultOf(await replaceGroup(directory, CALLER, id, group(name), memberIds, undefined)),
  ),
);
const patchesGroup = fc
  .tuple(
    key,
    fc.option(groupName, { nil: undefined }),
    fc.array(fc.constantFrom('add', 'remove', 'replace', 'clear'), { minLength: 1, maxLength: 3 }),
    keys,
  )
  .map(([n, name, ops, list]) =>
    aStep(
      `patch group ${n} ${name} ${ops} ${list}`,
      { group: n, members: list },
      (model, { group, members }) =>
        model.updateGroup(group, name, (known) => {
          let left = [...known];
          for (const [place, op] of ops.entries()) {
            const listed = portion(members, place);
            if (op === 'clear' || op === 'replace') left = [];
            if (op === 'remove') left = left.filter((each) => !listed.includes(each));
            if (op === 'add' || op === 'replace') left.push(...listed);
          }
          return left;
        }),
      (directory, target) => patchMembers(directory, target, name, ops),
    ),
  );
const deletesGroup = key.map((n) =>
  aStep(
    `delete group ${n}`,
    { group: n },
    (model, { group }) => model.deleteGroup(group),
    async (directory, { id }) => {
      const [record] = await directory.store.get('groups', [id]);
      await deleteGroup(directory, CALLER, id, undefined);
      return { id, version: record?.version ?? 0, changed: true };
    },
  ),
);
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: createsUser },
  { weight: 2, arbitrary: replacesUser },
  { weight: 4, arbitrary: patchesUser },
  { weight: 2, arbitrary: deletesUser },
  { weight: 2, arbitrary: createsGroup },
  { weight: 2, arbitrary: replacesGroup },
  { weight: 4, arbitrary: patchesGroup },
  { weight: 1, arbitrary: deletesGroup },
);

async function patchMembers(
  directory: Directory,
  { id, memberIds }: Ids,
  name: string | undefined,
  ops: readonly string[],
): ReturnType<Step['run']> {
  const list = ops.flatMap((op, place) => {
    const value = portion(memberIds, place).map((each) => ({ value: each }));
    if (op === 'clear') return [{ op: 'remove', path: 'members' }];
    // A remove that lists nobody would remove them all.
    return op === 'remove' && value.length === 0 ? [] : [{ op, path: 'members', value }];
  });
  const rename = { op: 'replace', value: name === undefined ? {} : { displayName: name } };
  const parsed = operations(GROUP, rename, ...list);
  const { changed } = await patchGroup(directory, CALLER, id, parsed, undefined);
  const [record] = await directory.store.get('groups', [id]);
  return { id, version: record?.version ?? 0, changed };
}

/** Each operation of a PATCH names some of the members. */
function portion<T>(members: readonly T[], place: number): readonly T[] {
  return members.filter((_, n) => (n + place) % 2 === 0);
}

function aStep(title: string, about: About, expect: Step['expect'], run: Step['run']): Step {
  return { about, expect, run, toString: () => title };
}

function resultOf({ view, changed }: { view: { id: string; version: number }; changed: boolean }): {
  id: string;
  version: number;
  changed: boolean;
} {
  return { id: view.id, version: view.version, changed };
}

function bodyOf({ emails, ...rest }: Partial<UserAttributes>): object {
  return { ...rest, ...(emails && { emails: emails.map((value) => ({ value })) }) };
}
