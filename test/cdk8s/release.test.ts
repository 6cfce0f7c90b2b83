import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Redis } from 'ioredis';
import { helm, helms } from '../support/kubernetes-tools.ts';
import { at, listOf, mapOf, podSpecOf } from './pods.ts';
import { defaultRelease, objectsIn, renderPlain } from './render.ts';

const folder = mkdtempSync(join(tmpdir(), 'op-scim-release-'));
after(() => rmSync(folder, { recursive: true }));

/** Helm 3 asks a cluster even here. */
const notes = async (...args: readonly string[]) => {
  const dryRun = ['install', 'op-scim', 'charts/op-scim', '--dry-run=client'];
  const { code, stdout, stderr } = await helm(35, ...dryRun, '--namespace', 'scim', ...args);
  assert.equal(code, 0, stderr);
  return stdout.slice(stdout.indexOf('NOTES:'));
};

test('NOTES.txt leads from the address to the identity provider', async () => {
  const text = await notes();
  const steps = [
    'kubectl create secret generic scimsession --namespace scim',
    'kubectl get service op-scim-bridge --namespace scim --watch',
    'make a record that points scim.example.com',
    '--set config.tlsDomain=scim.example.com',
    'op-scim doctor',
    'https://scim.example.com/scim,',
  ];
  const places = steps.map((step) => text.indexOf(step));
  assert.ok(!places.includes(-1), text);
  assert.deepEqual(
    places.toSorted((a, b) => a - b),
    places,
  );
  assert.match(text, /kubectl create secret generic op-scim-redis/);
  assert.ok(!text.includes('{{'));
});

test('NOTES.txt says only what the values need', async () => {
  const text = await notes(
    '-f',
    'cdk8s/presets/ingress.yaml',
    '--set',
    'image.registry=example.azurecr.io',
  );
  assert.match(text, /kubectl get ingress op-scim-bridge/);
  assert.ok(!text.includes('turn TLS on'));
  assert.match(text, /open https:\/\/scim\.example\.com\/ and/);
  const internal = await notes(
    '--set',
    'service.type=ClusterIP,config.publicUrl=https://a.example/',
  );
  assert.match(internal, /kubectl port-forward service\/op-scim-bridge-probe/);
  assert.match(internal, /https:\/\/a\.example\/scim,/);
  assert.ok(!text.includes('without a registry'));
  const trial = await notes('--set', 'redis.persistence.enabled=false,replicaCount=2');
  assert.match(trial, /loses the directory and the certificate/);
  assert.match(trial, /set bearerToken\.existingSecret/);
});

test('NOTES.txt names the Secrets that the values need', async () => {
  assert.doesNotMatch(await notes(), /^Secrets:/m);
  const external = await notes('-f', 'cdk8s/presets/external-redis.yaml');
  assert.match(external, /^Secrets:.*\n {5}op-scim-redis-url: the URL of Redis\n\n/m);
  assert.doesNotMatch(external, /NetworkPolicies do nothing/);
  const internal = await notes('-f', 'cdk8s/presets/aks-internal.yaml');
  assert.match(internal, /^Secrets:.*\n {5}dns01-config: .*\n\n/m);
  assert.match(internal, /^Certificate: .*\nis right and the settings of DNS are good\./m);
  assert.match(internal, /NetworkPolicies do nothing/);
  const own = await notes('--set', 'config.tlsDomain=a.example,tls.existingSecret=scim-tls');
  assert.match(own, /^ {5}scim-tls: the certificate/m);
  assert.doesNotMatch(own, /^Certificate:/m);
  const ingress = await notes('-f', 'cdk8s/presets/ingress.yaml');
  assert.match(ingress, /The Secrets of ingress\.tls/);
  const watched = await notes('--set', 'monitoring.serviceMonitor.enabled=true');
  assert.match(watched, /^ {5}op-scim-health-token: the health-only token/m);
});

for (const { name, layer } of helms) {
  test(`${name}: the chart is a good part of another one`, async () => {
    const parent = join(folder, `parent-${layer}`);
    cpSync('charts/op-scim', join(parent, 'charts/op-scim'), { recursive: true });
    const dependency = 'name: op-scim, version: "*", alias: scim, condition: scim.enabled';
    writeFileSync(
      join(parent, 'Chart.yaml'),
      `apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [{${dependency}}]\n`,
    );
    writeFileSync(
      join(parent, 'values.yaml'),
      'global: {domain: x}\nscim: {enabled: true, replicaCount: 2}\n',
    );
    const on = await helm(layer, 'template', 'p', parent);
    assert.equal(on.code, 0, on.stderr);
    const bridge = [...objectsIn(on.stdout).values()].find(
      (each) => mapOf(each)['kind'] === 'Deployment' && at(each, 'spec.replicas') === 2,
    );
    assert.ok(bridge !== undefined);
    const off = await helm(layer, 'template', 'p', parent, '--set', 'scim.enabled=false');
    assert.equal(off.code, 0, off.stderr);
    assert.equal(objectsIn(off.stdout).size, 0);
  });
}

/** The start of Redis's container with a folder and a port of this machine. */
function redisStart(port: number): { command: string; args: readonly string[] } {
  const { objects } = renderPlain({ values: {}, release: defaultRelease });
  const [container] = listOf(
    podSpecOf(objects?.get('apps/v1 Deployment op-scim-redis'))?.['containers'],
  );
  const strings = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  const own = join(folder, `redis-${port}`);
  mkdirSync(own);
  const [command = '', ...rest] = [
    ...strings(container?.['command']),
    ...strings(container?.['args']),
  ].map((each) => each.replaceAll('/tmp/redis.conf', `${own}/redis.conf`).replace(/^\/data$/, own));
  return { command, args: [...rest, '--port', String(port), '--bind', '127.0.0.1'] };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

for (const password of [undefined, 'plain', `qu"o'te\\ $x \`y\` %s`]) {
  test(`Redis starts with the password ${password}, and keeps each write`, async (t) => {
    const port = await freePort();
    const { command, args } = redisStart(port);
    const env = {
      PATH: process.env['PATH'],
      ...(password === undefined ? {} : { REDISCLI_AUTH: password }),
    };
    const child = spawn(command, args, { env, stdio: 'ignore' });
    t.after(() => child.kill());
    const redis = new Redis({
      port,
      host: '127.0.0.1',
      password,
      maxRetriesPerRequest: 50,
      retryStrategy: () => 50,
    });
    redis.on('error', () => {});
    t.after(() => redis.disconnect());
    assert.equal(await redis.ping(), 'PONG');
    assert.deepEqual(await redis.config('GET', 'appendfsync'), ['appendfsync', 'always']);
    assert.deepEqual(await redis.config('GET', 'appendonly'), ['appendonly', 'yes']);
    assert.deepEqual(await redis.config('GET', 'save'), ['save', '']);
    assert.deepEqual(await redis.config('GET', 'maxmemory-policy'), [
      'maxmemory-policy',
      'noeviction',
    ]);
    assert.deepEqual(await redis.config('GET', 'maxmemory'), [
      'maxmemory',
      String(256 * 1024 ** 2),
    ]);
    if (password !== undefined) {
      const stranger = new Redis({
        port,
        host: '127.0.0.1',
        lazyConnect: true,
        retryStrategy: () => null,
      });
      stranger.on('error', () => {});
      t.after(() => stranger.disconnect());
      await assert.rejects(stranger.get('a'), /NOAUTH/);
    }
  });
}
