import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDiscovery, type DiscoveryLimits } from '#scim/discovery.ts';
import { answerOf } from './plain.ts';

const limits: DiscoveryLimits = {
  strict: false,
  defaultPageSize: 100,
  maxPageSize: 1_000,
  cursorTimeoutSeconds: 3_600,
  bulkMaxOperations: 1_000,
  bulkMaxPayloadBytes: 1_048_576,
};
const discovery = createDiscovery(limits);
const base = 'https://scim.example.test/scim/v2';
const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';

test('ServiceProviderConfig has every required attribute (RFC 7643 §5)', () => {
  const config = JSON.parse(discovery.serviceProviderConfig(base));
  const required = 'patch bulk filter changePassword sort etag authenticationSchemes';
  for (const name of required.split(' ')) assert(name in config, name);
  assert.deepEqual(config.bulk, {
    supported: true,
    maxOperations: 1_000,
    maxPayloadSize: 1_048_576,
  });
  assert.deepEqual(config.filter, { supported: true, maxResults: 1_000 });
  assert.equal(config.changePassword.supported, false);
  const [scheme] = config.authenticationSchemes;
  for (const name of ['type', 'name', 'description']) assert.equal(typeof scheme[name], 'string');
});

test('pagination is announced (RFC 9865 §4)', () => {
  assert.deepEqual(JSON.parse(discovery.serviceProviderConfig(base)).pagination, {
    cursor: true,
    index: true,
    defaultPaginationMethod: 'index',
    defaultPageSize: 100,
    maxPageSize: 1_000,
    cursorTimeout: 3_600,
  });
});

for (const strict of [true, false]) {
  test(`interopProfileConformant is ${strict} when strict is`, () => {
    const config = createDiscovery({ ...limits, strict }).serviceProviderConfig(base);
    assert.equal(JSON.parse(config).interopProfileConformant, strict);
  });
}

const lists = [
  { endpoint: 'Schemas', text: discovery.schemas(base), size: 3, one: discovery.schema },
  {
    endpoint: 'ResourceTypes',
    text: discovery.resourceTypes(base),
    size: 2,
    one: discovery.resourceType,
  },
];
for (const { endpoint, text, size, one } of lists) {
  test(`/${endpoint} is a ListResponse whose resources can be read at their location`, () => {
    const list = JSON.parse(text);
    assert.deepEqual(list.schemas, ['urn:ietf:params:scim:api:messages:2.0:ListResponse']);
    assert.deepEqual(
      [list.totalResults, list.itemsPerPage, list.Resources.length],
      [size, size, size],
    );
    for (const resource of list.Resources) {
      assert.equal(resource.meta.location, `${base}/${endpoint}/${resource.id}`);
      assert.deepEqual(JSON.parse(one(resource.id.toUpperCase(), base)), resource);
    }
  });

  test(`/${endpoint} knows nothing else`, () => {
    for (const name of ['nothing', '__proto__', '']) {
      assert.equal(answerOf(() => one(name, base)).status, 404);
    }
  });
}

test('the extension is announced with the resource type (RFC 7643 §6)', () => {
  const type = JSON.parse(discovery.resourceType('User', base));
  assert.equal(type.schema, userUrn);
  assert.deepEqual(type.schemaExtensions, [
    { schema: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User', required: false },
  ]);
});

test('attributes are announced with all characteristics (RFC 7643 §7)', () => {
  const { attributes } = JSON.parse(discovery.schema(userUrn, base));
  const emails = attributes.find((attribute: { name: string }) => attribute.name === 'emails');
  const type = emails.subAttributes.find((sub: { name: string }) => sub.name === 'type');
  const { description, ...characteristics } = type;
  assert.equal(typeof description, 'string');
  assert.deepEqual(characteristics, {
    name: 'type',
    type: 'string',
    multiValued: false,
    required: false,
    caseExact: false,
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    canonicalValues: ['work', 'home', 'other'],
  });
});

const texts = {
  config: discovery.serviceProviderConfig,
  schemas: discovery.schemas,
  types: discovery.resourceTypes,
};
for (const [name, text] of Object.entries(texts)) {
  test(`no null in ${name}, which Entra refuses`, () => {
    assert(!text(base).includes('null'));
  });
}

test('a base URL is written as JSON', () => {
  assert.equal(
    JSON.parse(discovery.serviceProviderConfig('x"\\y')).meta.location,
    'x"\\y/ServiceProviderConfig',
  );
});
