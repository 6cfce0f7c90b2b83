import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
}

/** A request as the directory saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  /** Of a signed request that writes; undefined where it reads. */
  readonly payload: Readonly<Record<string, unknown>> | undefined;
}

/** An authority that plays any part: it asks for no challenge, and signs what it is sent. */
export interface FakeDirectory {
  readonly url: string;
  readonly caPem: string;
  readonly seen: readonly Seen[];
  /** How many requests of this path there were. */
  count(path: string): number;
  /** Answers in place of the usual answer; undefined leaves that. */
  replyWith(change: (seen: Seen, count: number) => Reply | undefined): void;
  close(): Promise<void>;
}

export interface FakeOptions {
  /** More of the directory object. */
  readonly directory?: object;
  /** Of what it issues, as openssl takes it. Default: 90 days. */
  readonly days?: number;
}

export async function startFakeDirectory(options: FakeOptions = {}): Promise<FakeDirectory> {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-directory-'));
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  makeAuthority(openssl, folder);
  const seen: Seen[] = [];
  let change: (seen: Seen, count: number) => Reply | undefined = () => undefined;
  let chain = '';
  const count = (path: string) => seen.filter((each) => each.path === path).length;
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const server = createServer({ key: read('key.pem'), cert: read('cert.pem') });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // A listening TCP server has one.
  const origin = `https://127.0.0.1:${port}`;
  const order = (status: string): object => ({
    ...{ status, authorizations: [`${origin}/authz`], finalize: `${origin}/finalize` },
    ...(status === 'valid' ? { certificate: `${origin}/certificate` } : {}),
  });
  const usual: Readonly<Record<string, (each: Seen) => Reply>> = {
    '/dir': () => ({
      body: {
        ...{ newNonce: `${origin}/nonce`, newAccount: `${origin}/account` },
        ...{ newOrder: `${origin}/order`, renewalInfo: `${origin}/ari` },
        ...options.directory,
      },
    }),
    '/nonce': () => ({}),
    '/account': () => ({ status: 201, headers: { Location: `${origin}/account/1` }, body: {} }),
    '/order': () => {
      chain = '';
      return { status: 201, headers: { Location: `${origin}/order/1` }, body: order('pending') };
    },
    '/authz': () => ({ body: { status: 'valid', challenges: [] } }),
    '/order/1': () => ({ body: order(chain === '' ? 'ready' : 'valid') }),
    '/finalize': ({ payload }) => {
      writeFileSync(join(folder, 'csr.der'), Buffer.from(String(payload?.['csr']), 'base64url'));
      openssl(
        ...[
          'x509',
          '-req',
          '-inform',
          'DER',
          '-in',
          'csr.der',
          '-CA',
          'ca.pem',
          '-CAkey',
          'ca.key',
        ],
        ...['-days', String(options.days ?? 90), '-copy_extensions', 'copy', '-out', 'issued.pem'],
        ...['-extfile', 'issued.txt'],
      );
      chain = read('issued.pem');
      return { body: order('processing') };
    },
    '/certificate': () => ({ body: chain }),
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.once('end', () => {
      const each = {
        method: request.method ?? '',
        path: request.url ?? '',
        payload: payloadOf(text),
      };
      seen.push(each);
      const reply = change(each, count(each.path)) ?? usual[each.path]?.(each) ?? { status: 404 };
      const isText = typeof reply.body === 'string';
      response.writeHead(reply.status ?? 200, {
        'Replay-Nonce': `nonce-${seen.length}`,
        'Content-Type': isText ? 'application/pem-certificate-chain' : 'application/json',
        ...reply.headers,
      });
      response.end(isText ? reply.body : JSON.stringify(reply.body ?? {}));
    });
  });
  return {
    url: `${origin}/dir`,
    caPem: read('ca.pem'),
    seen,
    count,
    replyWith(next) {
      change = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A root, its key identifier in what it signs, and a certificate of 127.0.0.1 for the server. */
function makeAuthority(openssl: (...args: readonly string[]) => void, folder: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    ...['req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
    ...['-subj', '/CN=fake root'],
  );
  openssl('req', ...key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=directory');
  writeFileSync(join(folder, 'names.txt'), 'subjectAltName=IP:127.0.0.1\n');
  writeFileSync(join(folder, 'issued.txt'), 'authorityKeyIdentifier=keyid\n');
  openssl(
    ...['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2'],
    ...['-CAcreateserial', '-extfile', 'names.txt', '-out', 'cert.pem'],
  );
}

function payloadOf(text: string): Seen['payload'] {
  if (text === '') return undefined;
  const { payload } = JSON.parse(text) as { payload: string }; // A flattened JWS.
  return payload === '' ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString());
}
