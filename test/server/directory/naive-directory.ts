import { foldCase } from '#scim/fold.ts';

/** People and groups by the plainest means: lists, loops, and the words of the RFC. */
export interface NaiveUser {
  readonly key: number;
  sequence: number;
  version: number;
  attributes: UserAttributes;
}

export interface UserAttributes {
  readonly userName: string;
  readonly externalId?: string;
  readonly displayName?: string;
  readonly title?: string;
  readonly active?: boolean;
  readonly emails?: readonly string[];
}

export interface NaiveGroup {
  readonly key: number;
  readonly sequence: number;
  version: number;
  displayName: string;
  readonly members: Set<number>;
}

interface Grave {
  readonly key: number;
  readonly version: number;
  readonly attributes: UserAttributes;
}

export type NaiveOutcome =
  | { readonly problem: 'uniqueness' | 'notFound' }
  | { readonly key: number; readonly version: number; readonly changed: boolean };

const TAKEN = { problem: 'uniqueness' } as const;
const ABSENT = { problem: 'notFound' } as const;

export class NaiveDirectory {
  users: NaiveUser[] = [];
  groups: NaiveGroup[] = [];
  /** Requests that changed something: each has one event. */
  changes = 0;
  #graves: Grave[] = [];
  #nextKey = 0;
  #nextSequence = 0;

  createUser(posted: UserAttributes): NaiveOutcome {
    const isNamed = (each: { attributes: UserAttributes }) => sameName(each.attributes, posted);
    const isIdentified = (each: { attributes: UserAttributes }) =>
      posted.externalId !== undefined && each.attributes.externalId === posted.externalId;
    for (const isMatch of [isNamed, isIdentified]) {
      const present = this.#oldest().find(isMatch);
      if (present !== undefined) return this.#adopt(present, posted);
      for (const grave of this.#graves.filter(isMatch)) {
        if (!isOther(grave.attributes, posted)) return this.#bringBack(grave, posted);
        this.#graves = this.#graves.filter((each) => each !== grave);
      }
    }
    return this.#add(this.#nextKey++, 1, posted);
  }

  updateUser(key: number, change: (before: UserAttributes) => UserAttributes): NaiveOutcome {
    const user = this.users.find((each) => each.key === key);
    if (user === undefined) return ABSENT;
    const attributes = change(user.attributes);
    const isRename = !sameName(attributes, user.attributes);
    if (
      isRename &&
      this.users.some((each) => each !== user && sameName(each.attributes, attributes))
    ) {
      return TAKEN;
    }
    if (canonical(attributes) === canonical(user.attributes)) return unchanged(user);
    user.attributes = attributes;
    return this.#changed(user);
  }

  deleteUser(key: number): NaiveOutcome {
    const user = this.users.find((each) => each.key === key);
    if (user === undefined) return ABSENT;
    this.users = this.users.filter((each) => each !== user);
    this.#graves.push({ key, version: user.version, attributes: user.attributes });
    for (const group of this.groups) if (group.members.delete(key)) group.version += 1;
    this.changes += 1;
    return { key, version: user.version, changed: true };
  }

  createGroup(displayName: string, members: readonly number[]): NaiveOutcome {
    if (this.#holder(displayName) !== undefined) return TAKEN;
    const group = {
      key: this.#nextKey++,
      sequence: this.#nextSequence++,
      version: 0,
      displayName,
      members: new Set(members.filter((key) => this.#isUser(key))),
    };
    this.groups.push(group);
    return this.#changed(group);
  }

  updateGroup(
    key: number,
    displayName: string | undefined,
    edit: (members: ReadonlySet<number>) => Iterable<number>,
  ): NaiveOutcome {
    const group = this.groups.find((each) => each.key === key);
    if (group === undefined) return ABSENT;
    const name = displayName ?? group.displayName;
    const holder = this.#holder(name);
    if (holder !== undefined && holder !== group) return TAKEN;
    const before = [...group.members].toSorted();
    const after = [...new Set(edit(group.members))].filter((each) => this.#isUser(each));
    const isSame = name === group.displayName && `${after.toSorted()}` === `${before}`;
    if (isSame) return unchanged(group);
    group.displayName = name;
    group.members.clear();
    for (const each of after) group.members.add(each);
    return this.#changed(group);
  }

  deleteGroup(key: number): NaiveOutcome {
    const group = this.groups.find((each) => each.key === key);
    if (group === undefined) return ABSENT;
    this.groups = this.groups.filter((each) => each !== group);
    this.changes += 1;
    return { key, version: group.version, changed: true };
  }

  groupsOf(key: number): readonly number[] {
    return this.groups.filter(({ members }) => members.has(key)).map((group) => group.key);
  }

  #adopt(user: NaiveUser, posted: UserAttributes): NaiveOutcome {
    if (user.attributes.active !== false || isOther(user.attributes, posted)) return TAKEN;
    const attributes = returned(posted, user.attributes);
    if (this.#isHeld(attributes, user)) return TAKEN;
    user.attributes = attributes;
    return this.#changed(user);
  }

  #bringBack(grave: Grave, posted: UserAttributes): NaiveOutcome {
    const attributes = returned(posted, grave.attributes);
    if (this.#isHeld(attributes, undefined)) return TAKEN;
    this.#graves = this.#graves.filter((each) => each !== grave);
    return this.#add(grave.key, grave.version + 1, attributes);
  }

  #add(key: number, version: number, posted: UserAttributes): NaiveOutcome {
    const attributes = { ...posted, active: posted.active ?? true };
    const user = { key, sequence: this.#nextSequence++, version: version - 1, attributes };
    this.users.push(user);
    return this.#changed(user);
  }

  #changed(thing: { readonly key: number; version: number }): NaiveOutcome {
    thing.version += 1;
    this.changes += 1;
    return { key: thing.key, version: thing.version, changed: true };
  }

  #oldest(): NaiveUser[] {
    return this.users.toSorted((a, b) => a.sequence - b.sequence);
  }

  #isUser(key: number): boolean {
    return this.users.some((user) => user.key === key);
  }

  #isHeld({ userName, externalId }: UserAttributes, own: NaiveUser | undefined): boolean {
    return this.users.some((each) => {
      if (each === own) return false;
      const isIdentified = externalId !== undefined && each.attributes.externalId === externalId;
      return isIdentified || foldCase(each.attributes.userName) === foldCase(userName);
    });
  }

  #holder(displayName: string): NaiveGroup | undefined {
    return this.groups.find((each) => foldCase(each.displayName) === foldCase(displayName));
  }
}

function sameName(a: UserAttributes, b: UserAttributes): boolean {
  return foldCase(a.userName) === foldCase(b.userName);
}

function isOther(known: UserAttributes, posted: UserAttributes): boolean {
  const [before, now] = [known.externalId, posted.externalId];
  return before !== undefined && now !== undefined && before !== now;
}

function returned(posted: UserAttributes, known: UserAttributes): UserAttributes {
  const externalId = posted.externalId ?? known.externalId;
  const active = posted.active ?? true;
  return { ...posted, active, ...(externalId === undefined ? {} : { externalId }) };
}

function unchanged({ key, version }: { key: number; version: number }): NaiveOutcome {
  return { key, version, changed: false };
}

function canonical(attributes: UserAttributes): string {
  return JSON.stringify(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
