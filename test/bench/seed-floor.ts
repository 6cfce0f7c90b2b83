import type { Redis } from 'ioredis';
import {
  groupCount,
  groupId,
  groupNameOf,
  groupsOf,
  membersOf,
  personId,
  storedPerson,
  userNameOf,
} from './people.ts';

/** What the Koa + ioredis floor reads and writes. */
export const FLOOR_KEYS = {
  /** The finished answer, with groups and meta. */
  person: 'person:',
  /** The same without groups, for pages. */
  plain: 'plain:',
  userName: 'userName:',
  order: 'order',
  members: 'members:',
  /** Of a person, the ids of the groups. */
  groups: 'groups:',
  groupNames: 'groupNames',
} as const;

/** Fills the floor's Redis, some 100,000 people in five seconds. */
export async function seedFloor(redis: Redis, people: number): Promise<void> {
  for (let first = 0; first < people; first += 1_000) {
    const pipeline = redis.pipeline();
    for (let index = first; index < Math.min(first + 1_000, people); index += 1) {
      const id = personId(index);
      const groups = groupsOf(index);
      const plain = finished(storedPerson(index), id);
      pipeline.set(FLOOR_KEYS.plain + id, plain);
      pipeline.set(
        FLOOR_KEYS.person + id,
        `${plain.slice(0, -1)},"groups":[${groups.map(shown).join()}]}`,
      );
      pipeline.set(FLOOR_KEYS.userName + userNameOf(index), id);
      pipeline.zadd(FLOOR_KEYS.order, index, id);
      pipeline.sadd(FLOOR_KEYS.groups + id, ...groups.map(groupId));
    }
    await pipeline.exec();
  }
  for (let first = 0; first < groupCount(people); first += 1_000) {
    const pipeline = redis.pipeline();
    for (let group = first; group < Math.min(first + 1_000, groupCount(people)); group += 1) {
      pipeline.hset(FLOOR_KEYS.groupNames, groupId(group), groupNameOf(group));
      pipeline.sadd(FLOOR_KEYS.members + groupId(group), ...membersOf(group).map(personId));
    }
    await pipeline.exec();
  }
}

function finished(stored: string, id: string): string {
  const time = '2026-01-01T00:00:00.000Z';
  return (
    `${stored.slice(0, -1)},"meta":{"resourceType":"User","created":"${time}","lastModified":"${time}"` +
    `,"location":"http://127.0.0.1:30000/scim/Users/${id}","version":"W/\\"1\\""}}`
  );
}

function shown(group: number): string {
  const id = groupId(group);
  return (
    `{"value":"${id}","$ref":"http://127.0.0.1:30000/scim/Groups/${id}"` +
    `,"display":${JSON.stringify(groupNameOf(group))},"type":"direct"}`
  );
}
