import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { mistakesOf, type Schema } from '../../cdk8s/lib/schema.ts';
import { defaultsOf, layOver } from '../../cdk8s/lib/values.ts';
import { valuesSchema } from '../../cdk8s/op-scim.ts';
import { definition } from '../../cdk8s/values.ts';
import { seed } from '../support/seed.ts';
import { knownCases, randomCases } from './differential.ts';

const text = readFileSync('charts/op-scim/values.schema.json', 'utf8');
const schema: Schema = JSON.parse(text);
/** Draft 7, whose own schema Ajv brings along. Unknown keywords and wrong types are errors. */
const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true });

test('values.schema.json is good JSON Schema of draft 7, and needs no network', () => {
  assert.equal(ajv.validateSchema(schema), true, JSON.stringify(ajv.errors));
  assert.ok(!text.includes('$ref'), 'Helm refuses remote references since 3.18.5');
});

test('a parent chart may set global and enabled, and nothing else that is unknown', () => {
  const isValid = ajv.compile(schema);
  const defaults = defaultsOf(definition);
  assert.ok(isValid({ ...defaults, global: { a: 1 }, enabled: true }));
  assert.ok(!isValid({ ...defaults, other: true }));
});

test(`the check of plain synth says what JSON Schema says: SEED=${seed}`, () => {
  const isValid = ajv.compile(schema);
  const broken = [{ replicaCount: 'x' }, { service: { prot: 1 } }, { ports: { http: 0 } }];
  const cases = [...knownCases().map(([, each]) => each), ...randomCases(100, seed)];
  const given = [...cases.map(({ values }) => values), ...broken];
  for (const values of given) {
    const all = layOver(defaultsOf(definition), values);
    assert.equal(mistakesOf(valuesSchema, all).length === 0, isValid(all), JSON.stringify(values));
  }
});
