import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { isMap } from '../../cdk8s/lib/expression.ts';
import { helm, helms } from '../support/kubernetes-tools.ts';
import { knownCases } from './differential.ts';
import { at, listOf, mapOf, podSecurityMistakes, podSpecOf } from './pods.ts';
import { defaultRelease, objectsIn, renderPlain } from './render.ts';
import { unknownFields } from './unknown-fields.ts';
import { wrongTypes } from './wrong-types.ts';

/** What a chart linter asks of YAML, with the lines of ours that are long for a reason. */
const YAMLLINT = `
extends: default
rules:
  document-start: disable
  line-length: disable
  comments: {min-spaces-from-content: 1}
  truthy: {check-keys: true}
`;

type Objects = ReadonlyMap<string, unknown>;

/** With the test pod, which plain manifests have not. */
async function objectsWithTests(values: object): Promise<{ text: string; objects: Objects }> {
  const { code, stdout, stderr } = await helm(
    35,
    'template',
    'op-scim',
    'charts/op-scim',
    ...setsOf(values),
  );
  assert.equal(code, 0, stderr);
  return { text: stdout, objects: objectsIn(stdout) };
}

for (const [name, { values }] of knownCases()) {
  test(`objects of ${name} keep the rules of Kubernetes`, async () => {
    const { objects, text } = await objectsWithTests(values);
    const mistakes = [...objects].flatMap(([id, object]) =>
      [
        ...unknownFields(mapOf(object)),
        ...wrongTypes(mapOf(object)),
        ...portMistakes(object),
        ...podMistakes(object),
      ].map((mistake) => `${id}: ${mistake}`),
    );
    assert.deepEqual(mistakes, []);
    assert.ok(!/cdk8s\.io|\u27e6/.test(text), 'a mark of the generator was left');
    assert.deepEqual(selectorMistakes(objects), []);
  });
}

function setsOf(values: object): readonly string[] {
  return Object.entries(values).flatMap(([key, value]) => [
    '--set-json',
    `${key}=${JSON.stringify(value)}`,
  ]);
}

/** `kubectl apply` takes ports without a protocol for new ones each time, and may drop one of two. */
function portMistakes(object: unknown): readonly string[] {
  const ofPods = listOf(podSpecOf(object)?.['containers']).flatMap(({ ports }) => listOf(ports));
  const isService = mapOf(object)['kind'] === 'Service';
  const all = [...ofPods, ...(isService ? listOf(at(object, 'spec.ports')) : [])];
  return all
    .filter(({ protocol }) => protocol !== 'TCP')
    .map(({ name }) => `port ${name}: protocol`);
}

function podMistakes(object: unknown): readonly string[] {
  const spec = podSpecOf(object);
  if (spec === undefined) return [];
  // Containers that a user adds are theirs.
  const containers = listOf(spec['containers']).filter(({ name }) => name !== 'beside');
  const pod = { ...spec, containers, initContainers: [] };
  const wants: readonly (readonly [string, boolean])[] = [
    ['enableServiceLinks: false', spec['enableServiceLinks'] === false],
    ['automountServiceAccountToken: false', spec['automountServiceAccountToken'] === false],
    ['fsGroup 999', at(spec, 'securityContext.fsGroup') === 999],
    [
      'read-only root',
      containers.every((each) => at(each, 'securityContext.readOnlyRootFilesystem') === true),
    ],
    [
      'a memory limit',
      containers.every((each) => at(each, 'resources.limits.memory') !== undefined),
    ],
    ['no CPU limit', containers.every((each) => at(each, 'resources.limits.cpu') === undefined)],
  ];
  const missing = wants.filter(([, isSo]) => !isSo).map(([want]) => want);
  return [...podSecurityMistakes(pod), ...missing];
}

/** What selects must find the pods of a Deployment, and named ports must be there. */
function selectorMistakes(objects: Objects): readonly string[] {
  const deployments = [...objects.values()].filter((each) => mapOf(each)['kind'] === 'Deployment');
  const names = deployments.map((each) => at(each, 'metadata.name'));
  return [...objects].flatMap(([id, object]) => {
    const kind = String(mapOf(object)['kind']);
    const path = {
      Service: 'spec.selector',
      NetworkPolicy: 'spec.podSelector.matchLabels',
      PodDisruptionBudget: 'spec.selector.matchLabels',
      Deployment: 'spec.selector.matchLabels',
    }[kind];
    if (kind === 'HorizontalPodAutoscaler') {
      const target = at(object, 'spec.scaleTargetRef.name');
      return names.includes(target) ? [] : [`${id} scales ${target}, which is not there`];
    }
    if (path === undefined) return [];
    const selector = Object.entries(mapOf(at(object, path)));
    const found = deployments.filter((each) => {
      const labels = mapOf(at(each, 'spec.template.metadata.labels'));
      return selector.every(([key, value]) => labels[key] === value);
    });
    if (selector.length === 0 || found.length !== 1)
      return [`${id} selects ${found.length} Deployments`];
    const ports = listOf(podSpecOf(found[0])?.['containers']).flatMap((each) =>
      listOf(each['ports']),
    );
    const targets = kind === 'Service' ? listOf(at(object, 'spec.ports')) : [];
    return targets
      .filter(({ targetPort }) => !ports.some(({ name }) => name === targetPort))
      .map(({ targetPort }) => `${id}: no port ${targetPort}`);
  });
}

test('yamllint finds nothing in what people read and apply', async () => {
  const { text } = await objectsWithTests({});
  const options = ['-d', YAMLLINT, '--strict'];
  const files = [
    'charts/op-scim/values.yaml',
    'charts/op-scim/Chart.yaml',
    'dist',
    'cdk8s/presets',
  ];
  execFileSync('yamllint', [...options, ...files]);
  execFileSync('yamllint', [...options, '-'], { input: text });
});

for (const { name, layer } of helms) {
  for (const [file, { values }] of knownCases()) {
    test(`${name} lints the chart with ${file}`, async () => {
      const { code, stdout, stderr } = await helm(
        layer,
        'lint',
        '--strict',
        'charts/op-scim',
        ...setsOf(values),
      );
      assert.equal(code, 0, stdout + stderr);
      assert.ok(!/WARNING|ERROR/.test(stdout), stdout);
    });
  }
}

test('a field that Kubernetes does not know is found, and one of the wrong type', () => {
  const found = (container: object, mistakesOf: typeof unknownFields) => {
    const values = { bridge: { extraContainers: [{ name: 'a', ...container }] } };
    const { objects } = renderPlain({ values, release: defaultRelease });
    return [...(objects?.values() ?? [])].filter(isMap).flatMap(mistakesOf);
  };
  assert.deepEqual(found({ imagePullPolcy: 'Always' }, unknownFields), [
    '/spec/template/spec/containers/1/imagePullPolcy: unknown field of V1Container',
  ]);
  const [wrong, ...others] = found({ ports: [{ containerPort: 'http' }] }, wrongTypes);
  assert.match(wrong ?? '', /Deployment: .*containerPort/);
  assert.deepEqual(others, []);
});
