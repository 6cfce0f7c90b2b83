import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import SCIMMY from 'scimmy';
import ScimmyRouters from 'scimmy-routers';
import { answerOrders } from '../child.ts';
import {
  groupCount,
  groupId,
  groupNameOf,
  groupsOf,
  membersOf,
  personId,
  personOf,
} from '../people.ts';
import { listen } from './listen.ts';

/**
 * scimmy-routers on Express 4 with a store in memory that finds ids and user names by an index.
 * Argument: how many people it holds.
 */
const people = Number(process.argv[2]);

interface StoredUser {
  readonly id: string;
  readonly userName: string;
  readonly [name: string]: unknown;
}

interface StoredGroup {
  readonly id: string;
  readonly displayName: string;
  readonly [name: string]: unknown;
}

const users = new Map<string, StoredUser>();
const idsByUserName = new Map<string, string>();
const groups = new Map<string, StoredGroup>();
seed();

SCIMMY.Resources.declare(SCIMMY.Resources.User)
  .ingress(async (resource, instance) => {
    const text = JSON.stringify(instance);
    const id = resource.id ?? randomUUID();
    const user: StoredUser = {
      ...JSON.parse(text),
      id,
      meta: { created: new Date(), lastModified: new Date() },
    };
    const userName = user.userName.toLowerCase();
    if ((idsByUserName.get(userName) ?? id) !== id) {
      throw new SCIMMY.Types.Error(409, 'uniqueness', 'userName is taken');
    }
    idsByUserName.set(userName, id);
    users.set(id, user);
    return user;
  })
  .egress(async (resource) => {
    if (resource.id !== undefined) return users.get(resource.id) ?? notFound();
    const wanted = userNameOf(resource.filter);
    if (wanted === undefined) return [...users.values()];
    const found = users.get(idsByUserName.get(wanted.toLowerCase()) ?? '');
    return found === undefined ? [] : [found];
  });

SCIMMY.Resources.declare(SCIMMY.Resources.Group)
  .ingress(async (resource, instance) => {
    const id = resource.id ?? randomUUID();
    const group: StoredGroup = { ...JSON.parse(JSON.stringify(instance)), id };
    groups.set(id, group);
    return group;
  })
  .egress(async (resource) => {
    if (resource.id !== undefined) return groups.get(resource.id) ?? notFound();
    return [...groups.values()];
  });

const app = express();
app.use('/scim', new ScimmyRouters({ type: 'bearer', handler: () => 'bench' }));
answerOrders<object>({ port: await listen(createServer(app)) }, async () => ({}));

function seed(): void {
  for (let index = 0; index < people; index += 1) {
    const id = personId(index);
    const user = personOf(index);
    const own = groupsOf(index).map((group) => ({
      value: groupId(group),
      display: groupNameOf(group),
      type: 'direct',
    }));
    users.set(id, {
      ...user,
      id,
      groups: own,
      meta: { created: new Date(), lastModified: new Date() },
    });
    idsByUserName.set(user.userName, id);
  }
  for (let group = 0; group < groupCount(people); group += 1) {
    const members = membersOf(group).map((index) => ({
      value: personId(index),
      type: 'User',
    }));
    groups.set(groupId(group), { id: groupId(group), displayName: groupNameOf(group), members });
  }
}

/** The value of `userName eq "…"`, the one filter that is indexed. */
function userNameOf(filter: unknown): string | undefined {
  const first = Array.isArray(filter) ? filter[0] : undefined;
  const condition = first?.userName;
  return Array.isArray(condition) && condition[0] === 'eq' ? String(condition[1]) : undefined;
}

function notFound(): never {
  throw new SCIMMY.Types.Error(404, '', 'There is no such resource');
}
