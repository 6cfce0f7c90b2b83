import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, createServer, type ListenOptions, type Socket } from 'node:net';

/** What a pod sees of the world, given to this program as JSON. */
export interface PodNetwork {
  /** Ports of the pod that the tests reach through a Unix socket. */
  readonly incoming: readonly { readonly port: number; readonly socket: string }[];
  /** Services that the pod reaches by name: a port in here, and the socket of the other pod. */
  readonly services: readonly {
    readonly name: string;
    readonly port: number;
    readonly socket: string;
  }[];
}

export const POD_ADDRESS = '127.0.0.1';
export const SEARCH = 'default.svc.cluster.local';
const DNS_PORT = 53;
const NOT_FOUND = 3;
const TYPE_A = 1;

/**
 * Holds the network namespace that it was started in (`unshare --net`) until its stdin ends: loopback
 * alone, so nothing of it is on the network of the machine, and ports are free in each pod.
 */
if (import.meta.main) {
  const network = JSON.parse(process.argv[2] ?? '') as PodNetwork; // Written by startPodNetwork.
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  for (const { port, socket } of network.incoming) {
    await forward({ path: socket }, () => connect(port, POD_ADDRESS));
  }
  for (const { port, socket } of network.services) {
    await forward({ port, host: POD_ADDRESS }, () => connect(socket));
  }
  await answerNames(network.services.map(({ name }) => name));
  process.stdout.write('ready\n');
  process.stdin.on('close', () => process.exit()).resume();
}

function forward(from: ListenOptions, to: () => Socket): Promise<void> {
  // Half-open as the real connection is: each end is passed on, and each loss.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = to();
    target.allowHalfOpen = true;
    client.pipe(target).pipe(client);
    client.on('error', () => target.resetAndDestroy());
    target.on('error', () => client.destroy());
    target.on('close', () => client.end());
  });
  return new Promise((resolve) => server.listen(from, resolve));
}

/** A name server as small as can be: Services of the namespace have one address, nothing else has. */
function answerNames(names: readonly string[]): Promise<void> {
  const socket = createSocket('udp4');
  const known = new Set(names.map((name) => `${name}.${SEARCH}`));
  socket.on('message', (query, { port, address }) => {
    socket.send(answerTo(query, known), port, address);
  });
  return new Promise((resolve) => socket.bind(DNS_PORT, POD_ADDRESS, resolve));
}

function answerTo(query: Buffer, known: ReadonlySet<string>): Buffer {
  const { name, type, end } = questionOf(query);
  const isKnown = known.has(name);
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8480 | (isKnown ? 0 : NOT_FOUND), 2); // An authoritative answer.
  header.writeUInt16BE(isKnown && type === TYPE_A ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 127, 0, 0, 1]);
  const parts = [header, query.subarray(12, end)];
  return Buffer.concat(isKnown && type === TYPE_A ? [...parts, answer] : parts);
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
    assert.ok(at < query.length);
  }
  const name = labels.join('.').toLowerCase();
  return { name, type: query.readUInt16BE(at + 1), end: at + 5 };
}
