/** Requests that no client should send, each with the status that it gets. */

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

export interface BadRequest {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `userId` and `groupId` are there, and nothing of them may change. */
export function badRequests(userId: string, groupId: string): readonly BadRequest[] {
  return [
    ...badBodies(userId, groupId),
    ...badTypes(userId, groupId),
    ...badPatches(userId, groupId),
    ...badQueries(),
    ...badIds(),
    ...badPaths(),
    ...badMethods(userId),
    ...badBulks(),
  ];
}

function row(
  name: string,
  status: number,
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
): BadRequest {
  const isText = typeof body === 'string' || body instanceof Uint8Array;
  return {
    name: `${name} (${method} ${path.slice(0, 40)})`,
    method,
    path,
    status,
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    ...(headers === undefined ? {} : { headers }),
  };
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

/** Endpoints that read a body. */
function bodyEndpoints(userId: string, groupId: string): [string, string][] {
  return [
    ['POST', '/Users'],
    ['PUT', `/Users/${userId}`],
    ['PATCH', `/Users/${userId}`],
    ['POST', '/Groups'],
    ['PUT', `/Groups/${groupId}`],
    ['PATCH', `/Groups/${groupId}`],
    ['POST', '/Bulk'],
    ['POST', '/.search'],
    ['POST', '/Users/.search'],
    ['POST', '/Groups/.search'],
  ];
}

function badBodies(userId: string, groupId: string): BadRequest[] {
  const bodies: Readonly<Record<string, string | Uint8Array>> = {
    'no JSON': 'userName=ada',
    'JSON that is cut': '{"userName":"ada"',
    'two documents': '{}{}',
    'not UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    'nothing but white space': ' \n',
    'a number': '1',
    null: 'null',
    text: '"text"',
    'a list': '[{}]',
    '50 levels': nested(50),
    '50 levels in an attribute': `{"schemas":["${USER}"],"userName":"deep","name":${nested(50)}}`,
    '300,000 levels': nested(300_000),
    'an empty object': '{}',
  };
  return bodyEndpoints(userId, groupId).flatMap(([method, path]) => [
    ...Object.entries(bodies).map(([name, body]) => row(name, 400, method, path, body)),
    row('no body', 400, method, path),
    row('12 MB', 413, method, path, Buffer.alloc(12_000_000, ' ')),
    row('a form', 415, method, path, '{}', {
      'content-type': 'application/x-www-form-urlencoded',
    }),
    row('XML', 415, method, path, '<User/>', { 'content-type': 'application/xml' }),
    row('plain text', 415, method, path, '{}', { 'content-type': 'text/plain; charset=utf-8' }),
  ]);
}

function badTypes(userId: string, groupId: string): BadRequest[] {
  const user = { schemas: [USER], userName: 'bad@example.com' };
  const users: Readonly<Record<string, object>> = {
    'schemas of numbers': { ...user, schemas: [1] },
    'no userName': { schemas: [USER] },
    'an empty userName': { ...user, userName: '' },
    'userName as a number': { ...user, userName: 5 },
    'userName as an object': { ...user, userName: { value: 'a' } },
    'userName with U+0000': { ...user, userName: 'a\0b' },
    'a userName that is too long': { ...user, userName: 'x'.repeat(2_000) },
    'name as text': { ...user, name: 'Ada Lovelace' },
    'name as a list': { ...user, name: [{ givenName: 'Ada' }] },
    'a name of numbers': { ...user, name: { givenName: 1 } },
    'active as a word': { ...user, active: 'maybe' },
    'active as a number': { ...user, active: 3 },
    'emails of emails': { ...user, emails: [[{ value: 'a@b.c' }]] },
    'externalId as an object': { ...user, externalId: {} },
  };
  const group = { schemas: [GROUP], displayName: 'Bad' };
  const groups: Readonly<Record<string, object>> = {
    'no displayName': { schemas: [GROUP] },
    'displayName as a list': { ...group, displayName: ['Bad'] },
    'a member without an id': { ...group, members: [{ display: 'Ada' }] },
    'a member as a number': { ...group, members: [7] },
    'a nested group': { ...group, members: [{ value: groupId, type: 'Group' }] },
  };
  const lone = `{"schemas":["${USER}"],"userName":"half \\ud800 pair"}`;
  const loneGroup = `{"schemas":["${GROUP}"],"displayName":"half \\udc00 pair"}`;
  return [
    ...Object.entries(users).flatMap(([name, body]) => [
      row(name, 400, 'POST', '/Users', body),
      row(name, 400, 'PUT', `/Users/${userId}`, body),
    ]),
    ...Object.entries(groups).flatMap(([name, body]) => [
      row(name, 400, 'POST', '/Groups', body),
      row(name, 400, 'PUT', `/Groups/${groupId}`, body),
    ]),
    row('half a surrogate pair', 400, 'POST', '/Users', lone),
    row('half a surrogate pair', 400, 'PUT', `/Users/${userId}`, lone),
    row('half a surrogate pair', 400, 'POST', '/Groups', loneGroup),
  ];
}

function badPatches(userId: string, groupId: string): BadRequest[] {
  const operations: Readonly<Record<string, unknown>> = {
    'no operations': [],
    'operations that are none': [1, null],
    'operations as an object': { op: 'add' },
    'an unknown op': [{ op: 'move', path: 'title', value: 'x' }],
    'op as a number': [{ op: 1, path: 'title' }],
    'path as a number': [{ op: 'add', path: 1, value: 'x' }],
    'a path that does not parse': [{ op: 'add', path: 'emails[', value: 'x' }],
    'a path of 20,000 brackets': [{ op: 'add', path: `${'('.repeat(20_000)}`, value: 'x' }],
    'a path with 20,000 brackets inside': [
      { op: 'remove', path: `emails[${'('.repeat(20_000)}value pr${')'.repeat(20_000)}]` },
    ],
    'a path to nothing': [{ op: 'replace', path: 'name.constructor', value: 'x' }],
    'a path to the prototype': [{ op: 'add', path: '__proto__.polluted', value: 'x' }],
    'a remove of everything': [{ op: 'remove' }],
    'an add without a value': [{ op: 'add', path: 'displayName' }],
    'a change of the id': [{ op: 'replace', path: 'id', value: 'x' }],
    'a value that is no object without a path': [{ op: 'add', value: 'x' }],
    'one good operation before a bad one': [
      { op: 'replace', path: 'displayName', value: 'Changed' },
      { op: 'replace', path: 'displayName', value: { not: 'text' } },
    ],
  };
  const patch = (Operations: unknown) => ({ schemas: [PATCH], Operations });
  const many = Array.from({ length: 1_001 }, () => ({
    op: 'replace',
    path: 'displayName',
    value: 'Changed',
  }));
  return [`/Users/${userId}`, `/Groups/${groupId}`].flatMap((path) => [
    ...Object.entries(operations).map(([name, value]) =>
      row(name, 400, 'PATCH', path, patch(value)),
    ),
    row('1,001 operations', 413, 'PATCH', path, patch(many)),
    row('another schema', 400, 'PATCH', path, {
      schemas: [USER],
      Operations: [{ op: 'add', path: 'displayName', value: 'x' }],
    }),
    row(
      'half a surrogate pair',
      400,
      'PATCH',
      path,
      `{"schemas":["${PATCH}"],"Operations":[{"op":"replace","path":"displayName","value":"\\ud800"}]}`,
    ),
  ]);
}

function badQueries(): BadRequest[] {
  const deep = `${'('.repeat(20_000)}userName pr${')'.repeat(20_000)}`;
  const long = `userName eq "${'x'.repeat(9_000)}"`;
  const queries: Readonly<Record<string, string>> = {
    'a filter of nothing but brackets': 'filter=((((',
    'a filter without operator': 'filter=userName',
    'a filter without value': 'filter=userName%20eq',
    'a filter without quotes': 'filter=userName%20eq%20ada',
    'a filter of bytes that are no text': 'filter=%ff%fe',
    'a filter with U+0000': 'filter=userName%00eq%20%22a%22',
    'a filter on the prototype': 'filter=__proto__%20pr',
    'a filter on a constructor': 'filter=constructor.name%20eq%20%22Object%22',
    'a filter on a secret': 'filter=password%20eq%20%22secret%22',
    'a filter that calls': 'filter=userName.constructor(%22x%22)%20pr',
    'a filter with 400 brackets': `filter=${'('.repeat(400)}userName%20pr${')'.repeat(400)}`,
    'an order by nothing known': 'sortBy=__proto__',
    'an order of another kind': 'sortBy=userName&sortOrder=sideways',
    'a count that is no number': 'count=all',
    'a startIndex that is no number': 'startIndex=first',
    'a startIndex beyond all': 'startIndex=99999999999999999999',
    'a cursor of its own making': 'cursor=AAAA',
    'a long cursor': `cursor=${'A'.repeat(8_000)}`,
    'a cursor and no page': 'cursor=&count=0',
    'attributes and their opposite': 'attributes=userName&excludedAttributes=userName',
  };
  const search = (fields: object) => ({ schemas: [SEARCH], ...fields });
  return [
    ...['/Users', '/Groups'].flatMap((path) =>
      Object.entries(queries).map(([name, query]) => row(name, 400, 'GET', `${path}?${query}`)),
    ),
    row('20,000 brackets in the address', 431, 'GET', `/Users?filter=${encodeURIComponent(deep)}`),
    ...['/.search', '/Users/.search', '/Groups/.search'].flatMap((path) => [
      row('20,000 brackets', 400, 'POST', path, search({ filter: deep })),
      row('a filter of 9,000 characters', 400, 'POST', path, search({ filter: long })),
      row('a filter that is an object', 400, 'POST', path, search({ filter: { op: 'eq' } })),
      row('half a surrogate pair', 400, 'POST', path, search({ filter: '\ud800 pr' })),
      row('1e300 resources', 400, 'POST', path, search({ count: 1e300 })),
    ]),
    row('a filter on discovery', 403, 'GET', '/Schemas?filter=id%20pr'),
  ];
}

function badIds(): BadRequest[] {
  const ids: Readonly<Record<string, string>> = {
    nobody: 'NOBODY',
    'a slash': '%2F',
    'U+0000': '%00',
    'bytes that are no text': '%ff',
    'half an escape': '%',
    'two dots': '..',
    'a dot': '.',
    'escaped dots': '%2e%2e%2fUsers',
    'a long id': 'x'.repeat(8_000),
    'the prototype': '__proto__',
    'a constructor': 'constructor',
    'half a surrogate pair': '%ED%A0%80',
    'a star': '*',
    braces: '%7Bid%7D',
    'a line break': '%0d%0aSet-Cookie:%20a=b',
    'a quotation mark': '%22%27',
  };
  return Object.entries(ids).flatMap(([name, id]) =>
    ['/Users', '/Groups'].flatMap((path) => [
      row(name, 404, 'GET', `${path}/${id}`),
      row(name, 404, 'DELETE', `${path}/${id}`),
      row(name, 404, 'PATCH', `${path}/${id}`, {
        schemas: [PATCH],
        Operations: [{ op: 'replace', path: 'displayName', value: 'x' }],
      }),
      row(name, 404, 'GET', `/Schemas/${id}`),
      row(name, 404, 'GET', `/ResourceTypes/${id}`),
    ]),
  );
}

function badPaths(): BadRequest[] {
  const paths = [
    '/nothing',
    '/scim',
    '/scim/v2/',
    '/scim/v2/nothing',
    '/scim/v2/Users/a/b',
    '//Users',
    '/Users//',
    '/../etc/passwd',
    '/Users/../Groups/x/y',
    '/%55sers',
    '/constructor',
    '/__proto__',
    '/app/../Users/a/b',
    '/%00',
    '/favicon.ico',
    `/${'x'.repeat(8_000)}`,
  ];
  return [
    ...paths.map((path) => row('no endpoint', 404, 'GET', path)),
    row('SCIM 1', 400, 'GET', '/scim/v1/Users'),
  ];
}

function badMethods(userId: string): BadRequest[] {
  const takes: Readonly<Record<string, readonly string[]>> = {
    '/Users': ['GET', 'POST'],
    [`/Users/${userId}`]: ['GET', 'PUT', 'PATCH', 'DELETE'],
    '/Groups': ['GET', 'POST'],
    '/Bulk': ['POST'],
    '/.search': ['POST'],
    '/Users/.search': ['POST'],
    '/Schemas': ['GET'],
    '/ResourceTypes/User': ['GET'],
    '/ServiceProviderConfig': ['GET'],
    '/ping': ['GET'],
    '/health': ['GET'],
    '/metrics': ['GET'],
  };
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
  return Object.entries(takes).flatMap(([path, taken]) =>
    methods
      .filter((method) => !taken.includes(method))
      .map((method) => row('a method that is not taken', 405, method, path)),
  );
}

function badBulks(): BadRequest[] {
  const bulk = (Operations: unknown, more: object = {}) => ({
    schemas: [BULK],
    Operations,
    ...more,
  });
  const create = { method: 'POST', path: '/Users', data: { schemas: [USER], userName: 'bulk' } };
  return [
    row('no operations', 400, 'POST', '/Bulk', { schemas: [BULK] }),
    row('operations as text', 400, 'POST', '/Bulk', bulk('all')),
    row('operations that are none', 400, 'POST', '/Bulk', bulk([1])),
    row('1,001 operations', 413, 'POST', '/Bulk', bulk(Array(1_001).fill(create))),
    row('failOnErrors as text', 400, 'POST', '/Bulk', bulk([create], { failOnErrors: 'yes' })),
  ];
}
