import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ApiObject, App, Chart } from 'cdk8s';
import { chartFiles } from '../../cdk8s/chart-files.ts';
import { HelmChart } from '../../cdk8s/lib/chart.ts';
import { deprecations, valuesTable, valuesYaml } from '../../cdk8s/lib/documents.ts';
import { item, NamedTemplate, release } from '../../cdk8s/lib/expression.ts';
import { f, text } from '../../cdk8s/lib/functions.ts';
import { block, each, when } from '../../cdk8s/lib/node.ts';
import { type Change, remove, set, spread } from '../../cdk8s/lib/overlay.ts';
import { Synthesis, tokenResolver } from '../../cdk8s/lib/token.ts';
import {
  defaultsOf,
  group,
  layOver,
  leavesOf,
  referencesOf,
  schemaOf,
  value,
} from '../../cdk8s/lib/values.ts';
import { parseValues, parseYaml } from '../../cdk8s/lib/yaml.ts';
import { definition as opScim } from '../../cdk8s/values.ts';
import { helm, helms } from '../support/kubernetes-tools.ts';
import { writeChart } from './render.ts';

/** A chart of three values, with a value that has moved. */
const definition = {
  colour: value.choice('red', 'blue')('red', 'Colour.'),
  oldColour: value.text('', 'Colour.', { deprecated: 'colour' }),
  rooms: group('Rooms.', {
    list: value.list([{ name: 'a' }], 'All.', { items: { type: 'object' } }),
    count: value.integer(1, 'How many.', { minimum: 0, maximum: 9 }),
  }),
};
const values = referencesOf(definition);
const named = new NamedTemplate('toy.name', 'Name.', { text: text`${release.name}-toy` });

function toy(synthesis: Synthesis, ...changes: readonly Change[]): HelmChart {
  const app = new App({ outdir: 'unused', resolvers: [tokenResolver] });
  const chart = new HelmChart(new Chart(app, 'toy'), 'toy', synthesis);
  chart.refuse(f.eq(values.colour, 'blue'), 'colour: blue is gone; choose red');
  const made = new ApiObject(chart, 'object', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: synthesis.string(named) },
    data: { colour: synthesis.string(values.colour) },
  });
  chart.patch(made, ...changes);
  chart.helmOnly(() => {
    new ApiObject(chart, 'hook', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hook' } });
  });
  return chart;
}

function environment(over: object = {}) {
  return {
    // Defaults under a map are a map.
    Values: layOver(defaultsOf(definition), over) as Record<string, unknown>,
    Release: { Name: 'r', Namespace: 'n', Service: 's' },
    Chart: { Name: 'toy', Version: '1.0.0', AppVersion: '1' },
  };
}

const plain = (over: object, ...changes: readonly Change[]) =>
  toy(new Synthesis(environment(over)), ...changes).objects.map((each) => each.toJson());
const templates = (...changes: readonly Change[]) =>
  toy(new Synthesis(), ...changes).templates([named], 'Source.');

test('an object without changes needs none', () => {
  assert.deepEqual(plain({}), [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'r-toy' }, data: { colour: 'red' } },
  ]);
  assert.match(templates().get('object.yaml') ?? '', /colour: \{\{ \.Values\.colour \| quote \}\}/);
});

test('hooks are for Helm alone, rules for both', () => {
  assert.deepEqual(
    [...templates().keys()],
    ['_helpers.tpl', 'object.yaml', 'hook.yaml', 'rules.yaml'],
  );
  assert.equal(plain({}).length, 1);
  assert.throws(() => plain({ colour: 'blue' }), { message: 'colour: blue is gone; choose red' });
  assert.match(templates().get('rules.yaml') ?? '', /fail "colour: blue is gone; choose red"/);
});

const mistakes: readonly (readonly [string, Change, RegExp])[] = [
  [
    'removing what is not there',
    remove('/data/shade'),
    /ConfigMap toy\/toy\/object: Error: \/data\/shade: nothing is there/,
  ],
  ['an item that is not there', set('/data/[name=x]/a', 1), /no item with name x; change the path/],
  ['a way through a text', set('/data/colour/a', 1), /colour is no map and no list/],
  ['adding an item to a map', set('/data/-', 1), /no list to add to; set\(\) one first/],
];
for (const [name, change, message] of mistakes) {
  test(`${name} is an error that names the object and what to do`, () => {
    assert.throws(() => plain({}, change), message);
    assert.throws(() => templates(change), message);
  });
}

test('two objects for one file are an error', () => {
  const chart = toy(new Synthesis());
  new ApiObject(chart, 'Hook', { apiVersion: 'v1', kind: 'Pod' });
  assert.throws(() => chart.templates([], ''), /toy\/toy\/Hook: a second object for hook.yaml/);
});

test('a value that YAML or Go misreads is an error', () => {
  for (const name of ['no', 'y', 'on', 'a-b', '1a']) {
    assert.throws(
      () => referencesOf({ [name]: value.text('', '') }),
      new RegExp(`value ${name}: .*rename it`),
    );
  }
});

const nodes: readonly (readonly [string, unknown, object, unknown])[] = [
  ['when, true', when(values.rooms.count, 'x'), {}, 'x'],
  ['when, false', when(values.rooms.count, 'x'), { rooms: { count: 0 } }, undefined],
  ['when, else', when(values.rooms.count, 'x', 'y'), { rooms: { count: 0 } }, 'y'],
  ['block', block(values.rooms.list), {}, [{ name: 'a' }]],
  ['block, empty', block(values.rooms.list), { rooms: { list: [] } }, undefined],
  ['block, empty, else', block(values.rooms.list, 'none'), { rooms: { list: [] } }, 'none'],
  ['a list of conditions', [when(values.oldColour, 'x')], {}, undefined],
  ['a map of conditions', { a: when(values.oldColour, 'x') }, {}, undefined],
  [
    'each',
    [each(values.rooms.list, 'room', { n: item('string', 'room', 'name'), c: values.colour })],
    { rooms: { list: [{ name: 'p' }, { name: 'q' }] } },
    [
      { n: 'p', c: 'red' },
      { n: 'q', c: 'red' },
    ],
  ],
];
const folder = mkdtempSync(join(tmpdir(), 'op-scim-toy-'));
after(() => rmSync(folder, { recursive: true }));

for (const [index, [name, node, over, expected]] of nodes.entries()) {
  test(`${name} means the same to Helm and here`, async () => {
    assert.deepEqual(plain(over, set('/data/x', node))[0].data.x, expected);
    const chart = join(folder, String(index));
    const files = [...templates(set('/data/x', node))].map(
      ([path, content]) => [`templates/${path}`, content] as const,
    );
    const meta = ['Chart.yaml', 'apiVersion: v2\nname: toy\nversion: 1.0.0\n'] as const;
    writeChart(new Map([...files, meta, ['values.yaml', valuesYaml(definition, [])]]), chart);
    for (const { layer } of helms) {
      const sets = Object.entries(over).flatMap(([key, each]) => [
        '--set-json',
        `${key}=${JSON.stringify(each)}`,
      ]);
      const args = ['template', 'r', chart, '--show-only', 'templates/object.yaml', ...sets];
      const { code, stdout, stderr } = await helm(layer, ...args);
      assert.equal(code, 0, stderr);
      assert.deepEqual(Object(parseYaml(stdout)[0]).data.x, expected);
    }
  });
}

test('a spread is left out when nothing is in it, and never wins over what is written', () => {
  const [object] = plain({}, set('/m', { a: 1 }), spread('/m', f.dict({ a: 2, b: 3 })));
  assert.deepEqual(object.m, { a: 1, b: 3 });
});

test('a deprecated value says so in each document and in NOTES.txt', () => {
  assert.match(
    valuesYaml(definition, []),
    /# -- \(deprecated: use colour\) Colour\.\noldColour: ""/,
  );
  assert.match(
    valuesTable(definition),
    /\| `oldColour` \| string \| `""` \| \(deprecated: use colour\)/,
  );
  assert.equal(schemaOf(definition, '').properties?.['oldColour']?.deprecated, true);
  assert.equal(
    deprecations(definition),
    '{{- if .Values.oldColour }}\noldColour is deprecated: use colour.\n{{- end }}\n',
  );
});

test('Helm lays values over others in the same way', () => {
  const base = { a: { b: 1, c: 2 }, l: [1], x: 1 };
  const over = { a: { b: null, d: 3 }, l: [2], x: { y: 1 } };
  assert.deepEqual(layOver(base, over), { a: { c: 2, d: 3 }, l: [2], x: { y: 1 } });
});

test('values files are read as Helm reads them', () => {
  const rows = {
    yes: true,
    '0755': 493,
    '0o755': 493,
    '12:30': '12:30',
    '2020-01-01': '2020-01-01',
    '1_000': 1000,
  };
  for (const [written, read] of Object.entries(rows)) {
    assert.deepEqual(parseValues(`a: ${written}`), { a: read }, written);
  }
  assert.throws(() => parseValues('a: 1\na: 2'), /unique/);
});

test('values.yaml reads back as the defaults, and each value is described and used', () => {
  const files = chartFiles();
  assert.deepEqual(parseValues(files.get('values.yaml') ?? ''), defaultsOf(opScim));
  const all = [...files].filter(([path]) => path.startsWith('templates/')).map(([, each]) => each);
  const uses = all.join('\n');
  for (const [path, { help }] of leavesOf(opScim)) {
    assert.ok(help.length > 5, `${path}: say what it is`);
    const parts = path.split('.');
    const ways = parts.map((_, index) => parts.slice(0, index + 1).join('.')).toReversed();
    const isUsed = new RegExp(`\\.Values\\.${ways[0]?.replaceAll('.', '\\.')}\\b`).test(uses);
    assert.ok(isUsed, `${path} is used in no template`);
  }
});
