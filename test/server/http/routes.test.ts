import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoute } from '#http/routes.ts';

const SUFFIXES = {
  '/Users': ['/Users', ''],
  '/users': ['/Users', ''],
  '/Users/': ['/Users', ''],
  '/Users/ABC': ['/Users/{id}', 'ABC'],
  '/Users/ABC/': ['/Users/{id}', 'ABC'],
  '/USERS/abc': ['/Users/{id}', 'abc'],
  '/Users/..': ['/Users/{id}', '..'],
  '/Users/%2F': ['/Users/{id}', '%2F'],
  '/Users/.search': ['/Users/.search', '.search'],
  '/Groups': ['/Groups', ''],
  '/Groups/g': ['/Groups/{id}', 'g'],
  '/groups/.search': ['/Groups/.search', '.search'],
  '/.search': ['/.search', ''],
  '/Bulk': ['/Bulk', ''],
  '/Me': ['/Me', ''],
  '/Schemas': ['/Schemas', ''],
  '/Schemas/urn:ietf:params:scim:schemas:core:2.0:User': [
    '/Schemas/{id}',
    'urn:ietf:params:scim:schemas:core:2.0:User',
  ],
  '/ResourceTypes': ['/ResourceTypes', ''],
  '/ResourceTypes/User': ['/ResourceTypes/{id}', 'User'],
  '/ServiceProviderConfig': ['/ServiceProviderConfig', ''],
  '/serviceproviderconfig': ['/ServiceProviderConfig', ''],
} as const;

for (const prefix of ['', '/scim', '/scim/v2']) {
  for (const [path, [name, id]] of Object.entries(SUFFIXES)) {
    test(`${prefix}${path} is ${name}`, () => {
      assert.deepEqual(findRoute(`${prefix}${path}`), { name, prefix, id });
    });
  }
}

const nowhere = [
  '',
  '/',
  '//',
  '*',
  '/scim',
  '/scim/',
  '/scim/v2',
  '/scim/v2/',
  '/scim/v1/Users',
  '/scim/v2/v2/Users',
  '/scim//Users',
  '//Users',
  '/Users//',
  '/Users//x',
  '/Users/a/b',
  '/Users/a/b/',
  '/Bulk/x',
  '/Me/x',
  '/.search/x',
  '/ServiceProviderConfig/x',
  '/Usersx',
  '/User',
  '/constructor',
  '/__proto__',
  '/constructor/x',
  'Users',
];
for (const path of nowhere) {
  test(`${JSON.stringify(path)} is no endpoint`, () => {
    assert.equal(findRoute(path), undefined);
  });
}
