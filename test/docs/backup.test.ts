import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isMap } from '../../cdk8s/lib/expression.ts';
import { parseYaml } from '../../cdk8s/lib/yaml.ts';
import { at, listOf, mapOf, podSecurityMistakes, podSpecOf } from '../cdk8s/pods.ts';
import { unknownFields } from '../cdk8s/unknown-fields.ts';
import { wrongTypes } from '../cdk8s/wrong-types.ts';
import { RESOURCES } from '../cluster/api/resources.ts';
import { startApiServer } from '../cluster/api/server.ts';
import { clusterTools, HELMS, type Ran } from '../cluster/tools.ts';
import { makeSession, startBridge, type TestSession } from '../support/bridge.ts';
import { runCli } from '../support/cli-process.ts';
import { bodyOf, call } from '../support/http-client.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

// docs/backup.md: what it has one apply is right, and its commands really back up and restore.

const guide = readFileSync('docs/backup.md', 'utf8');
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(
    ([, block = '']) => block,
  );
const manifest = blocks('yaml').find((block) => block.includes('kind: CronJob')) ?? '';
const objects = parseYaml(manifest).map(mapOf);
const deployed = parseYaml(readFileSync('dist/default.k8s.yaml', 'utf8')).map(mapOf);

function only(list: readonly Readonly<Record<string, unknown>>[], kind: string, name: string) {
  const isIt = (each: unknown) => at(each, 'metadata.name') === name;
  const found = list.filter((each) => each['kind'] === kind && isIt(each));
  assert.equal(found.length, 1, `${kind} ${name}`);
  return mapOf(found[0]);
}

const cronJob = only(objects, 'CronJob', 'op-scim-backup');
const pod = mapOf(podSpecOf(cronJob));
const [container = {}] = listOf(pod['containers']);
const bridge = only(deployed, 'Deployment', 'op-scim-bridge');
const [bridgeContainer = {}] = listOf(podSpecOf(bridge)?.['containers']);

/** Commands of the guide that run op-scim in a pod, in its order: `op-scim export`, `op-scim import`. */
const commandsInPods = [
  ...guide.matchAll(/^kubectl exec .* -- op-scim (\w+) [<>] backup\.ndjson$/gm),
].map(([, command = '']) => command);

suite('the manifest of docs/backup.md', () => {
  test('keeps the rules of Kubernetes and of Pod Security "restricted"', () => {
    assert.deepEqual(objects.flatMap(unknownFields), []);
    assert.deepEqual(objects.flatMap(wrongTypes), []);
    assert.deepEqual(podSecurityMistakes(pod), []);
    assert.equal(pod['automountServiceAccountToken'], false);
    assert.equal(pod['enableServiceLinks'], false);
    assert.equal(at(container, 'securityContext.readOnlyRootFilesystem'), true);
    assert.notEqual(at(container, 'resources.limits.memory'), undefined);
    assert.equal(at(cronJob, 'spec.concurrencyPolicy'), 'Forbid');
  });

  test('reads what the bridge reads: Redis, its password, the session', () => {
    const config = mapOf(only(deployed, 'ConfigMap', 'op-scim-configmap')['data']);
    const [url, password] = listOf(container['env']);
    assert.equal(url?.['name'], 'OP_REDIS_URL');
    assert.equal(at(url, 'valueFrom.configMapKeyRef.name'), 'op-scim-configmap');
    assert.ok(String(at(url, 'valueFrom.configMapKeyRef.key')) in config);
    const ofBridge = listOf(bridgeContainer['env']).find(
      ({ name }) => name === 'OP_REDIS_PASSWORD',
    );
    assert.deepEqual(password, ofBridge);
    const secret = at(
      listOf(pod['volumes']).find(({ name }) => name === 'session'),
      'secret',
    );
    assert.ok(JSON.stringify(podSpecOf(bridge)).includes(`"${at(secret, 'secretName')}"`));
    assert.equal(at(secret, 'defaultMode'), 0o440, 'the bridge refuses files that all may read');
    const { mountPath } = mapOf(
      listOf(container['volumeMounts']).find(({ name }) => name === 'session'),
    );
    assert.equal(config['OP_SESSION'], `${mountPath}/scimsession`);
  });

  test('has the image, user and group of the bridge', () => {
    assert.equal(container['image'], bridgeContainer['image']);
    for (const name of ['runAsUser', 'runAsGroup', 'fsGroup']) {
      assert.equal(
        at(pod, `securityContext.${name}`),
        at(podSpecOf(bridge), `securityContext.${name}`),
      );
    }
  });

  test('lets its pods reach Redis, and sends them no requests', () => {
    const policy = only(objects, 'NetworkPolicy', 'op-scim-backup');
    const labels = mapOf(at(cronJob, 'spec.jobTemplate.spec.template.metadata.labels'));
    const [rule] = listOf(at(policy, 'spec.ingress'));
    assert.deepEqual(at(listOf(rule?.['from'])[0], 'podSelector.matchLabels'), labels);
    const redis = only(deployed, 'Deployment', 'op-scim-redis');
    const ofRedis = mapOf(at(redis, 'spec.template.metadata.labels'));
    const selected = Object.entries(mapOf(at(policy, 'spec.podSelector.matchLabels')));
    assert.ok(selected.length > 1 && selected.every(([key, value]) => ofRedis[key] === value));
    const ports = listOf(listOf(podSpecOf(redis)?.['containers'])[0]?.['ports']);
    assert.ok(ports.some(({ name }) => name === listOf(rule?.['ports'])[0]?.['port']));
    for (const service of deployed.filter(({ kind }) => kind === 'Service')) {
      const selector = Object.entries(mapOf(at(service, 'spec.selector')));
      assert.ok(selector.some(([key, value]) => labels[key] !== value));
    }
  });

  for (const helm of HELMS) {
    test(`the kubectl of ${helm} applies it, and makes the Jobs of the guide from it`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'op-scim-backup-'));
      const api = await startApiServer();
      const { kubectl } = clusterTools(helm, api.url, folder);
      try {
        const file = join(folder, 'backup.yaml');
        writeFileSync(file, manifest);
        await good(kubectl('apply', '-f', file));
        for (const command of [/`kubectl (create job [^`]*)`/, /^kubectl (create job .*)$/m]) {
          const [, words = ''] = command.exec(guide) ?? assert.fail(String(command));
          const [args = '', target] = words.split(' > ');
          // The API of these tests does not know the binary form of a Job.
          const asText = args.includes('--dry-run') ? [] : ['--dry-run=client', '-o', 'yaml'];
          const { stdout } = await good(kubectl(...args.split(' '), ...asText));
          const job = join(folder, 'job.yaml');
          const restores = stdout.replace(/args:\n(?: +- .*\n)+/, restoreArgs());
          writeFileSync(job, target === undefined ? stdout : restores);
          await good(kubectl('apply', '-f', job));
        }
        const kind = RESOURCES.find((each) => each.kind === 'Job') ?? assert.fail();
        const args = (name: string) =>
          listOf(podSpecOf(api.cluster.get(kind, 'default', name))?.['containers'])[0]?.['args'];
        assert.deepEqual(args('op-scim-backup-now'), container['args']);
        assert.equal(Reflect.get(Object(args('op-scim-restore')), 0), 'import');
      } finally {
        await api.close();
        rmSync(folder, { recursive: true });
      }
    });
  }
});

/** The guide's own lines for the Job, at the depth that kubectl writes them. */
function restoreArgs(): string {
  const block = blocks('yaml').find((each) => each.startsWith('args:')) ?? assert.fail('no args');
  return block.replaceAll(/^(?=.*- )/gm, '        ');
}

async function good(running: Promise<Ran>): Promise<Ran> {
  const ran = await running;
  assert.equal(ran.exitCode, 0, ran.stderr || ran.stdout);
  return ran;
}

suite('a backup of docs/backup.md', () => {
  let folder = '';
  let redis: RedisServer;
  let session: TestSession;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'op-scim-backup-'));
    redis = await startRedis({ args: ['--appendfsync', 'no'] });
    session = makeSession('backup');
    const bridge = await startBridge({ session, redisUrl: redis.url });
    for (const userName of ['ada', 'ben']) await create(bridge, '/Users', { userName });
    const [ada] = listOf(bodyOf(await call(bridge, 'GET', '/Users'))['Resources']);
    await create(bridge, '/Groups', { displayName: 'All', members: [{ value: ada?.['id'] }] });
    await bridge.close();
  });
  after(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  const create = async (bridge: { url: string; token: string }, path: string, fields: object) => {
    const kind = path === '/Users' ? 'User' : 'Group';
    const schemas = [`urn:ietf:params:scim:schemas:core:2.0:${kind}`];
    const answer = await call(bridge, 'POST', path, {
      body: JSON.stringify({ schemas, ...fields }),
    });
    assert.equal(answer.status, 201, answer.text);
  };

  /** People and groups with ids, versions and members, as a client sees them. */
  async function seen(redisUrl: string): Promise<unknown> {
    const bridge = await startBridge({ session, redisUrl, keep: true });
    try {
      const answers = ['/Users', '/Groups'].map(async (path) => {
        const { text } = await call(bridge, 'GET', path);
        return JSON.parse(text.replaceAll(bridge.url, ''));
      });
      return await Promise.all(answers);
    } finally {
      await bridge.close();
    }
  }

  const env = (database: number) => ({
    OP_REDIS_URL: `${redis.url}/${database}`,
    OP_SESSION: session.base64,
  });

  test('by hand restores into the store of a bridge that runs', async () => {
    assert.deepEqual(commandsInPods, ['export', 'import', 'import']);
    const [first = '', second = ''] = commandsInPods;
    const taken = await runCli([first], { env: env(0) });
    assert.equal(taken.code, 0, taken.stderr);
    const running = await startBridge({ session, redisUrl: `${redis.url}/1` });
    try {
      assert.equal(bodyOf(await call(running, 'GET', '/Users'))['totalResults'], 0);
      const restored = await runCli([second], { env: env(1), stdin: taken.stdout });
      assert.equal(restored.code, 0, restored.stderr);
      assert.equal(bodyOf(await call(running, 'GET', '/Users'))['totalResults'], 2);
      await create(running, '/Users', { userName: 'cleo' });
    } finally {
      await running.close();
    }
  });

  test('by the CronJob restores by the Job: the same people, groups, ids and versions', async () => {
    const backup = join(folder, 'backup');
    mkdirSync(backup);
    const inFolder = (args: unknown) =>
      (Array.isArray(args) ? args : []).map((each) => String(each).replace('/backup', backup));
    const taken = await runCli(inFolder(container['args']), { env: env(0) });
    assert.equal(taken.code, 0, taken.stderr);
    const [name = ''] = readdirSync(backup);
    const restore = mapOf(parseYaml(restoreArgs())[0])['args'];
    const args = inFolder(restore).map((each) => each.replace(/op-scim-[^/]*\.ndjson$/, name));
    assert.ok(isMap(mapOf(parseYaml(restoreArgs())[0])) && args[1]?.endsWith(name));
    const restored = await runCli(args, { env: env(2) });
    assert.equal(restored.code, 0, restored.stderr);
    assert.deepEqual(await seen(`${redis.url}/2`), await seen(redis.url));
  });
});
