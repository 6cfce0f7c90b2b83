import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Document, isSame } from '#scim/document.ts';
import { ScimError } from '#scim/errors.ts';
import { parseResource } from '#scim/parse-resource.ts';
import { applyPatch } from '#scim/patch/apply.ts';
import { parsePatch } from '#scim/patch/parse.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const policies = fc.record({ strict: fc.boolean() }, { noNullPrototype: true });

const types = fc.constantFrom('work', 'home', 'other');
const words = fc.constantFrom('a', 'b', 'c', '');
const element = fc.record(
  { value: words, type: types, primary: fc.constantFrom(true, false, 'True'), display: words },
  { requiredKeys: [], noNullPrototype: true },
);
const changes = fc.oneof(
  valueAt(
    fc.constantFrom('title', 'userName', 'name.givenName', `${enterprise}:department`),
    words,
  ),
  valueAt(fc.constantFrom('emails', 'roles'), fc.array(element, { maxLength: 3 })),
  valueAt(fc.constant('name'), fc.record({ givenName: words, familyName: fc.constant(null) })),
  valueAt(fc.constantFrom('manager', `${enterprise}:manager`), fc.oneof(words, fc.constant([]))),
  valueAt(
    fc
      .tuple(fc.constantFrom('emails', 'roles'), filterOf(types))
      .map(([name, of]) => `${name}[${of}]`),
    element,
  ),
  valueAt(
    fc
      .tuple(fc.constantFrom('emails', 'roles'), filterOf(types))
      .map(([name, of]) => `${name}[${of}].value`),
    fc.oneof(words, fc.constant(null)),
  ),
  valueAt(
    filterOf(types).map((of) => `emails[${of}].primary`),
    fc.boolean(),
  ),
);

// Goal: whatever is patched, what is stored is what a POST of it would store, so that it can be rendered,
// searched and sent again.
test('a patched document is well-formed', () => {
  let applied = 0;
  fc.assert(
    fc.property(
      fc.array(changes, { minLength: 1, maxLength: 6 }),
      policies,
      (operations, policy) => {
        const document = patched(start(), operations, policy);
        if (document === undefined) return;
        applied++;
        assert.ok(isSame(parseResource(USER, document, { strict: false }).document, document));
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(applied > 300, `only ${applied} patches were applied`);
});

// A filter that no longer matches what it changed would make another value: these are left out.
test('replacing twice is replacing once', () => {
  const stable = changes.filter(({ path, value }) => {
    if (!path.includes('[')) return true;
    const isKept = typeof value !== 'object' || value === null || !('type' in value);
    return isKept && path.includes('[type eq');
  });
  fc.assert(
    fc.property(stable, policies, (change, policy) => {
      const replace = [{ ...change, op: 'replace' }];
      const once = patched(start(), replace, policy);
      if (once === undefined) return;
      const twice = patched(once, replace, policy);
      assert.ok(twice !== undefined && isSame(once, twice), JSON.stringify([once, twice]));
    }),
    { numRuns: 1500 },
  );
});

test('adding to a list twice is adding once', () => {
  fc.assert(
    fc.property(fc.array(element, { maxLength: 4 }), (value) => {
      const add = [{ op: 'add', path: 'emails', value }];
      const once = patched(start(), add, { strict: false });
      if (once === undefined) return;
      const twice = patched(once, add, { strict: false });
      assert.ok(twice !== undefined && isSame(once, twice), JSON.stringify([once, twice]));
    }),
    { numRuns: 1000 },
  );
});

const poison = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
);
const names = fc.constantFrom(
  'emails',
  'name',
  'members',
  'manager',
  'userName',
  'id',
  'meta',
  enterprise,
);
const pathText = fc
  .array(
    fc.oneof(
      poison,
      names,
      fc.constantFrom('.', '[', ']', ' eq ', '"x"', ' pr', ':', 'value', '(', '\0'),
    ),
    { maxLength: 7 },
  )
  .map((parts) => parts.join(''));
const anything = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 'True', 7, '', 'a'),
    fc.array(tie('json'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.oneof(poison, names, pathText), tie('json')), { maxLength: 4 })
      .map((pairs): unknown =>
        JSON.parse(
          `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)}}`,
        ),
      ),
  ),
})).json;
const hostileOperations = fc.array(
  fc.record(
    {
      op: fc.constantFrom('add', 'Replace', 'remove', 'x'),
      path: fc.oneof(pathText, fc.constantFrom(undefined, null, 1)),
      value: anything,
    },
    { requiredKeys: ['op'] },
  ),
  { maxLength: 4 },
);

for (const type of [USER, GROUP]) {
  test(`whatever the PATCH of a ${type.name}, it is applied or refused, and no prototype is touched`, () => {
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    fc.assert(
      fc.property(fc.oneof(hostileOperations, anything), policies, (operations, policy) => {
        try {
          const parsed = parsePatch(type, { schemas, Operations: operations }, policy);
          const { document } = applyPatch(
            type,
            { ...start(), displayName: 'x', id: 'i' },
            parsed,
            policy,
          );
          assert.equal(Object.getPrototypeOf(document), null);
        } catch (error) {
          assert.ok(error instanceof ScimError, String(error));
        }
      }),
      { numRuns: 3000 },
    );
    assert.equal(Object.getOwnPropertyNames(Object.prototype).join(), before);
  });
}

const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];

function start(): Document {
  const emails = [
    { value: 'a', type: 'work', primary: true },
    { value: 'b', type: 'home' },
  ];
  const body = {
    userName: 'ada',
    name: { givenName: 'A' },
    emails,
    [enterprise]: { manager: 'm' },
  };
  return parseResource(USER, body, { strict: false }).document;
}

/** Undefined: the operations were refused. */
function patched(
  document: Document,
  operations: readonly unknown[],
  policy: { strict: boolean },
): Document | undefined {
  try {
    const parsed = parsePatch(USER, { schemas, Operations: operations }, policy);
    return applyPatch(USER, document, parsed, policy).document;
  } catch (error) {
    assert.ok(error instanceof ScimError, String(error));
    return undefined;
  }
}

function valueAt<Path, Value>(path: fc.Arbitrary<Path>, value: fc.Arbitrary<Value>) {
  return fc.record(
    { op: fc.constantFrom('add', 'Replace', 'remove'), path, value },
    { noNullPrototype: true },
  );
}

function filterOf(kinds: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(
    kinds.map((kind) => `type eq "${kind}"`),
    fc.constantFrom('primary eq "True"', 'value eq "a"', 'not (type pr)'),
  );
}
