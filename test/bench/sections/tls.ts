import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBridgeProcess } from '../../support/bridge-process.ts';
import { freePort } from '../../support/free-port.ts';
import { type Child, LOAD_CORE, SERVER_CORE, startChild } from '../child.ts';
import type { HandshakeOrder } from '../handshakes.ts';
import { cpuTimeNs, median } from '../measure.ts';
import type { Row } from '../table.ts';

const CONNECTIONS = 4;
const COUNT = 1_000;
const TARGET = 1.05;

/**
 * CPU of a new TLS connection: the bridge, which looks at each for a challenge, beside Node's own
 * https server with the same key. They take turns, and each turn is judged by itself.
 */
export async function measureTls(runs: number, thinning: number): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'op-scim-tls-'));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', keyFile, '-out', certFile, '-subj', '/CN=scim.example.com', '-days', '30'],
      ...['-addext', 'subjectAltName=DNS:scim.example.com'],
    ],
    { stdio: 'pipe' },
  );
  const tlsPort = await freePort();
  const bridge = await startBridgeProcess({
    store: { kind: 'sqlite', dataDir: join(folder, 'data') },
    pin: SERVER_CORE,
    env: tlsSettings(tlsPort, certFile, keyFile),
    servesProbesAlone: true,
  });
  const floor = await startChild<{ port: number }>(
    'floors/https.ts',
    [certFile, keyFile],
    SERVER_CORE,
  );
  const { child: load } = await startChild<object>('handshakes.ts', [], LOAD_CORE);
  try {
    const servers = [
      { pid: floor.child.pid, port: floor.ready.port },
      { pid: bridge.pid, port: tlsPort },
    ] as const;
    const count = Math.ceil(COUNT / thinning);
    for (const server of servers) await costUs(load, server, count);
    const rounds: { readonly node: number; readonly bridge: number }[] = [];
    for (let run = 0; run < runs * 2; run += 1) {
      const node = await costUs(load, servers[0], count);
      rounds.push({ node, bridge: await costUs(load, servers[1], count) });
    }
    return [
      {
        section: 'New TLS connections: µs of CPU each',
        name: `full handshake, P-256, ${rounds.length} × ${count}`,
        cells: {
          node: median(rounds.map((round) => round.node)),
          bridge: median(rounds.map((round) => round.bridge)),
        },
        value: median(rounds.map((round) => round.bridge / round.node)),
        target: TARGET,
        unit: '×',
      },
    ];
  } finally {
    await load.stop();
    await floor.child.stop();
    await bridge.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function tlsSettings(tlsPort: number, certFile: string, keyFile: string) {
  return {
    OP_TLS_DOMAIN: 'scim.example.com',
    OP_TLS_PORT: String(tlsPort),
    OP_TLS_CERT_FILE: certFile,
    OP_TLS_KEY_FILE: keyFile,
  };
}

async function costUs(
  load: Child,
  server: { readonly pid: number; readonly port: number },
  count: number,
): Promise<number> {
  const order: HandshakeOrder = { port: server.port, count, connections: CONNECTIONS };
  const before = cpuTimeNs(server.pid);
  await load.ask(order);
  return (cpuTimeNs(server.pid) - before) / 1_000 / count;
}
