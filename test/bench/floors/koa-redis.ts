import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { Redis } from 'ioredis';
import Koa from 'koa';
import { answerOrders } from '../child.ts';
import { FLOOR_KEYS as keys } from '../seed-floor.ts';
import { listen } from './listen.ts';

/**
 * Koa and ioredis with the least Redis work that each operation needs: no token, no schema, no
 * version, no history. Argument: the port of a Redis that `seedFloor` filled.
 */
const redis = new Redis({ port: Number(process.argv[2]), host: '127.0.0.1' });

const app = new Koa();
app.use(async (ctx) => {
  const { method, path } = ctx;
  ctx.type = 'application/scim+json';
  if (method === 'GET' && path === '/scim/Users') {
    const { filter, startIndex, excludedAttributes } = ctx.query;
    if (filter !== undefined) ctx.body = await findByUserName(String(filter));
    else ctx.body = await page(Number(startIndex), excludedAttributes !== 'groups');
  } else if (method === 'GET' && path.startsWith('/scim/Users/')) {
    ctx.body = await redis.get(keys.person + path.slice('/scim/Users/'.length));
  } else if (method === 'POST' && path === '/scim/Users') {
    ctx.body = await create(await bodyOf(ctx.req));
    ctx.status = 201;
  } else if (method === 'PATCH' && path.startsWith('/scim/Groups/')) {
    await changeMember(keys.members + path.slice('/scim/Groups/'.length), await bodyOf(ctx.req));
    ctx.status = 204;
  } else if (method === 'GET' && path.startsWith('/scim/Groups/')) {
    ctx.body = await redis.smembers(keys.members + path.slice('/scim/Groups/'.length));
  }
});

async function findByUserName(filter: string): Promise<string> {
  const userName = filter.slice(filter.indexOf('"') + 1, -1).toLowerCase();
  const id = await redis.get(keys.userName + userName);
  const person = id === null ? null : await redis.get(keys.person + id);
  return list(person === null ? 0 : 1, 1, person === null ? [] : [person]);
}

async function page(startIndex: number, withGroups: boolean): Promise<string> {
  const [ids, total] = await Promise.all([
    redis.zrange(keys.order, String(startIndex - 1), String(startIndex + 98)),
    redis.zcard(keys.order),
  ]);
  const reading = redis.mget(ids.map((id) => keys.plain + id));
  if (!withGroups) return list(total, startIndex, await reading);
  const [people, groups] = await Promise.all([reading, groupsOfEach(ids)]);
  const whole = people.map(
    (person, place) => `${person?.slice(0, -1)},"groups":[${groups[place]}]}`,
  );
  return list(total, startIndex, whole);
}

async function groupsOfEach(ids: readonly string[]): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.smembers(keys.groups + id);
  const answers = (await pipeline.exec()) ?? [];
  const groupIds = answers.map(([, members]) => members as string[]); // SMEMBERS of a set.
  const distinct = [...new Set(groupIds.flat())];
  const names = await redis.hmget(keys.groupNames, ...distinct);
  const shown = new Map(
    distinct.map((id, place) => {
      const display = JSON.stringify(names[place]);
      return [
        id,
        `{"value":"${id}","$ref":"/scim/Groups/${id}","display":${display},"type":"direct"}`,
      ];
    }),
  );
  return groupIds.map((own) => own.map((id) => shown.get(id)).join());
}

function list(total: number, startIndex: number, people: readonly (string | null)[]): string {
  return (
    `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":${total},` +
    `"startIndex":${startIndex},"itemsPerPage":${people.length},"Resources":[${people.join()}]}`
  );
}

async function create(body: string): Promise<string> {
  const person = JSON.parse(body) as { userName: string }; // Only this benchmark asks.
  const id = randomUUID();
  const text = JSON.stringify({ id, ...person });
  await redis
    .pipeline()
    .setnx(keys.userName + person.userName.toLowerCase(), id)
    .set(keys.person + id, text)
    .zadd(keys.order, String(Date.now()), id)
    .exec();
  return text;
}

async function changeMember(key: string, body: string): Promise<void> {
  const { Operations } = JSON.parse(body) as {
    Operations: { op: string; path: string; value?: { value: string }[] }[];
  };
  for (const { op, path, value } of Operations) {
    if (op === 'add') await redis.sadd(key, value?.[0]?.value ?? '');
    else await redis.srem(key, path.slice(path.indexOf('"') + 1, path.lastIndexOf('"')));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8');
  let body = '';
  for await (const part of request) body += part;
  return body;
}

answerOrders<object>({ port: await listen(createServer(app.callback())) }, async () => ({}));
