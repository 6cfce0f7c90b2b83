/** Requests as an identity provider sends them, with something random in them, or all of it. */
import fc from 'fast-check';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const message = (name: string) => `urn:ietf:params:scim:api:messages:2.0:${name}`;

export interface RandomRequest {
  readonly method: string;
  /** `{user}` and `{group}` stand for ids that are there. */
  readonly path: string;
  readonly body: string | Uint8Array | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

const KNOWN_NAMES = [
  ...['userName', 'displayName', 'name', 'name.givenName', 'emails', 'emails.value', 'active'],
  ...['externalId', 'members', 'members.value', 'groups', 'id', 'meta', 'schemas', 'password'],
  ...['value', 'type', 'primary', 'display', '$ref', 'title', 'roles', 'x509Certificates'],
  ...['meta.lastModified', 'addresses.street', ENTERPRISE, `${ENTERPRISE}:manager`],
  ...[`${ENTERPRISE}:manager.value`, `${USER}:userName`, 'emails[type eq "work"].value'],
];
const TRAPS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'members['],
  ...['members[value eq "{user}"]', 'emails[]', 'emails[value eq ""]', '.', '', 'urn:', 'a.b.c.d'],
];
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...KNOWN_NAMES) },
  { weight: 2, arbitrary: fc.constantFrom(...TRAPS) },
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const scalar = fc.oneof(
  fc.constantFrom(null, true, false, 'True', 'false', 0, -1, 1.5, 1e300, '', 'bulkId:1', '\ud800'),
  fc.constantFrom('{user}', '{group}', 'work', 'ada@example.com', '2031-05-04T08:00:00Z'),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.integer(),
);
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    scalar,
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(name, tie('json'), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

/** An object with, most of the time, one attribute put in or replaced by something else. */
function almost(valid: Readonly<Record<string, unknown>>): fc.Arbitrary<object> {
  const key = fc.oneof(fc.constantFrom(...Object.keys(valid)), name);
  return fc.option(fc.tuple(key, json)).map((change) => {
    return change === null ? valid : { ...valid, [change[0]]: change[1] };
  });
}

const user = almost({
  schemas: [USER, ENTERPRISE],
  userName: '{unique}',
  externalId: '{unique}',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
  active: true,
  [ENTERPRISE]: { department: 'Engines' },
});
const group = almost({
  schemas: [GROUP],
  displayName: '{unique}',
  members: [{ value: '{user}' }],
});
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('add', 'Replace'), name, json) },
  fc.constantFrom(
    ['add', 'members', [{ value: '{user}' }]],
    ['remove', 'members[value eq "{user}"]', undefined],
    ['replace', 'active', 'False'],
    ['replace', 'name.givenName', 'Grace'],
    ['add', 'emails', [{ value: 'grace@example.com', type: 'work' }]],
    ['replace', undefined, { displayName: '{unique}' }],
  ),
  fc.tuple(fc.constantFrom('remove', 'move'), name, fc.constant(undefined)),
  fc.tuple(json, json, json),
);
const patch = fc.array(operation, { minLength: 1, maxLength: 3 }).chain((operations) => {
  const Operations = operations.map(([op, path, value]) => ({ op, path, value }));
  return almost({ schemas: [message('PatchOp')], Operations });
});
const bulkOperation = fc
  .tuple(
    fc.constantFrom(
      ...(['POST /Users', 'POST /Groups', 'PATCH /Users/{user}', 'PUT /Groups/{group}'] as const),
      ...(['DELETE /Users/{user}', 'PATCH /Users/bulkId:1', 'POST /Me', 'GET /Users'] as const),
    ),
    fc.oneof(user, group, patch, json),
    fc.constantFrom('1', '2'),
  )
  .chain(([line, data, bulkId]) => {
    const [method, path] = line.split(' ');
    return almost({ method, path, bulkId, data });
  });
const bulk = fc
  .array(bulkOperation, { minLength: 1, maxLength: 4 })
  .chain((Operations) => almost({ schemas: [message('BulkRequest')], Operations }));

const operator = fc.constantFrom('eq', 'ne', 'co', 'sw', 'ew', 'gt', 'le', 'xx');
const comparison = fc
  .tuple(name, operator, scalar)
  .map(([left, by, right]) => `${left} ${by} ${JSON.stringify(right)}`);
const filter = fc.oneof(
  comparison,
  name.map((attribute) => `${attribute} pr`),
  fc.tuple(comparison, comparison).map(([a, b]) => `not (${a}) or (${b}) and ${a}`),
  comparison.map((inside) => `emails[${inside}]`),
  name,
);
const search = filter.chain((text) =>
  almost({ schemas: [message('SearchRequest')], filter: text, startIndex: 1, count: 5 }),
);
const query = fc
  .record(
    {
      filter,
      sortBy: name,
      sortOrder: fc.constantFrom('descending', 'ascending', 'up'),
      attributes: name,
      excludedAttributes: name,
      count: fc.oneof(fc.integer(), scalar),
      startIndex: fc.oneof(fc.integer(), scalar),
      cursor: fc.oneof(fc.constant(''), name),
    },
    { requiredKeys: [] },
  )
  .map((fields) => {
    const texts = Object.entries(fields).map(([key, value]) => [key, String(value).toWellFormed()]);
    return texts.length === 0 ? '' : `?${new URLSearchParams(texts)}`;
  });

const noBody = fc.constant(undefined);
const usual = fc
  .constantFrom(
    ...([
      ['GET /Users', noBody],
      ['GET /Groups', noBody],
      ['GET /Users/{user}', noBody],
    ] as const),
    ...([
      ['GET /Groups/{group}', noBody],
      ['POST /Users', user],
      ['POST /Groups', group],
    ] as const),
    ...([
      ['PUT /Users/{user}', user],
      ['PUT /Groups/{group}', group],
    ] as const),
    ...([
      ['PATCH /Users/{user}', patch],
      ['PATCH /Groups/{group}', patch],
    ] as const),
    ...([
      ['DELETE /Users/{user}', noBody],
      ['DELETE /Groups/{group}', noBody],
    ] as const),
    ...([
      ['POST /Bulk', bulk],
      ['POST /.search', search],
      ['POST /Users/.search', search],
    ] as const),
  )
  .chain(([line, body]) => {
    const [method = '', path = ''] = line.split(' ');
    return fc.record({
      method: fc.constant(method),
      path: fc.tuple(fc.constant(path), query).map(([place, asked]) => place + asked),
      body: body.map((value) => (value === undefined ? undefined : JSON.stringify(value))),
    });
  });
const unusual = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  path: fc.oneof(
    fc.constantFrom('/Users', '/Groups/{group}', '/Me', '/Schemas', '/ResourceTypes', '/Bulk'),
    fc.constantFrom('/ServiceProviderConfig', `/Schemas/${USER}`, '/health', '/ping', '/'),
    name.map((id) => `/Users/${encodeURIComponent(id.toWellFormed())}`),
    fc.webPath().map((path) => (path === '' ? '/' : path)),
  ),
  body: fc.oneof(
    noBody,
    fc.oneof(user, group, patch, bulk, search, json).map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.uint8Array({ maxLength: 20 }),
  ),
});
const headers = fc.record(
  {
    'if-match': fc.constantFrom('*', 'W/"1"', '"x"', ',', '""'),
    'if-none-match': fc.constantFrom('*', 'W/"1"', 'x'),
    accept: fc.constantFrom('*/*', 'application/json', 'text/html'),
    'x-forwarded-host': fc.constantFrom('a/b', 'evil.example'),
  },
  { requiredKeys: [] },
);

export const randomRequest: fc.Arbitrary<RandomRequest> = fc
  .tuple(
    fc.constantFrom('', '/scim', '/scim/v2'),
    fc.oneof({ weight: 4, arbitrary: usual }, unusual),
    fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, headers),
  )
  .map(([prefix, request, sent]) => ({ ...request, path: prefix + request.path, headers: sent }));
