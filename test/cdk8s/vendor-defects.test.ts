import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { leavesOf } from '../../cdk8s/lib/values.ts';
import { definition } from '../../cdk8s/values.ts';
import { helm } from '../support/kubernetes-tools.ts';
import { knownCases } from './differential.ts';
import { at, listOf, mapOf, podSpecOf } from './pods.ts';
import { defaultRelease, objectsIn, renderPlain } from './render.ts';

// Mistakes that charts for the vendor's bridge have or had (1Password/op-scim-helm and
// 1Password/scim-examples), each with a test that ours has it not.

type Objects = readonly Readonly<Record<string, unknown>>[];

function render(values: object): Objects {
  const { objects, refusal } = renderPlain({ values, release: defaultRelease });
  assert.equal(refusal, undefined);
  return [...(objects?.values() ?? [])].map(mapOf);
}

function only(objects: Objects, kind: string, name = 'op-scim-bridge') {
  const found = objects.filter(
    (each) => each['kind'] === kind && at(each, 'metadata.name') === name,
  );
  assert.equal(found.length, 1, `${kind} ${name}`);
  return mapOf(found[0]);
}

const container = (deployment: unknown) => mapOf(listOf(podSpecOf(deployment)?.['containers'])[0]);
const everything = knownCases().find(([name]) => name === 'everything.yaml')?.[1].values ?? {};
const pods = (objects: Objects) => objects.filter((each) => podSpecOf(each) !== undefined);

async function templateWithTests(...args: readonly string[]) {
  const run = await helm(35, 'template', 'op-scim', 'charts/op-scim', ...args);
  assert.equal(run.code, 0, run.stderr);
  return [...objectsIn(run.stdout).values()].map(mapOf);
}

test('imagePullSecrets are of the pod, not of the container', async () => {
  const objects = await templateWithTests('--set-json', 'imagePullSecrets=[{"name":"registry"}]');
  assert.equal(pods(objects).length, 3);
  for (const pod of pods(objects)) {
    assert.deepEqual(podSpecOf(pod)?.['imagePullSecrets'], [{ name: 'registry' }]);
    assert.equal(container(pod)['imagePullSecrets'], undefined);
  }
});

test('the autoscaler is good YAML with one metric', () => {
  const autoscaler = only(render({ autoscaling: { enabled: true } }), 'HorizontalPodAutoscaler');
  assert.deepEqual(at(autoscaler, 'spec.metrics'), [
    {
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
    },
  ]);
});

test('an autoscaler and a fixed number of pods do not fight', () => {
  const deployment = only(render({ autoscaling: { enabled: true } }), 'Deployment');
  assert.equal(at(deployment, 'spec.replicas'), undefined);
});

test('Prometheus reads a port of its own, with a token from a Secret', () => {
  const monitor = only(
    render({ monitoring: { serviceMonitor: { enabled: true } } }),
    'ServiceMonitor',
  );
  const [endpoint] = listOf(at(monitor, 'spec.endpoints'));
  assert.equal(endpoint?.['port'], 'probe');
  assert.deepEqual(at(endpoint, 'authorization.credentials'), {
    name: 'op-scim-health-token',
    key: 'token',
  });
});

test('no init container runs as root to change owners', () => {
  for (const pod of pods(render({}))) {
    assert.deepEqual(podSpecOf(pod)?.['initContainers'], undefined);
    assert.equal(at(podSpecOf(pod), 'securityContext.runAsNonRoot'), true);
  }
});

test('an empty storage class leaves the choice to the cluster', () => {
  const claim = (storageClass: string) =>
    only(
      render({ redis: { persistence: { storageClass } } }),
      'PersistentVolumeClaim',
      'op-scim-redis',
    );
  assert.ok(!('storageClassName' in mapOf(claim('')['spec'])));
  assert.equal(at(claim('fast'), 'spec.storageClassName'), 'fast');
});

test('annotations of the Service are its own', () => {
  const objects = render({ service: { annotations: { only: 'here' } } });
  const annotated = objects.filter((each) => at(each, 'metadata.annotations.only') !== undefined);
  assert.deepEqual(
    annotated.map((each) => each['kind']),
    ['Service'],
  );
});

test('tests are hooks, have no token, and read no map as text', async () => {
  const hooks = (await templateWithTests()).filter((each) => each['kind'] === 'Pod');
  assert.equal(hooks.length, 1);
  assert.equal(mapOf(at(hooks[0], 'metadata.annotations'))['helm.sh/hook'], 'test');
  assert.equal(container(hooks[0])['env'], undefined);
  assert.deepEqual(podSpecOf(hooks[0])?.['volumes'] ?? [], []);
});

test('images have exact tags', () => {
  for (const pod of pods(render({}))) {
    assert.match(String(container(pod)['image']), /:\d+\.\d+\.\d+$/);
  }
});

test('a digest wins over the tag, and a registry comes before the repository', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const image = { registry: 'example.azurecr.io', tag: '1.2.3' };
  const of = (values: object) => container(only(render(values), 'Deployment'))['image'];
  assert.equal(of({ image }), 'example.azurecr.io/op-scim-bridge:1.2.3');
  assert.equal(of({ image: { ...image, digest } }), `example.azurecr.io/op-scim-bridge@${digest}`);
});

test('priority class and lifecycle hooks are offered', () => {
  const lifecycle = { preStop: { httpGet: { path: '/ping', port: 'probe' } } };
  const bridge = only(render({ bridge: { priorityClassName: 'high', lifecycle } }), 'Deployment');
  assert.equal(podSpecOf(bridge)?.['priorityClassName'], 'high');
  assert.deepEqual(container(bridge)['lifecycle'], lifecycle);
});

test('the chart takes the scimsession file itself, as it is', async () => {
  const content = readFileSync('package.json', 'utf8');
  const objects = await templateWithTests(
    ...['--set', 'session.create=true', '--set-file', 'session.content=package.json'],
  );
  const secret = only(objects, 'Secret', 'op-scim-scimsession');
  assert.equal(mapOf(secret['stringData'])['scimsession'], content);
  const volume = listOf(podSpecOf(only(objects, 'Deployment'))?.['volumes']).find(
    ({ name }) => name === 'session',
  );
  assert.ok(JSON.stringify(volume).includes('"op-scim-scimsession"'));
});

test('two releases fight for no port of the nodes', () => {
  const [port] = listOf(at(only(render({}), 'Service'), 'spec.ports'));
  assert.equal(port?.['nodePort'], undefined);
});

test('the load balancer is not told to probe over HTTP, which would find no bridge behind TLS', () => {
  for (const port of listOf(at(only(render(everything), 'Service'), 'spec.ports'))) {
    assert.equal(port['appProtocol'], undefined);
  }
});

test('secrets come as files, not as variables', () => {
  const bridge = only(render(everything), 'Deployment');
  const names = listOf(container(bridge)['env']).map(({ name }) => name);
  assert.ok(!names.includes('OP_SESSION'));
  const config = mapOf(only(render({}), 'ConfigMap', 'op-scim-configmap')['data']);
  assert.equal(config['OP_SESSION'], '/home/opuser/.op/scimsession');
});

test('no CPU limit throttles', () => {
  for (const pod of pods(render({}))) {
    assert.equal(at(container(pod), 'resources.limits.cpu'), undefined);
  }
});

test('all three probes look at a port that is there with and without TLS', () => {
  for (const tlsDomain of ['', 'scim.example.com']) {
    const inner = container(only(render({ config: { tlsDomain } }), 'Deployment'));
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      assert.equal(at(inner, `${probe}.httpGet.port`), 'probe', probe);
    }
    assert.deepEqual(
      listOf(inner['ports']).map(({ name }) => name),
      ['http', 'https', 'probe'],
    );
  }
});

test('pods restart when their settings change, and only then', () => {
  const checksum = (values: object) => {
    const annotations = at(
      only(render(values), 'Deployment'),
      'spec.template.metadata.annotations',
    );
    return String(mapOf(annotations)['checksum/config']);
  };
  assert.notEqual(checksum({}), checksum({ config: { tlsDomain: 'scim.example.com' } }));
  assert.notEqual(checksum({}), checksum({ ports: { http: 3003 } }));
  assert.equal(checksum({}), checksum({ service: { type: 'ClusterIP' } }));
});

test('a rollout does without two pods less', () => {
  const bridge = only(render({}), 'Deployment');
  assert.deepEqual(at(bridge, 'spec.strategy'), {
    type: 'RollingUpdate',
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
  });
});

test('labels are valid, and selectors hold no version', () => {
  for (const object of render({})) {
    const labels = mapOf(at(object, 'metadata.labels'));
    assert.match(String(labels['helm.sh/chart']), /^op-scim-\d/);
    assert.ok(!labels['app.kubernetes.io/name']?.toString().includes(':'));
  }
  for (const pod of pods(render({}))) {
    const selector = Object.keys(mapOf(at(pod, 'spec.selector.matchLabels'))).toSorted();
    assert.deepEqual(selector, [
      'app.kubernetes.io/component',
      'app.kubernetes.io/instance',
      'app.kubernetes.io/name',
    ]);
  }
});

test('spreading looks for labels that the pods have', () => {
  const bridge = only(render({}), 'Deployment');
  const [spread] = listOf(podSpecOf(bridge)?.['topologySpreadConstraints']);
  assert.deepEqual(
    at(spread, 'labelSelector.matchLabels'),
    at(bridge, 'spec.selector.matchLabels'),
  );
});

test('own certificates have the names of the bridge and the keys of kubernetes.io/tls', () => {
  const objects = render({ tls: { existingSecret: 'op-scim-tls' } });
  const config = mapOf(only(objects, 'ConfigMap', 'op-scim-configmap')['data']);
  assert.equal(config['OP_TLS_CERT_FILE'], '/secrets/tls/tls.crt');
  assert.equal(config['OP_TLS_KEY_FILE'], '/secrets/tls/tls.key');
  const volumes = listOf(podSpecOf(only(objects, 'Deployment'))?.['volumes']);
  const volume = volumes.find(({ name }) => name === 'tls');
  assert.deepEqual(
    listOf(at(volume, 'secret.items')).map(({ path }) => path),
    ['tls.crt', 'tls.key'],
  );
});

test('a wrong value is refused, and values are no templates', () => {
  const { refusal } = renderPlain({ values: { scim: {} }, release: defaultRelease });
  assert.match(refusal ?? '', /scim: is not a value of this chart/);
  const text = '{{ .Release.Name }}';
  const bridge = only(render({ bridge: { podAnnotations: { text } } }), 'Deployment');
  assert.equal(mapOf(at(bridge, 'spec.template.metadata.annotations'))['text'], text);
});

test('the README has exactly the values that there are', () => {
  const readme = readFileSync('charts/op-scim/README.md', 'utf8');
  const documented = [...readme.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, path]) => path);
  assert.deepEqual(
    documented,
    leavesOf(definition).map(([path]) => path),
  );
});

test('each value can come from a Secret that exists, and Redis is in the chart itself', () => {
  const chart = readFileSync('charts/op-scim/Chart.yaml', 'utf8');
  assert.ok(!chart.includes('dependencies:'));
  assert.ok(!chart.includes('bitnami'));
  const names = leavesOf(definition).map(([path]) => path);
  for (const path of [
    'session',
    'redis.external',
    'redis.password',
    'tls',
    'dns01',
    'bearerToken',
  ]) {
    assert.ok(names.includes(`${path}.existingSecret`), path);
  }
});

test('plain HTTP is behind no load balancer unless one asks for it', () => {
  const ports = (values: object) =>
    listOf(at(only(render(values), 'Service'), 'spec.ports')).map(({ name }) => name);
  assert.deepEqual(ports({}), ['https']);
  assert.deepEqual(ports({ service: { http: { enabled: true } } }), ['https', 'http']);
});
