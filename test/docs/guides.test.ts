import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { main } from '#cli/main.ts';
import { session } from '#cli/session.ts';
import type { Option } from '#config/option.ts';
import { options } from '#config/options.ts';
import { isMap } from '../../cdk8s/lib/expression.ts';
import { leavesOf } from '../../cdk8s/lib/values.ts';
import { parseYaml } from '../../cdk8s/lib/yaml.ts';
import { definition } from '../../cdk8s/values.ts';
import { at, listOf, mapOf, podSpecOf } from '../cdk8s/pods.ts';
import { defaultRelease, renderPlain } from '../cdk8s/render.ts';

/** What is said to users of the chart: its names have to be those of the chart. */
const GUIDES = [
  'docs/aks.md',
  'docs/backup.md',
  'docs/certificates.md',
  'docs/chart.md',
  'README.md',
  'charts/op-scim/README.md',
];
const guide = GUIDES.map((path) => readFileSync(path, 'utf8')).join('\n');
const leaves = new Map(leavesOf(definition));
const documents = found(/```yaml\n(.*?)```/gs).flatMap(parseYaml);
const isManifest = (document: unknown) => isMap(document) && 'kind' in document;
/** Blocks of values; others are pieces of a Job and a kustomization. */
const yamlBlocks = documents.filter(
  (each) => isMap(each) && !isManifest(each) && !('args' in each) && !('resources' in each),
);
/** What there is: the plain manifests, those of the guides, and the release that they install beside. */
const objects = [
  ...parseYaml(readFileSync('dist/default.k8s.yaml', 'utf8')),
  ...documents.filter(isManifest),
  ...(
    renderPlain({ values: {}, release: { ...defaultRelease, Name: 'rehearsal' } }).objects ??
    new Map<string, unknown>()
  ).values(),
].map(mapOf);
const sets = found(/--set(?:-string|-file)?[ =]([^\s`]+)/g).flatMap((text) => text.split(','));

/** The short words of kubectl and the kinds that they mean. */
const kinds: Readonly<Record<string, string>> = {
  deploy: 'Deployment',
  deployment: 'Deployment',
  svc: 'Service',
  service: 'Service',
  cronjob: 'CronJob',
  pvc: 'PersistentVolumeClaim',
  configmap: 'ConfigMap',
  sa: 'ServiceAccount',
};

test('values that --set names are in the chart', () => {
  assert.ok(sets.length > 5);
  assert.deepEqual(unknownValues(sets.map((set) => set.split('=')[0] ?? '')), []);
});

test('values of the yaml blocks are in the chart', () => {
  assert.ok(yamlBlocks.length >= 3);
  assert.deepEqual(unknownValues(yamlBlocks.flatMap((block) => pathsIn(block))), []);
});

test('values that sentences name are in the chart', () => {
  const tops = Object.keys(definition).join('|');
  const named = found(new RegExp(`\`((?:${tops})\\.[a-zA-Z.]+)\``, 'g'));
  assert.ok(named.length > 2);
  const isGroup = (path: string) => [...leaves.keys()].some((leaf) => leaf.startsWith(`${path}.`));
  assert.deepEqual(unknownValues(named.filter((path) => !isGroup(path))), []);
});

test('kubectl names objects that the chart makes', () => {
  const named = commands('kubectl').flatMap((command) =>
    [...command.matchAll(/\b([a-z]+)\/([a-z][a-z0-9-]*)/g)].filter(
      ([, kind = '']) => kind in kinds,
    ),
  );
  assert.ok(named.length > 5);
  for (const [text, kind = '', name] of named) {
    const isThere = objects.some(
      (object) => object['kind'] === kinds[kind] && at(object, 'metadata.name') === name,
    );
    assert.ok(isThere, `${text} is not in dist/default.k8s.yaml`);
  }
});

test('kubectl names Secrets that the chart reads', () => {
  const known = knownSecrets();
  const named = commands('kubectl').flatMap((command) =>
    [...command.matchAll(/secret(?:\/| (?:generic |tls ))([a-z][a-z0-9-]*)/g)].map(
      ([, name = '']) => name,
    ),
  );
  assert.ok(named.length > 3);
  assert.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  );
});

test('kubectl names containers of the Deployment', () => {
  let count = 0;
  for (const command of commands('kubectl')) {
    const [, deployment] = /\bdeploy\/([a-z0-9-]+)/.exec(command) ?? [];
    const image = /set image \S+ ([a-z0-9-]+)=/.exec(command);
    const [, container] = image ?? /\s-c ([a-z0-9-]+)/.exec(command) ?? [];
    if (container === undefined) continue;
    count++;
    const owner = objects.find(
      (object) => object['kind'] === 'Deployment' && at(object, 'metadata.name') === deployment,
    );
    const names = listOf(podSpecOf(owner)?.['containers']).map(({ name }) => name);
    assert.ok(names.includes(container), `${command}: there is no container ${container}`);
  }
  assert.ok(count > 3);
});

test('settings are those of the bridge', () => {
  const known = Object.values<Option<unknown>>(options).flatMap(({ env, aliases }) => [
    env,
    ...aliases,
  ]);
  const named = found(/\b(OP_[A-Z0-9_]+)/g);
  assert.ok(named.length > 0);
  assert.deepEqual(
    named.filter((name) => !known.includes(name)),
    [],
  );
});

test('commands of op-scim are in its table', async () => {
  const named = [...guide.matchAll(/(?:npx |-- |`)op-scim ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/g)];
  assert.ok(named.length > 3);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const io = { stdin: process.stdin, stdout: nowhere, stderr: nowhere, env: {} };
  for (const [text, name = '', second] of named) {
    assert.equal(await main(['help', name], io), 0, `${text}: there is no such command`);
    if (name === 'session') {
      assert.ok(session.usage.includes(`op-scim session ${second} `), `${text}: unknown`);
    }
  }
});

/** What the first group matches, each time. */
function found(pattern: RegExp): readonly string[] {
  return [...guide.matchAll(pattern)].map(([, text = '']) => text);
}

/** Commands in blocks and in sentences, from the name of the program on. */
function commands(program: string): readonly string[] {
  return found(new RegExp(`(\\b${program} [^\`\\n]+)`, 'g'));
}

/** Paths that are no value, nor below one that is a map. */
function unknownValues(paths: readonly string[]): readonly string[] {
  return paths.filter(
    (path) =>
      !leaves.has(path) &&
      ![...leaves].some(([leaf, { kind }]) => kind === 'map' && path.startsWith(`${leaf}.`)),
  );
}

function pathsIn(block: unknown, path = ''): readonly string[] {
  if (!isMap(block) || leaves.has(path)) return [path];
  return Object.entries(block).flatMap(([key, inner]) =>
    pathsIn(inner, path === '' ? key : `${path}.${key}`),
  );
}

/** Secrets of the plain manifests, of the defaults, and those that the guide itself sets. */
function knownSecrets(): ReadonlySet<unknown> {
  const isSecret = (path: string) => path.endsWith('existingSecret');
  const inPods = [
    ...JSON.stringify(objects).matchAll(/"(?:secretKeyRef|secret)":\{"name":"([^"]+)"/g),
  ];
  const bySets = sets.map((set) => set.split('=')).filter(([path = '']) => isSecret(path));
  const byBlocks = yamlBlocks.flatMap((block) =>
    pathsIn(block)
      .filter(isSecret)
      .map((path) => at(block, path)),
  );
  const byDefault = [...leaves].filter(([path]) => isSecret(path)).map(([, leaf]) => leaf.fallback);
  return new Set<unknown>([
    ...inPods.map(([, name]) => name),
    ...bySets.map(([, name]) => name),
    ...byBlocks,
    ...byDefault,
  ]);
}
