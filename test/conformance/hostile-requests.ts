/** Requests that try to reach a prototype, or to trip over names that every object has (CWE-1321). */

export const HOSTILE_KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  'polluted',
];

const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const BULK_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

export interface HostileRequest {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly text?: string;
}

/** About 200 requests about one person, each a different place for a hostile name. */
export function* hostileRequests(userId: string): Generator<HostileRequest> {
  let serial = 0;
  for (const key of HOSTILE_KEYS) {
    for (const value of [
      '{"polluted":"yes"}',
      '"yes"',
      '["yes"]',
      'null',
      '{"prototype":{"polluted":"yes"}}',
    ]) {
      serial += 1;
      const member = `"${key}":${value}`;
      const userName = `"userName":"hostile-${serial}@example.com"`;
      yield request(`body ${member}`, 'POST', '/Users', `{${userName},${member}}`);
      const named = `{"userName":"named-${serial}@example.com","name":{${member}}}`;
      yield request(`in name ${member}`, 'POST', '/Users', named);
      const inEmail = `{"userName":"victim-0000@example.com","emails":[{"value":"a@b",${member}}]}`;
      yield request(`in emails ${member}`, 'PUT', `/Users/${userId}`, inEmail);
      yield patch(userId, `pathless ${member}`, `{"op":"add","value":{${member}}}`);
      yield patch(
        userId,
        `pathless in name ${member}`,
        `{"op":"replace","value":{"name":{${member}}}}`,
      );
    }
    for (const place of [
      key,
      `${key}.polluted`,
      `name.${key}`,
      `emails[${key} eq "x"].value`,
      `urn:${key}:polluted`,
    ]) {
      const path = JSON.stringify(place);
      yield patch(userId, `path ${path}`, `{"op":"add","path":${path},"value":"yes"}`);
      yield patch(userId, `removal ${path}`, `{"op":"remove","path":${path}}`);
      yield patch(userId, `key ${path}`, `{"op":"add","value":{${path}:"yes"}}`);
      const encoded = encodeURIComponent(place);
      yield { what: `filter ${path}`, method: 'GET', path: `/Users?filter=${encoded}%20pr` };
      yield { what: `sort ${path}`, method: 'GET', path: `/Users?sortBy=${encoded}` };
      yield { what: `attributes ${path}`, method: 'GET', path: `/Users?attributes=${encoded}` };
    }
    yield { what: `query ${key}`, method: 'GET', path: `/Users?${key}=1&${key}[polluted]=1` };
    yield { what: `id ${key}`, method: 'GET', path: `/Users/${key}` };
    yield { what: `schema ${key}`, method: 'GET', path: `/Schemas/${key}` };
    yield { what: `type ${key}`, method: 'GET', path: `/ResourceTypes/${key}` };
    const bulk = `{"schemas":["${BULK_SCHEMA}"],"Operations":[{"method":"POST","path":"/Users","bulkId":"${key}","data":{"userName":"${key}@example.com"}},{"method":"PATCH","path":"/Users/bulkId:${key}","data":{"Operations":[{"op":"add","path":"title","value":"x"}]}},{"method":"DELETE","path":"/Users/bulkId:${key}"}]}`;
    yield request(`bulkId ${key}`, 'POST', '/Bulk', bulk);
  }
}

function patch(userId: string, what: string, operation: string): HostileRequest {
  return request(
    what,
    'PATCH',
    `/Users/${userId}`,
    `{"schemas":["${PATCH_SCHEMA}"],"Operations":[${operation}]}`,
  );
}

function request(what: string, method: string, path: string, text: string): HostileRequest {
  return { what, method, path, text };
}
