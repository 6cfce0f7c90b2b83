import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ScimError } from '#scim/errors.ts';
import { parseResource } from '#scim/parse-resource.ts';
import type { Attribute, ResourceType } from '#scim/schema/attribute.ts';
import { GROUP, USER } from '#scim/schema/resource-types.ts';
import { plain } from './plain.ts';

const tolerant = { strict: false };
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).map(asText);

// Goal: what is stored can be sent again and is the same (Okta PUTs what it read), and the strict
// mode agrees about what is well-formed.
test('a parsed user parses to itself', () => {
  fc.assert(
    fc.property(bodyOf(USER), fc.boolean(), (body, strict) => {
      const { document } = parseResource(USER, body, tolerant);
      const again = parseResource(USER, JSON.parse(JSON.stringify(document)), { strict }).document;
      assert.equal(JSON.stringify(again), JSON.stringify(document));
    }),
  );
});

test('neither the order nor the letter case of keys changes what is parsed', () => {
  fc.assert(
    fc.property(bodyOf(USER), fc.infiniteStream(fc.integer({ min: 0, max: 5 })), (body, dice) => {
      const shuffled = shuffle(body, () => dice.next().value);
      assert.equal(
        JSON.stringify(parseResource(USER, shuffled, tolerant).document),
        JSON.stringify(parseResource(USER, body, tolerant).document),
      );
    }),
  );
});

const poison = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
);
const hostile = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 'True', 7, '', 'a'),
    fc.array(tie('json'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.oneof(poison, keyOf(USER), keyOf(GROUP)), tie('json')), { maxLength: 5 })
      .map((pairs) => `{${pairs.map(([key, value]) => `"${key}":${JSON.stringify(value)}`)}}`)
      .map((json): unknown => JSON.parse(json)),
  ),
})).json;

// Goal: any JSON is a document or a ScimError, and no key of it reaches a prototype.
for (const type of [USER, GROUP]) {
  test(`any JSON as a ${type.name} is parsed or refused, and nothing else is touched`, () => {
    const before = Object.getOwnPropertyNames(Object.prototype).join();
    fc.assert(
      fc.property(hostile, fc.boolean(), (json, strict) => {
        const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
        const body = isObject ? { userName: 'a', displayName: 'a', ...json } : json;
        try {
          plain(parseResource(type, body, { strict }).document);
        } catch (error) {
          assert(error instanceof ScimError, `threw ${error}`);
          assert.equal(error.status, 400);
        }
      }),
      { numRuns: 500 },
    );
    assert.equal(Object.getOwnPropertyNames(Object.prototype).join(), before);
  });
}

test('the keys that reach prototypes elsewhere are dropped', () => {
  const body: unknown = JSON.parse(
    '{"userName":"a","__proto__":{"active":true},"constructor":{"prototype":{"x":1}},' +
      '"name":{"__proto__":{"givenName":"A"}},"manager":"m"}',
  );
  const { document } = parseResource(USER, body, tolerant);
  assert.deepEqual(plain(document), {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', ...USER.extensions.map(({ id }) => id)],
    userName: 'a',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { manager: { value: 'm' } },
  });
  assert.equal(document['active'], undefined);
});

/** Bodies as a careful client writes them, also with what it may not write. */
function bodyOf(type: ResourceType): fc.Arbitrary<Record<string, unknown>> {
  const extensions = type.extensions.map(
    ({ id, attributes }) => [id, optional(fc.record(recordOf(attributes)))] as const,
  );
  return fc.record({
    ...recordOf(type.schema.attributes),
    userName: fc.constantFrom('ada', 'Grace'),
    id: optional(text),
    externalId: optional(text),
    ...Object.fromEntries(extensions),
  });
}

function recordOf(attributes: readonly Attribute[]): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(
    attributes.map((attribute) => [attribute.name, optional(valueOfAttribute(attribute))]),
  );
}

function valueOfAttribute(attribute: Attribute): fc.Arbitrary<unknown> {
  const one = elementOf(attribute);
  if (!attribute.multiValued) return one;
  return fc.array(one, { maxLength: 3 }).map((elements) => {
    const primary = elements.findIndex((element) => isPrimary(element));
    return elements.filter((element, index) => index === primary || !isPrimary(element));
  });
}

function elementOf(attribute: Attribute): fc.Arbitrary<unknown> {
  if (attribute.type === 'complex') return fc.record(recordOf(attribute.subAttributes));
  if (attribute.type === 'boolean') return fc.boolean();
  return attribute.type === 'binary' ? fc.constantFrom('QUJD', 'QQ==') : text;
}

function keyOf(type: ResourceType): fc.Arbitrary<string> {
  const names = [type.schema, ...type.extensions].flatMap(({ attributes }) =>
    attributes.flatMap(({ name, subAttributes }) => [
      name,
      ...subAttributes.map((sub) => sub.name),
    ]),
  );
  return fc.constantFrom(...names, ...type.extensions.map(({ id }) => id), 'schemas');
}

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(value, { freq: 2 });
}

function asText(raw: string): string {
  return raw.toWellFormed().replaceAll('\0', '0');
}

function isPrimary(element: unknown): boolean {
  return (
    typeof element === 'object' && element !== null && Reflect.get(element, 'primary') === true
  );
}

function shuffle(value: unknown, roll: () => number): unknown {
  if (Array.isArray(value)) return value.map((element) => shuffle(element, roll));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => {
    const name = [key, key.toLowerCase(), key.toUpperCase()][roll() % 3] ?? key;
    return { name, inner: shuffle(inner, roll), rank: roll() };
  });
  entries.sort((left, right) => left.rank - right.rank);
  return Object.fromEntries(entries.map(({ name, inner }) => [name, inner]));
}
