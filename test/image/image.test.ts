import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeSession } from '../support/bridge.ts';
import { type Answer, bodyOf, call } from '../support/http-client.ts';
import { containerCommand, containerEnvironment, hasImage } from './containers.ts';
import { balancedLoad } from './load.ts';
import { obstacle } from './machine.ts';
import { imageOf, readManifests } from './manifests.ts';
import { npmSettingsVolumes } from './npm.ts';
import type { Node } from './pod.ts';
import {
  ageOf,
  type Pod,
  type ProcessAge,
  probeOf,
  probeStatus,
  residentMib,
  startPod,
  untilProbePasses,
} from './pods.ts';
import { bringImage, buildNodeStandIn, buildRedisStandIn } from './stand-ins.ts';

const MAX_IMAGE_MB = 250;
const MAX_READY_MS = 1_000;
/** Without what the image's build compiled it takes over 100. */
const MAX_IDLE_MIB = 100;
const BUILD_TIMEOUT_MS = 240_000;
const READY_TIMEOUT_MS = 30_000;
/** How long a load balancer still sends requests to a pod that was told to end. */
const BALANCER_LAG_MS = 5_000;

const obstacleHere = obstacle();
const isFailure = obstacleHere?.couldBeMended === true && process.env['CI'] === 'true';
const skip = isFailure ? false : (obstacleHere?.reason ?? false);

suite('the image', { skip }, () => {
  const manifests = readManifests();
  const image = imageOf(manifests.bridge);
  const session = makeSession('image-test');
  const pods: Pod[] = [];
  const starts: ProcessAge[] = [];
  let folder = '';
  let redis: Pod | undefined;
  let bridge: Pod | undefined;

  before(async () => {
    assert.ok(!isFailure, obstacleHere?.reason);
    await buildImage(image);
    const redisImage = imageOf(manifests.redis);
    process.stderr.write(`${await bringImage(redisImage, buildRedisStandIn)}\n`);
    folder = await mkdtemp(join(tmpdir(), 'op-scim-node-'));
    chmodSync(folder, 0o755); // The user of the containers goes through it.
  });

  after(async () => {
    for (const pod of pods.toReversed()) await pod.remove();
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  const node = (): Node => ({
    folder,
    configMaps: manifests.configMaps,
    secrets: new Map([
      ['scimsession', { scimsession: Buffer.from(session.base64, 'base64').toString() }],
    ]),
  });

  async function startRedis(name: string): Promise<Pod> {
    const pod = await startPod({ node: node(), deployment: manifests.redis, name });
    pods.push(pod);
    return pod;
  }

  async function startBridge(name: string, redis: Pod): Promise<Pod> {
    const services = [{ name: 'op-scim-redis', port: 6379, socket: redis.socketOf(6379) }];
    const pod = await startPod({ node: node(), deployment: manifests.bridge, name, services });
    pods.push(pod);
    await untilProbePasses(pod, probeOf(manifests.bridge, 'startup'), READY_TIMEOUT_MS);
    starts.push(ageOf(pod.processId));
    return pod;
  }

  test(`is smaller than ${MAX_IMAGE_MB} MB, and described`, async (t) => {
    const [inspected] = JSON.parse(await containerCommand('podman', ['image', 'inspect', image]));
    t.diagnostic(`the image has ${Math.round(inspected.Size / 1e6)} MB`);
    assert.ok(inspected.Size < MAX_IMAGE_MB * 1e6, `${inspected.Size} bytes`);
    assert.equal(inspected.User, '999:999');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const labels = inspected.Labels;
    assert.equal(labels['org.opencontainers.image.version'], version);
    assert.equal(labels['org.opencontainers.image.licenses'], 'MIT');
    assert.match(labels['org.opencontainers.image.base.name'], /node:26-bookworm-slim$/);
    assert.deepEqual(inspected.Healthcheck.Test, ['CMD', 'op-scim', 'ping']);
    assert.deepEqual(Object.keys(inspected.Config.ExposedPorts).toSorted(), [
      '3002/tcp',
      '8080/tcp',
      '8443/tcp',
    ]);
  });

  test('has no shell, nothing to install with, and nothing that its user could change', async () => {
    const found = await inImage(image, [
      `const { readdirSync, accessSync, constants } = process.getBuiltinModule('node:fs');`,
      `const isWritable = (path) => { try { accessSync(path, constants.W_OK); return true; } catch { return false; } };`,
      `const roots = readdirSync('/').filter((name) => !['proc', 'sys', 'dev'].includes(name));`,
      `const paths = roots.flatMap((root) => ['/' + root, ...readdirSync('/' + root, { recursive: true }).map((path) => '/' + root + '/' + path)]);`,
      `const programs = paths.filter((path) => /\\/bin\\/[^/]+$/.test(path) && !path.startsWith('/app/'));`,
      `const modules = readdirSync('/app/node_modules').filter((name) => !name.startsWith('.'));`,
      `console.log(JSON.stringify({ programs, modules, writable: paths.filter(isWritable) }));`,
    ]);
    const { programs, writable, modules } = JSON.parse(found);
    assert.deepEqual(programs.toSorted(), [
      '/usr/bin/env',
      '/usr/local/bin/node',
      '/usr/local/bin/op-scim',
    ]);
    assert.deepEqual(writable.toSorted(), ['/data', '/home/opuser', '/home/opuser/.op', '/tmp']);
    assert.deepEqual(modules.toSorted(), productionPackages());
  });

  test('the bridge of the manifests serves soon, and its probes pass', async () => {
    redis = await startRedis('op-scim-redis-1');
    bridge = await startBridge('op-scim-bridge-1', redis);
    for (const kind of ['startup', 'readiness', 'liveness'] as const) {
      assert.equal(await probeStatus(bridge, probeOf(manifests.bridge, kind)), 200, kind);
    }
  });

  test('it has the user, the rights and the root that the manifests give it', () => {
    assert.ok(bridge);
    const status = readFileSync(`/proc/${bridge.processId}/status`, 'utf8');
    assert.match(status, /^Uid:\t999\t999\t999\t999$/m);
    assert.match(status, /^Gid:\t999\t999\t999\t999$/m);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^CapBnd:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    const mounts = readFileSync(`/proc/${bridge.processId}/mounts`, 'utf8');
    assert.match(mounts, /^overlay \/ overlay ro,/m);
  });

  test('the first request with the token unlocks it; people are created and listed', async () => {
    assert.ok(bridge);
    const answers = await scim(bridge, 'GET', '/scim/Users');
    assert.equal(answers.status, 200, answers.text);
    const made = await scim(bridge, 'POST', '/scim/Users', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'ada@example.com',
    });
    assert.equal(made.status, 201, made.text);
    const listed = await scim(bridge, 'GET', '/scim/Users');
    assert.equal(bodyOf(listed)['totalResults'], 1);
    const refused = await call(targetOf(bridge, 'wrong'), 'GET', '/scim/Users', {
      agent: agentOf(bridge),
    });
    assert.equal(refused.status, 401);
  });

  test('op-scim runs inside: the health check, and a backup', async () => {
    assert.ok(bridge);
    assert.equal(await bridge.exec(['op-scim', 'ping']), '');
    assert.match(await bridge.exec(['op-scim', 'config']), /OP_REDIS_URL/);
    // Ends with 0, or `exec` would reject.
    const examined = await bridge.exec(['op-scim', 'doctor']);
    assert.match(examined, /^√ Redis durability: .*appendfsync always/m);
    assert.match(examined, /^√ Bridge: It answers/m);
  });

  test(`it holds less than ${MAX_IDLE_MIB} MiB when idle`, async (t) => {
    assert.ok(bridge);
    await sleep(2_000);
    const resident = residentMib(bridge.processId);
    t.diagnostic(`resident: ${resident.toFixed(1)} MiB`);
    assert.ok(resident < MAX_IDLE_MIB, `${resident} MiB`);
  });

  test('no request fails when a rollout ends the pod under load', async (t) => {
    assert.ok(redis && bridge);
    const load = balancedLoad({
      agents: [agentOf(bridge)],
      send: (agent, number) => {
        const target = { url: 'http://scim.example.com', token: session.token };
        return number % 4 === 0
          ? call(target, 'POST', '/scim/Users', {
              body: JSON.stringify({
                schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
                userName: `load-${number}@example.com`,
              }),
              agent,
            })
          : call(target, 'GET', '/scim/Users?count=1', { agent });
      },
    });
    const replacement = await startBridge('op-scim-bridge-2', redis);
    load.balanceOver([agentOf(bridge), agentOf(replacement)]);
    const before = load.answered();
    const code = bridge.terminate();
    await sleep(500);
    const status = await probeStatus(bridge, probeOf(manifests.bridge, 'readiness'));
    assert.equal(status, 503, 'readiness fails at once');
    await sleep(BALANCER_LAG_MS - 500);
    const during = load.answered() - before;
    load.balanceOver([agentOf(replacement)]);
    assert.equal(await code, 0, bridge.log());
    await sleep(500);
    const { failures, created } = await load.stop();
    t.diagnostic(`${during} requests while the pod ended, ${load.answered()} in all`);
    assert.deepEqual(failures.slice(0, 5), []);
    assert.ok(during > 100, `${during} requests are no load`);
    const listed = await scim(replacement, 'GET', '/scim/Users?count=1');
    assert.equal(bodyOf(listed)['totalResults'], created + 1);
    bridge = replacement;
  });

  test('the people are still there after Redis and the bridge started anew', async () => {
    assert.ok(redis && bridge);
    const before = await scim(bridge, 'GET', '/scim/Users?count=1');
    assert.equal(await bridge.terminate(), 0);
    await redis.terminate();
    redis = await startRedis('op-scim-redis-2');
    bridge = await startBridge('op-scim-bridge-3', redis);
    const found = await scim(bridge, 'GET', '/scim/Users?count=1');
    assert.equal(found.status, 200, found.text);
    assert.equal(bodyOf(found)['totalResults'], bodyOf(before)['totalResults']);
    assert.ok(Number(bodyOf(found)['totalResults']) > 1);
  });

  test(`it serves in less than ${MAX_READY_MS} ms`, (t) => {
    const shown = starts.map(({ ageMs, ownMs }) => `${ownMs} (${ageMs} with waiting)`).join(', ');
    t.diagnostic(`from the begin of the process to /ping, in ms: ${shown}`);
    // Other tests run beside this one: what counts is the fastest, without waiting for a processor.
    assert.ok(Math.min(...starts.map(({ ownMs }) => ownMs)) < MAX_READY_MS, shown);
  });

  test('without Redis the directory is a file in the volume at /data', async () => {
    const [data, home] = [join(folder, 'data'), join(folder, 'home')];
    for (const each of [data, home]) {
      mkdirSync(each);
      chmodSync(each, 0o777);
    }
    const run = (name: string, ...args: readonly string[]) =>
      containerCommand('podman', [
        ...['run', '--rm', '--name', name, '--pull', 'never', '--no-healthcheck'],
        ...['--network', 'none', '--read-only', '--cap-drop', 'ALL'],
        ...['--volume', `${home}:/home/opuser`, '--volume', `${data}:/data`],
        ...args,
      ]);
    const token = await run('session', image, 'session', 'create', '--out', 'scimsession');
    assert.match(token, /^[\w-]{43}$/);
    const args = ['--detach', '--env', 'OP_SESSION=/home/opuser/scimsession', image];
    await run('alone', ...args);
    const script = [
      `const headers = { authorization: 'Bearer ${token}', 'content-type': 'application/scim+json' };`,
      `const body = JSON.stringify({ userName: 'ada@example.com' });`,
      `const url = 'http://127.0.0.1:3002/scim/Users';`,
      `for (let tries = 0; tries < 100; tries += 1) {`,
      `  const made = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined);`,
      `  if (made) { console.log(made.status); break; }`,
      `  await new Promise((resolve) => setTimeout(resolve, 50));`,
      `}`,
    ].join('\n');
    const node = ['node', '--input-type=module', '--eval', script];
    assert.equal(await containerCommand('podman', ['exec', 'alone', ...node]), '201');
    await containerCommand('podman', ['stop', '--time', '10', 'alone']);
    const exported = await run(
      'backup',
      '--env',
      'OP_SESSION=/home/opuser/scimsession',
      image,
      'export',
    );
    assert.match(exported, /ada@example\.com/);
  });

  function scim(pod: Pod, method: string, path: string, body?: object): Promise<Answer> {
    return call(targetOf(pod, session.token), method, path, {
      agent: agentOf(pod),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
});

const HTTP_PORT = 3002;
const agents = new Map<string, Agent>();

function targetOf(pod: Pod, token: string) {
  return { url: `http://${pod.name}:${HTTP_PORT}`, token };
}

/** Connections to the pod's port of plain HTTP, kept alive as a load balancer keeps them. */
function agentOf(pod: Pod): Agent {
  const path = pod.socketOf(HTTP_PORT);
  const agent = agents.get(path) ?? new PodAgent(path);
  agents.set(path, agent);
  return agent;
}

class PodAgent extends Agent {
  private readonly path: string;

  constructor(path: string) {
    super({ keepAlive: true, maxSockets: 16 });
    this.path = path;
  }

  override createConnection() {
    return connect(this.path);
  }
}

async function buildImage(image: string): Promise<void> {
  const base = /^ARG NODE_IMAGE=(\S+)$/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1] ?? '';
  process.stderr.write(`${await bringImage(base, buildNodeStandIn)}\n`);
  const options = [
    ...['--isolation', 'chroot', '--network', 'host', '--pull-never'],
    ...(await npmSettingsVolumes()),
    ...['--tag', image],
  ];
  // What a developer runs, with what a build in a container needs besides.
  await promisify(execFile)(process.execPath, ['.ci/build-image.ts', ...options], {
    env: containerEnvironment(),
    timeout: BUILD_TIMEOUT_MS,
    maxBuffer: 16 * 1024 * 1024,
  });
  assert.ok(await hasImage(image));
}

function inImage(image: string, lines: readonly string[]): Promise<string> {
  return containerCommand('podman', [
    ...['run', '--rm', '--pull', 'never', '--no-healthcheck', '--network', 'none'],
    ...['--entrypoint', 'node', image, '--eval', lines.join('\n')],
  ]);
}

/** Names directly below node_modules that package-lock.json gives to production. */
function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    // Written by npm.
    readonly packages: Readonly<Record<string, { dev?: boolean; devOptional?: boolean }>>;
  };
  const names = Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path]) => path.split('/')[1] ?? '');
  return [...new Set(names)].toSorted();
}
