import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { V1Deployment } from '@kubernetes/client-node';
import { containerCommand, containerEnvironment } from './containers.ts';
import { type HttpProbe, httpProbe, type Node, planContainer } from './pod.ts';
import { POD_ADDRESS, type PodNetwork, SEARCH } from './pod-network.ts';

export interface PodOptions {
  readonly node: Node;
  readonly deployment: V1Deployment;
  /** Unique on the node. */
  readonly name: string;
  readonly services?: PodNetwork['services'];
}

export interface Pod {
  readonly name: string;
  /** The process of the container, in the process ids of this machine. */
  readonly processId: number;
  /** Unix socket that leads to a port of the pod. */
  socketOf(port: number): string;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
  log(): string;
  /** As the kubelet ends a pod; resolves to the exit code. */
  terminate(): Promise<number | null>;
  exec(command: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

const PORT_NAMES_NEEDED_MS = 10_000;
const NETWORK_SCRIPT = fileURLToPath(new URL('./pod-network.ts', import.meta.url));

/** Starts the one container of a Deployment in a network namespace of its own. */
export async function startPod(options: PodOptions): Promise<Pod> {
  const { node, deployment, name } = options;
  const container = deployment.spec?.template.spec?.containers[0];
  assert.ok(container);
  const socketFolder = join(node.folder, 'sockets');
  mkdirSync(socketFolder, { recursive: true });
  const socketOf = (port: number) => join(socketFolder, `${name}.${port}`);
  const incoming = (container.ports ?? []).map(({ containerPort: port }) => ({
    port,
    socket: socketOf(port),
  }));
  const network = await startPodNetwork({ incoming, services: options.services ?? [] });
  const plan = planContainer(node, deployment, name);
  const args = [
    ...['run', '--name', name, '--pull', 'never', '--no-healthcheck'],
    ...['--network', `ns:/proc/${network.pid}/ns/net`, '--hostname', name],
    ...networkFiles(join(node.folder, 'network')),
    ...plan.options,
    plan.image,
    ...plan.command,
  ];
  const { child, log } = spawnLogged(args, join(node.folder, `${name}.log`));
  const ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null));
  const processId = await processIdOf(name, child, log);
  return {
    name,
    processId,
    socketOf,
    ended,
    log,
    async terminate() {
      await containerCommand('podman', ['kill', '--signal', 'TERM', name]);
      return ended;
    },
    exec: (command) => containerCommand('podman', ['exec', name, ...command]),
    async remove() {
      await containerCommand('podman', ['rm', '--force', '--time', '0', name]);
      network.stdin?.end();
      await once(network, 'exit');
    },
  };
}

/** Asks the probe as often as the kubelet, but at once and every 10 ms when it starts. Throws when it does not pass. */
export async function untilProbePasses(pod: Pod, probe: HttpProbe, timeoutMs: number) {
  const deadlineMs = performance.now() + timeoutMs;
  let isEnded = false;
  void pod.ended.then(() => {
    isEnded = true;
  });
  while (performance.now() < deadlineMs && !isEnded) {
    if ((await probeStatus(pod, probe)) === 200) return;
    await sleep(10);
  }
  assert.fail(`${pod.name} did not become ready:\n${pod.log()}`);
}

/** Undefined when no answer came. */
export function probeStatus(pod: Pod, { port, path, timeoutMs }: HttpProbe) {
  return new Promise<number | undefined>((resolve) => {
    const socketPath = pod.socketOf(port);
    const asked = request({ socketPath, path, agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}

export function probeOf(deployment: V1Deployment, kind: 'startup' | 'readiness' | 'liveness') {
  const container = deployment.spec?.template.spec?.containers[0];
  assert.ok(container);
  return httpProbe(container, container[`${kind}Probe`]);
}

async function startPodNetwork(network: PodNetwork): Promise<ChildProcess> {
  const child = spawn(
    'unshare',
    ['--net', process.execPath, NETWORK_SCRIPT, JSON.stringify(network)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  // It ends with this process, too: its stdin is closed then.
  const started = once(child.stdout, 'data').then(() => true);
  const failed = once(child, 'exit').then(() => false);
  assert.ok(await Promise.race([started, failed]), 'the network of the pod did not start');
  return child;
}

/** The files that a kubelet mounts so that names are found as in a cluster. */
function networkFiles(folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const texts = {
    'resolv.conf': `nameserver ${POD_ADDRESS}\nsearch ${SEARCH} svc.cluster.local cluster.local\noptions ndots:5\n`,
    hosts: '127.0.0.1 localhost\n',
  };
  return Object.entries(texts).flatMap(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return ['--volume', `${path}:/etc/${name}:ro`];
  });
}

function spawnLogged(args: readonly string[], path: string) {
  let text = '';
  const child = spawn('podman', args, {
    env: containerEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  child.once('exit', () => writeFileSync(path, text));
  return { child, log: () => text.slice(-20_000) };
}

async function processIdOf(name: string, child: ChildProcess, log: () => string) {
  const deadlineMs = performance.now() + PORT_NAMES_NEEDED_MS;
  while (performance.now() < deadlineMs && child.exitCode === null) {
    const inspected = await containerCommand('podman', [
      ...['container', 'inspect', '--format', '{{.State.Pid}}', name],
    ]).catch(() => '0');
    if (Number(inspected) > 0) return Number(inspected);
    await sleep(20);
  }
  assert.fail(`${name} did not start:\n${log()}`);
}

/** Resident memory of a process, as the kernel of this machine counts it. */
export function residentMib(processId: number): number {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

export interface ProcessAge {
  /** Since the process began, counted in steps of 10 ms. */
  readonly ageMs: number;
  /** Without the time in which it could have run, but other processes had the processors. */
  readonly ownMs: number;
}

export function ageOf(processId: number): ProcessAge {
  const fields = readFileSync(`/proc/${processId}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  const ageMs = Math.round(uptimeMs - Number(fields[19]) * 10);
  // Of the main thread: time with a processor, time without one, in nanoseconds.
  const waited = readFileSync(`/proc/${processId}/schedstat`, 'utf8').split(' ')[1];
  return { ageMs, ownMs: Math.round(ageMs - Number(waited) / 1e6) };
}
