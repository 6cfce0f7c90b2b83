import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkId, entityTags } from '#http/resource.ts';
import { ScimError } from '#scim/errors.ts';

const tags: Readonly<Record<string, readonly string[]>> = {
  'W/"1"': ['W/"1"'],
  '"1"': ['W/"1"'],
  '*': ['*'],
  'W/"1", W/"2"': ['W/"1"', 'W/"2"'],
  ' "1" ,"2"': ['W/"1"', 'W/"2"'],
  '"1", *': ['W/"1"', '*'],
};
for (const [header, wanted] of Object.entries(tags)) {
  test(`the versions of ${header}`, () => assert.deepEqual(entityTags(header), wanted));
}

const ids = {
  ABCDEFGHIJKLMNOPQRSTUVWXY2: true,
  a: true,
  'with-_both': true,
  [`${'x'.repeat(128)}`]: true,
  '': false,
  [`${'x'.repeat(129)}`]: false,
  '..': false,
  'a/b': false,
  'a\0': false,
  'a b': false,
  'a\n': false,
  ä: false,
  '\uD800': false,
  'a{b}': false,
  'a*': false,
};
for (const [id, isPossible] of Object.entries(ids)) {
  test(`${JSON.stringify(id.slice(0, 20))} of ${id.length} can${isPossible ? '' : 'not'} be an id`, () => {
    if (isPossible) {
      checkId(id, 'user');
      return;
    }
    assert.throws(
      () => checkId(id, 'user'),
      (thrown) => thrown instanceof ScimError && thrown.problem === 'notFound',
    );
  });
}
