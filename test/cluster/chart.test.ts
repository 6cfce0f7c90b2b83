import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import type { V1ConfigMap, V1Deployment, V1Service } from '@kubernetes/client-node';
import { RESOURCES } from './api/resources.ts';
import { type ApiServer, startApiServer } from './api/server.ts';
import { type ClusterTools, clusterTools, HELMS, type Ran } from './tools.ts';

const CHART = 'charts/op-scim';
const DOMAIN = 'scim.example.com';

for (const helm of HELMS) {
  suite(`the chart with ${helm}`, () => {
    let folder = '';
    let api: ApiServer;
    let tools: ClusterTools;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'op-scim-cluster-'));
    });
    after(() => rm(folder, { recursive: true, force: true }));
    beforeEach(async () => {
      api = await startApiServer();
      tools = clusterTools(helm, api.url, folder);
    });
    afterEach(() => api.close());

    const install = (...args: readonly string[]) =>
      good(tools.helm('install', 'op-scim', CHART, '--wait', '--timeout', '20s', ...args));
    const upgrade = (...args: readonly string[]) =>
      tools.helm('upgrade', 'op-scim', CHART, '--wait', '--timeout', '20s', ...args);

    test('install, test, upgrade, rollback, uninstall', async () => {
      const { stdout } = await install();
      assert.match(stdout, /STATUS: deployed/);
      assert.match(stdout, /kubectl get service op-scim-bridge/);
      await good(tools.helm('test', 'op-scim', '--timeout', '20s'));
      assert.ok(
        api.requests.some((each) => /^(?:POST|PATCH) .*\/pods\b/.test(each)),
        'a test pod was made',
      );
      const fresh = checksum(bridge(api));
      await good(upgrade('--set', `config.tlsDomain=${DOMAIN}`));
      assert.equal(configMap(api).data?.['OP_TLS_DOMAIN'], DOMAIN);
      assert.notEqual(checksum(bridge(api)), fresh, 'the pods start anew');
      await good(tools.helm('rollback', 'op-scim', '1', '--wait', '--timeout', '20s'));
      assert.equal(configMap(api).data?.['OP_TLS_DOMAIN'], '');
      assert.equal(checksum(bridge(api)), fresh);
      const history = await good(tools.helm('history', 'op-scim', '--output', 'json'));
      assert.equal(JSON.parse(history.stdout).length, 3);
      await good(tools.helm('uninstall', 'op-scim', '--wait', '--timeout', '20s'));
      // The volume with the directory outlives the release: redis.persistence.keep.
      assert.deepEqual(api.cluster.names(), ['PersistentVolumeClaim/op-scim-redis']);
    });

    test('installed again, the release takes the volume that was kept', async () => {
      await install();
      await good(tools.helm('uninstall', 'op-scim'));
      await install();
      assert.ok(api.cluster.names().includes('PersistentVolumeClaim/op-scim-redis'));
    });

    test('two releases in one namespace do not touch each other', async () => {
      await install();
      const before = api.cluster.names();
      await good(tools.helm('install', 'second', CHART, '--wait', '--timeout', '20s'));
      await good(tools.helm('uninstall', 'second'));
      const left = api.cluster.names().filter((name) => !before.includes(name));
      assert.deepEqual(left, ['PersistentVolumeClaim/second-op-scim-redis']);
    });

    test('kubectl set env turns TLS on, and back; an upgrade leaves it', async () => {
      await install();
      await good(tools.kubectl('set', 'env', 'deploy/op-scim-bridge', `OP_TLS_DOMAIN=${DOMAIN}`));
      const names = () => environment(bridge(api)).map(({ name }) => name);
      assert.deepEqual(names().toSorted(), [
        'OP_CHART_TLS_DOMAIN',
        'OP_REDIS_PASSWORD',
        'OP_TLS_DOMAIN',
      ]);
      await good(upgrade('--set', 'config.debug=true'));
      assert.equal(value(bridge(api), 'OP_TLS_DOMAIN'), DOMAIN);
      assert.equal(configMap(api).data?.['OP_DEBUG'], '1');
      await good(tools.kubectl('set', 'env', 'deploy/op-scim-bridge', 'OP_TLS_DOMAIN-'));
      assert.equal(value(bridge(api), 'OP_TLS_DOMAIN'), undefined);
      await good(upgrade('--set', `config.tlsDomain=${DOMAIN}`));
      assert.equal(configMap(api).data?.['OP_TLS_DOMAIN'], DOMAIN);
    });

    test('kubectl set image changes the image until an upgrade that says which one counts', async () => {
      await install();
      const image = 'registry.example.com/op-scim-bridge:9.9.9';
      await good(tools.kubectl('set', 'image', 'deploy/op-scim-bridge', `op-scim-bridge=${image}`));
      assert.equal(container(bridge(api)).image, image);
      const plain = await upgrade();
      if (helm === 'Helm 4') {
        // Applies on the server: the field belongs to kubectl.
        assert.notEqual(plain.exitCode, 0);
        assert.match(plain.stderr, /conflict.*kubectl-set/is);
        assert.equal(container(bridge(api)).image, image);
        await good(upgrade('--force-conflicts'));
      } else {
        assert.equal(plain.exitCode, 0, plain.stderr);
      }
      assert.doesNotMatch(container(bridge(api)).image ?? '', /9\.9\.9/);
      const tag = [
        '--set',
        'image.registry=registry.example.com',
        '--set-string',
        'image.tag=9.9.9',
      ];
      await good(upgrade(...tag));
      assert.equal(container(bridge(api)).image, image);
    });

    test('kubectl apply -f dist/ installs, and applying it again changes nothing', async () => {
      const { stdout } = await good(tools.kubectl('apply', '-f', 'dist/'));
      assert.match(stdout, /deployment\.apps\/op-scim-bridge created/);
      assert.doesNotMatch(stdout, /pod/i);
      const again = await good(tools.kubectl('apply', '-f', 'dist/'));
      assert.doesNotMatch(again.stdout, /created|configured/);
      const image = 'registry.example.com/op-scim-bridge:9.9.9';
      await good(tools.kubectl('set', 'env', 'deploy/op-scim-bridge', `OP_TLS_DOMAIN=${DOMAIN}`));
      await good(tools.kubectl('set', 'image', 'deploy/op-scim-bridge', `op-scim-bridge=${image}`));
      await good(tools.kubectl('rollout', 'status', 'deploy/op-scim-bridge', '--timeout', '10s'));
      assert.equal(value(bridge(api), 'OP_TLS_DOMAIN'), DOMAIN);
      assert.equal(environment(bridge(api)).length, 3, 'the other variables are still there');
      await good(tools.kubectl('apply', '-f', 'dist/'));
      assert.equal(value(bridge(api), 'OP_TLS_DOMAIN'), DOMAIN);
      await good(tools.kubectl('delete', '-f', 'dist/', '--timeout', '10s'));
      assert.deepEqual(api.cluster.names(), []);
    });

    test('kubectl apply --server-side says who changed a field', async () => {
      await good(tools.kubectl('apply', '--server-side', '-f', 'dist/'));
      const image = 'registry.example.com/op-scim-bridge:9.9.9';
      await good(tools.kubectl('set', 'image', 'deploy/op-scim-bridge', `op-scim-bridge=${image}`));
      const refused = await tools.kubectl('apply', '--server-side', '-f', 'dist/');
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.stderr, /kubectl-set/);
      await good(tools.kubectl('apply', '--server-side', '--force-conflicts', '-f', 'dist/'));
      assert.notEqual(container(bridge(api)).image, image);
    });

    test('the Service has an address to make a DNS record for', async () => {
      await install();
      const service = find<V1Service>(api, 'Service', 'op-scim-bridge');
      assert.deepEqual(
        service.spec?.ports?.map(({ port, targetPort }) => [port, targetPort]),
        [[443, 'https']],
      );
      const path = 'jsonpath={.status.loadBalancer.ingress[0].ip}';
      const { stdout } = await good(
        tools.kubectl('get', 'service', 'op-scim-bridge', '--output', path),
      );
      assert.equal(stdout, '203.0.113.10');
    });
  });
}

suite('a release of Helm 3 in the hands of Helm 4', () => {
  test('is upgraded, and goes on to be', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'op-scim-cluster-'));
    const api = await startApiServer();
    try {
      const [three, four] = HELMS.map((helm) => clusterTools(helm, api.url, folder));
      assert.ok(three && four);
      await good(three.helm('install', 'op-scim', CHART));
      for (const domain of [DOMAIN, 'other.example.com']) {
        const args = ['--wait', '--timeout', '20s', '--set', `config.tlsDomain=${domain}`];
        await good(four.helm('upgrade', 'op-scim', CHART, ...args));
        assert.equal(configMap(api).data?.['OP_TLS_DOMAIN'], domain);
      }
      await good(four.helm('uninstall', 'op-scim'));
      assert.deepEqual(api.cluster.names(), ['PersistentVolumeClaim/op-scim-redis']);
    } finally {
      await api.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});

async function good(running: Promise<Ran>): Promise<Ran> {
  const ran = await running;
  assert.equal(ran.exitCode, 0, ran.stderr || ran.stdout);
  return ran;
}

function find<T>(api: ApiServer, kind: string, name: string): T {
  const resource = RESOURCES.find((each) => each.kind === kind);
  assert.ok(resource);
  return api.cluster.get(resource, 'default', name) as T; // Its fields were checked on the way in.
}

function bridge(api: ApiServer): V1Deployment {
  return find<V1Deployment>(api, 'Deployment', 'op-scim-bridge');
}

function configMap(api: ApiServer): V1ConfigMap {
  return find<V1ConfigMap>(api, 'ConfigMap', 'op-scim-configmap');
}

function container(deployment: V1Deployment) {
  const found = deployment.spec?.template.spec?.containers.find(
    ({ name }) => name === 'op-scim-bridge',
  );
  assert.ok(found);
  return found;
}

function environment(deployment: V1Deployment) {
  return container(deployment).env ?? [];
}

function value(deployment: V1Deployment, name: string): string | undefined {
  return environment(deployment).find((each) => each.name === name)?.value;
}

function checksum(deployment: V1Deployment): string | undefined {
  return deployment.spec?.template.metadata?.annotations?.['checksum/config'];
}
