/**
 * The directory that every server of the benchmark holds: person i, each in three groups of 100.
 * All of it follows from the number of people, so that nothing needs to be sent around.
 *
 * People and groups are in cohorts, so that a page of 100 people, who are of one cohort, shows 21
 * groups however big the directory is.
 */

/** People come in multiples of this. */
export const COHORT = 1_000;
const GROUP_SIZE = 100;
const LAYERS = 3;
/** Groups of one layer of a cohort: each person is in one of them. */
const LAYER = COHORT / GROUP_SIZE;
const GROUPS_PER_COHORT = LAYERS * LAYER;

/** 26 characters of base32, as the bridge makes them; spread, so that neighbours share no prefix. */
export function personId(index: number): string {
  return base32Of(index, 'U');
}

export function groupId(index: number): string {
  return base32Of(index, 'G').toLowerCase();
}

export function userNameOf(index: number): string {
  return `${givenNameOf(index)}.${familyNameOf(index)}.${index}@example.com`.toLowerCase();
}

export function groupNameOf(index: number): string {
  return `Team ${index} of ${DEPARTMENTS[index % DEPARTMENTS.length]}`;
}

export interface Person {
  readonly userName: string;
  readonly [name: string]: unknown;
}

/** A person as an IdP would send it: some 700 bytes as JSON. */
export function personOf(index: number, userName = userNameOf(index)): Person {
  const givenName = givenNameOf(index);
  const familyName = familyNameOf(index);
  return {
    schemas: [USER_SCHEMA, ENTERPRISE_SCHEMA],
    externalId: `00u-${userName}`,
    userName,
    name: { formatted: `${givenName} ${familyName}`, familyName, givenName },
    displayName: `${givenName} ${familyName}`,
    title: 'Engineer',
    preferredLanguage: 'en-GB',
    active: true,
    emails: [{ value: userName, type: 'work', primary: true }],
    phoneNumbers: [
      { value: `+44 20 7946 ${String(index % 10_000).padStart(4, '0')}`, type: 'work' },
    ],
    [ENTERPRISE_SCHEMA]: {
      employeeNumber: String(100_000 + index),
      costCenter: `CC-${index % 97}`,
      department: DEPARTMENTS[index % DEPARTMENTS.length],
    },
  };
}

/** The JSON of a resource as the bridge stores it: `id` after `schemas`, no meta, groups, members. */
export function storedPerson(index: number): string {
  const { schemas, ...attributes } = personOf(index);
  return JSON.stringify({ schemas, id: personId(index), ...attributes });
}

export function storedGroup(index: number, displayName = groupNameOf(index)): string {
  return JSON.stringify({ schemas: [GROUP_SCHEMA], id: groupId(index), displayName });
}

export function groupCount(people: number): number {
  return (people / COHORT) * GROUPS_PER_COHORT;
}

/** The groups of a person, one of each layer. */
export function groupsOf(index: number): readonly number[] {
  const first = Math.floor(index / COHORT) * GROUPS_PER_COHORT;
  const place = index % COHORT;
  const block = Math.floor(place / LAYER);
  const slots = [Math.floor(place / GROUP_SIZE), place % LAYER, (place + 7 * block) % LAYER];
  return slots.map((slot, layer) => first + layer * LAYER + slot);
}

/** The inverse of `groupsOf`. */
export function membersOf(group: number): readonly number[] {
  const first = Math.floor(group / GROUPS_PER_COHORT) * COHORT;
  const layer = Math.floor((group % GROUPS_PER_COHORT) / LAYER);
  const slot = group % LAYER;
  return Array.from({ length: GROUP_SIZE }, (_, block) => {
    if (layer === 0) return first + slot * GROUP_SIZE + block;
    const within = layer === 1 ? slot : (slot + 3 * block) % LAYER; // 3 = -7 modulo LAYER
    return first + block * LAYER + within;
  });
}

/** Pairs of a group and a person who is not in it, each once; neighbours are of different groups. */
export function strangers(
  people: number,
  count: number,
): readonly { group: number; person: number }[] {
  const groups = groupCount(people);
  const taken = new Map<number, Set<number>>();
  return Array.from({ length: count }, (_, place) => {
    const group = place % groups;
    const near = taken.get(group) ?? new Set(membersOf(group));
    let person = spread(place, people);
    while (near.has(person)) person = (person + 1) % people;
    taken.set(group, near.add(person));
    return { group, person };
  });
}

/** A fixed sequence that looks random: the same for each server and each run. */
export function spread(place: number, below: number): number {
  return Number((BigInt(place + 1) * 2_654_435_761n) % 4_294_967_296n) % below;
}

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE_SCHEMA = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const GIVEN_NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Alan', 'Radia'];
const FAMILY_NAMES = ['Lovelace', 'Hopper', 'Dijkstra', 'Liskov', 'Knuth', 'Allen', 'Turing'];
const DEPARTMENTS = ['Research', 'Sales', 'Support', 'Finance', 'Operations'];
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function givenNameOf(index: number): string {
  return GIVEN_NAMES[index % GIVEN_NAMES.length] ?? '';
}

function familyNameOf(index: number): string {
  return FAMILY_NAMES[index % FAMILY_NAMES.length] ?? '';
}

function base32Of(index: number, kind: string): string {
  let rest = (BigInt(index) * 0x9e3779b97f4a7c15n) & 0xffff_ffff_ffff_ffffn; // Odd, so one to one.
  let text = '';
  for (let place = 0; place < 13; place += 1) {
    text += BASE32.charAt(Number(rest & 31n));
    rest >>= 5n;
  }
  return `${text}${kind.padEnd(13, 'Q')}`;
}
