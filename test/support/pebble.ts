import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

export interface PebbleOptions {
  /** Where it looks for the answer to TLS-ALPN-01, on 127.0.0.1. */
  readonly tlsPort: number;
  /** Where it looks for the answer to HTTP-01. */
  readonly httpPort?: number;
  readonly validitySeconds?: number;
  /** Percentages: nonces that it refuses, authorizations that it uses again. */
  readonly nonceReject?: number;
  readonly authorizationReuse?: number;
  readonly externalAccount?: { readonly kid: string; readonly hmacKey: string };
}

/** Pebble, the test authority of Let's Encrypt's authors, on 127.0.0.1. */
export interface Pebble {
  readonly directoryUrl: string;
  /** Host and port of the directory. */
  readonly host: string;
  /** Signed for the directory's own certificate. */
  readonly caFile: string;
  readonly caPem: string;
  /** Where the names that it sees are set: pebble-challtestsrv. */
  readonly namesUrl: string;
  /** The root of the certificates that it issues: another one after each start. */
  rootPem(): Promise<string>;
  /** How often an order was placed, since the first start. */
  orders(): number;
  /** How often a challenge was answered or read, since the first start. */
  challenges(): number;
  /** What it has printed, since the first start. */
  log(): string;
  start(): Promise<void>;
  /** Ends the authority; accounts and root are lost. `start` begins anew. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-pebble-'));
  const caPem = makeCertificates(folder);
  const [port, management, dns, dnsManagement] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const names = await run('pebble-challtestsrv', [
    ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-dns01', `127.0.0.1:${dns}`],
    ...[
      '-http01',
      '',
      '-https01',
      '',
      '-tlsalpn01',
      '',
      '-management',
      `127.0.0.1:${dnsManagement}`,
    ],
  ]);
  const config = join(folder, 'pebble.json');
  writeFileSync(config, JSON.stringify(configOf(options, folder, port, management)));
  const env = {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 0),
    PEBBLE_AUTHZREUSE: String(options.authorizationReuse ?? 0),
  };
  let past = '';
  let server: Running | undefined;
  const rootUrl = `https://127.0.0.1:${management}/roots/0`;
  const pebble: Pebble = {
    directoryUrl: `https://127.0.0.1:${port}/dir`,
    host: `127.0.0.1:${port}`,
    caFile: join(folder, 'ca.pem'),
    caPem,
    namesUrl: `http://127.0.0.1:${dnsManagement}`,
    rootPem: () => get(rootUrl, caPem),
    log: () => past + (server?.output() ?? ''),
    orders: () => pebble.log().split('POST /order-plz').length - 1,
    challenges: () => pebble.log().split('POST /chalZ').length - 1,
    async start() {
      assert.equal(server, undefined, 'Pebble runs already.');
      server = await run(
        'pebble',
        ['-config', config, '-dnsserver', `127.0.0.1:${dns}`, '-strict=false'],
        env,
      );
      await eventually(() => get(rootUrl, caPem));
    },
    async stop() {
      await server?.stop();
      past = pebble.log();
      server = undefined;
    },
    async close() {
      await pebble.stop();
      await names.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await pebble.start();
  } catch (cause) {
    const log = pebble.log();
    await pebble.close(); // What runs keeps the test file from ending.
    throw new Error(`Pebble did not start:\n${log}`, { cause });
  }
  return pebble;
}

function configOf(options: PebbleOptions, folder: string, port: number, management: number) {
  const { externalAccount } = options;
  return {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: join(folder, 'cert.pem'),
      privateKey: join(folder, 'key.pem'),
      httpPort: options.httpPort ?? 1,
      tlsPort: options.tlsPort,
      certificateValidityPeriod: options.validitySeconds ?? 90 * 86_400,
      ...(externalAccount === undefined
        ? {}
        : {
            externalAccountBindingRequired: true,
            externalAccountMACKeys: { [externalAccount.kid]: externalAccount.hmacKey },
          }),
    },
  };
}

/** A root and a certificate of 127.0.0.1 for the directory itself. Returns the root. */
function makeCertificates(folder: string): string {
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    ...['req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
    ...['-subj', '/CN=test root'],
  );
  openssl(
    ...['req', ...key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=directory'],
  );
  writeFileSync(join(folder, 'names.txt'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  openssl(
    ...['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2'],
    ...['-CAcreateserial', '-extfile', 'names.txt', '-out', 'cert.pem'],
  );
  return readFileSync(join(folder, 'ca.pem'), 'utf8');
}

interface Running {
  output(): string;
  stop(): Promise<void>;
}

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const child: ChildProcess = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'spawn');
  return {
    output: () => output,
    async stop() {
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      kill();
      await ended;
    },
  };
}

function get(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca, timeout: 2_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.once('end', () => resolve(text));
      response.once('error', reject);
    });
    sent.once('timeout', () => sent.destroy(new Error('Pebble does not answer.')));
    sent.once('error', reject);
    sent.end();
  });
}
