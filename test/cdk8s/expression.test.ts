import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { type Environment, Expression, isTruthy, reference } from '../../cdk8s/lib/expression.ts';
import { f, goJson, text } from '../../cdk8s/lib/functions.ts';
import { parseYaml } from '../../cdk8s/lib/yaml.ts';
import { helm, helms } from '../support/kubernetes-tools.ts';
import { seed } from '../support/seed.ts';

/** N=… makes a longer run, SEED=… another one. */
const count = Number(process.env['N'] ?? 2_000);

const Values = {
  strings: { s0: '', s1: 'abc-', s2: 'x-y--', s3: 'a"b\\c\n<&>%d', s4: 'true', s5: '0', s6: 'é😀' },
  ints: { i0: 0, i1: 7, i2: 1_000_000, i3: 32_767 },
  bools: { b0: false, b1: true },
  maps: { m0: {}, m1: { a: 'x', b: '' }, m2: { b: 'y', c: 3, d: { e: [1, 'z', 1_000_000] } } },
  lists: { l0: [], l1: ['a', 1] },
} as const;

type Map = Readonly<Record<string, unknown>>;
const Release = { Name: 'x', Namespace: 'default', Service: 'Helm' };
const environment: Environment = {
  Values,
  Release,
  Chart: { Name: 'fuzz', Version: '0.1.0', AppVersion: '' },
};

function leaf<T>(
  group: keyof typeof Values,
  kind: Expression['kind'],
): fc.Arbitrary<Expression<T>> {
  const names = Object.keys(Values[group]);
  return fc.constantFrom(...names).map((name) => reference<T>(kind, ['Values', group, name]));
}

type Tree = {
  string: Expression<string>;
  bool: Expression<boolean>;
  map: Expression<Map>;
  any: Expression<unknown>;
};
const int = leaf<number>('ints', 'int');
const list = leaf<readonly unknown[]>('lists', 'list');
const { string, bool, map } = fc.letrec<Tree>((tie) => ({
  any: fc.oneof<fc.Arbitrary<Expression>[]>(tie('string'), tie('bool'), tie('map'), list, int),
  string: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf<string>('strings', 'string'),
    fc.tuple(tie('string'), int).map(([a, b]) => text`${a}-${b}%`),
    fc.tuple(tie('string'), tie('bool')).map(([a, b]) => f.printf('%s:%v', a, b)),
    // It counts bytes; the rest of a character that was cut prints differently.
    fc.constantFrom(3, 5, 63).map((length) => f.trunc(length, f.sha256sum('x'))),
    tie('string').map((a) => f.trimSuffix('-', a)),
    tie('string').map((a) => f.replace('-', '_', a)),
    tie('string').map((a) => f.default('fallback', a)),
    tie('any').map((a) => f.sha256sum(f.toJson(a))),
    tie('any').map((a) => f.toJson(a)),
    int.map((a) => f.toString(a)),
    tie('string').map((a) => f.get(f.dict({ true: a, '0': 'zero' }), a)),
    fc.tuple(tie('string'), tie('string'), tie('any')).map(([a, b, c]) => f.ternary(a, b, c)),
  ),
  bool: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf<boolean>('bools', 'bool'),
    tie('any').map((a) => f.not(a)),
    fc.tuple(tie('string'), tie('string')).map(([a, b]) => f.eq(a, b)),
    fc.tuple(int, int).map(([a, b]) => f.eq(a, b)),
    fc.tuple(int, int).map(([a, b]) => f.le(a, b)),
    int.map((a) => f.eq(a, 7)),
    fc.tuple(tie('string'), tie('string')).map(([a, b]) => f.contains(a, b)),
  ),
  map: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    leaf<Map>('maps', 'map'),
    fc.tuple(tie('string'), int, tie('bool')).map(([k, n, b]) => f.dict({ k, n, b })),
    tie('map').map((a) => f.omit(a, 'a', 'k')),
    fc.tuple(tie('map'), tie('map')).map(([a, b]) => f.merge(a, b)),
  ),
}));
const condition = fc.oneof(
  fc.tuple(bool, string, map).map((all) => f.and(...all)),
  fc.tuple(string, bool, list).map((all) => f.or(...all)),
);

const folder = mkdtempSync(join(tmpdir(), 'op-scim-expressions-'));
after(() => rmSync(folder, { recursive: true }));

test(`random expressions mean the same to Helm and here: SEED=${seed} N=${count}`, async () => {
  const values = fc.sample(fc.oneof(string, bool, map), { numRuns: count * 0.8, seed });
  const conditions = fc.sample(condition, { numRuns: count * 0.2, seed });
  const lines = [
    ...values.map((each) => `{{ ${each.print()} | toJson | quote }}`),
    ...conditions.map((each) => `{{ if ${each.print()} }}"true"{{ else }}"false"{{ end }}`),
  ].map((printed, index) => `k${index}: ${printed}`);
  const expected = [
    ...values.map((each) => goJson(each.evaluate(environment))),
    ...conditions.map((each) => String(isTruthy(each.evaluate(environment)))),
  ];
  mkdirSync(join(folder, 'templates'));
  writeFileSync(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: fuzz\nversion: 0.1.0\n');
  writeFileSync(join(folder, 'values.yaml'), JSON.stringify(Values));
  writeFileSync(join(folder, 'templates/all.yaml'), lines.join('\n'));
  for (const { name, layer } of helms) {
    const { code, stdout, stderr } = await helm(layer, 'template', 'x', folder);
    assert.equal(code, 0, stderr.slice(0, 1_000));
    const got = new globalThis.Map(Object.entries(Object(parseYaml(stdout)[0])));
    const wrong = expected.flatMap((each, index) =>
      got.get(`k${index}`) === each
        ? []
        : [`${name}: ${lines[index]}: Helm ${got.get(`k${index}`)}, here ${each}`],
    );
    assert.deepEqual(wrong.slice(0, 3), []);
  }
});

test('each function is in the fuzz', () => {
  const printed = fc.sample(fc.oneof(string, bool, map, condition), { numRuns: 2_000, seed: 1 });
  const all = printed.map((each) => `(${each.print()})`).join(' ');
  const missing = Object.keys(f).filter((name) => !new RegExp(`\\(${name} `).test(all));
  // A list has no place in these trees but as the argument of toJson; the chart's checksum has it.
  assert.deepEqual(missing, ['list']);
});

test('an expression without parts prints as one word', () => {
  assert.equal(f.not(reference('string', ['Values', 'a'])).print(), 'not .Values.a');
  assert.equal(f.not(reference('int', ['Values', 'a'])).print('$'), 'not (int64 $.Values.a)');
  assert.ok(
    new Expression({ kind: 'bool', print: () => 'x', evaluate: () => true }).print() === 'x',
  );
});
