import type { Shot } from './load.ts';
import {
  GROUP_SCHEMA,
  groupId,
  personId,
  personOf,
  spread,
  strangers,
  userNameOf,
} from './people.ts';

/** A request before it is known whom it goes to. Paths are below `/scim`. */
export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT';
  readonly path: string;
  readonly body?: string;
  readonly statuses: readonly number[];
  readonly includes?: string;
}

/** What is measured in one row of the table. */
export interface Step {
  readonly name: string;
  /** CPU against the Koa + ioredis floor, at most. */
  readonly target: number;
  /** CPU against bare Koa with SQLite, at most; undefined: shown, not judged. */
  readonly sqliteTarget?: number;
  /** A run of this many; scimmy-routers gets fewer where it is slow. */
  readonly count: number;
  readonly scimmyCount: number;
  /** Different in each run where a repeat would not be the same operation. */
  requests(run: number, people: number, count: number): readonly Request[];
  /** Asked after the step where its answers do not say by themselves that it did anything. */
  proof?(people: number): Proof;
}

export interface Proof {
  readonly path: string;
  readonly text: string;
  readonly isThere: boolean;
}

/** Steps of which each needs what the one before did, run by run. */
export type Scenario = readonly Step[];

export const SCENARIOS: readonly Scenario[] = [
  [
    {
      name: 'GET by id',
      target: 1.7,
      sqliteTarget: 1.7,
      count: 5_000,
      scimmyCount: 500,
      requests: (run, people, count) =>
        times(count, (place) => {
          const id = personId(spread(run * count + place, people));
          return { method: 'GET', path: `/Users/${id}`, statuses: [200], includes: `"id":"${id}"` };
        }),
    },
  ],
  [
    {
      name: 'userName eq',
      target: 1.7,
      count: 5_000,
      scimmyCount: 500,
      requests: (run, people, count) =>
        times(count, (place) => {
          const index = spread(run * count + place, people);
          const filter = encodeURIComponent(`userName eq "${userNameOf(index)}"`);
          const includes = `"id":"${personId(index)}"`;
          return { method: 'GET', path: `/Users?filter=${filter}`, statuses: [200], includes };
        }),
    },
  ],
  [
    {
      name: 'add a member',
      target: 2.5,
      count: 2_000,
      scimmyCount: 20,
      requests: (_, people, count) =>
        strangers(people, count).map(({ group, person }) => addMember(groupId(group), person)),
      proof: (people) => membershipProof(people, true),
    },
    {
      name: 'remove a member',
      target: 2.5,
      count: 2_000,
      scimmyCount: 20,
      requests: (_, people, count) =>
        strangers(people, count).map(({ group, person }) => removeMember(groupId(group), person)),
      proof: (people) => membershipProof(people, false),
    },
  ],
  [page('page of 100', '', 300)],
  [page('page, no groups', '&excludedAttributes=groups', 500)],
  [
    {
      name: 'create',
      target: 2.5,
      count: 1_000,
      scimmyCount: 300,
      requests: (run, people, count) =>
        times(count, (place) => {
          const userName = `new.${people}.${run}.${place}@example.com`;
          const body = JSON.stringify(personOf(place, userName));
          const includes = `"userName":"${userName}"`;
          return { method: 'POST', path: '/Users', body, statuses: [201], includes };
        }),
    },
  ],
];

export function addMember(group: string, person: number): Request {
  const value = [{ value: personId(person) }];
  return patch(group, [{ op: 'add', path: 'members', value }]);
}

export function removeMember(group: string, person: number): Request {
  return patch(group, [{ op: 'remove', path: `members[value eq "${personId(person)}"]` }]);
}

export function patch(group: string, operations: readonly object[]): Request {
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  const body = JSON.stringify({ schemas, Operations: operations });
  return { method: 'PATCH', path: `/Groups/${group}`, body, statuses: [200, 204] };
}

export function replaceMembers(
  group: string,
  displayName: string,
  people: readonly number[],
): Request {
  const members = people.map((index) => ({ value: personId(index) }));
  const body = JSON.stringify({ schemas: [GROUP_SCHEMA], displayName, members });
  return { method: 'PUT', path: `/Groups/${group}`, body, statuses: [200, 204] };
}

/** The request as it goes over the wire. */
export function shotOf(request: Request, port: number, token: string): Shot {
  const { method, path, body, statuses, includes } = request;
  const head = [
    `${method} /scim${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    'Accept: application/scim+json',
  ];
  if (body !== undefined) {
    head.push('Content-Type: application/scim+json', `Content-Length: ${Buffer.byteLength(body)}`);
  }
  const bytes = `${head.join('\r\n')}\r\n\r\n${body ?? ''}`;
  return includes === undefined ? { bytes, statuses } : { bytes, statuses, includes };
}

function membershipProof(people: number, isThere: boolean): Proof {
  const [{ group, person } = { group: 0, person: 0 }] = strangers(people, 1);
  return { path: `/Groups/${groupId(group)}`, text: personId(person), isThere };
}

function page(name: string, query: string, count: number): Step {
  return {
    name,
    target: 2,
    count,
    scimmyCount: 4,
    requests: (run, people, runCount) =>
      times(runCount, (place) => {
        const startIndex = 1 + 100 * spread(run * runCount + place, people / 100);
        const path = `/Users?startIndex=${startIndex}&count=100${query}`;
        return { method: 'GET', path, statuses: [200], includes: '"itemsPerPage":100' };
      }),
  };
}

function times(count: number, requestAt: (place: number) => Request): readonly Request[] {
  return Array.from({ length: count }, (_, place) => requestAt(place));
}
