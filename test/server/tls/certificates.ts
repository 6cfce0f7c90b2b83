import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Made {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface MakeOptions {
  /** As openssl takes it; undefined: no such extension. */
  readonly names?: string | undefined;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly commonName?: string;
}

/** An authority of its own: a root, an intermediate, and what the intermediate signs. */
export interface TestAuthority {
  readonly rootPem: string;
  readonly intermediatePem: string;
  make(options?: MakeOptions): Made;
  /** The certificate of this key, as PEM text. */
  sign(keyPem: string, options: MakeOptions): string;
  close(): void;
}

const DAY_MS = 86_400_000;

export function makeAuthority(): TestAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-authority-'));
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = ['-addext', 'basicConstraints=critical,CA:TRUE'];
  openssl('req', '-x509', ...key, '-keyout', 'root.key', '-out', 'root.pem', '-subj', '/CN=root');
  openssl(
    'req',
    ...key,
    '-keyout',
    'mid.key',
    '-out',
    'mid.req',
    '-subj',
    '/CN=intermediate',
    ...ca,
  );
  const signedByRoot = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '30'];
  openssl(
    ...['x509', '-req', '-in', 'mid.req', ...signedByRoot, '-copy_extensions', 'copy'],
    ...['-out', 'mid.pem'],
  );
  writeFileSync(join(folder, 'index.txt'), '');
  writeFileSync(join(folder, 'serial.txt'), '1000\n');
  writeFileSync(join(folder, 'ca.conf'), CONFIG);
  const sign = (keyPem: string, options: MakeOptions): string => {
    const names = 'names' in options ? options.names : 'DNS:scim.example.com';
    const notBefore = options.notBefore ?? new Date(Date.now() - DAY_MS);
    const notAfter = options.notAfter ?? new Date(Date.now() + 30 * DAY_MS);
    const subject = options.commonName === undefined ? '/' : `/CN=${options.commonName}`;
    writeFileSync(join(folder, 'leaf.key'), keyPem);
    openssl(
      ...['req', '-new', '-key', 'leaf.key', '-out', 'leaf.req', '-subj', subject],
      ...(names === undefined ? [] : ['-addext', `subjectAltName=critical,${names}`]),
    );
    openssl(
      ...['ca', '-config', 'ca.conf', '-batch', '-notext', '-in', 'leaf.req', '-out', 'leaf.pem'],
      ...['-startdate', timeText(notBefore), '-enddate', timeText(notAfter), '-subj', subject],
    );
    return read('leaf.pem');
  };
  return {
    rootPem: read('root.pem'),
    intermediatePem: read('mid.pem'),
    make(options = {}) {
      openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'leaf.key');
      const keyPem = read('leaf.key');
      return { keyPem, certPem: sign(keyPem, options) };
    },
    sign,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const CONFIG = `
[ca]
default_ca = own
[own]
database = index.txt
serial = serial.txt
new_certs_dir = .
certificate = mid.pem
private_key = mid.key
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
x509_extensions = leaf
[any]
commonName = optional
[leaf]
authorityKeyIdentifier = keyid
`;

function timeText(date: Date): string {
  return `${date.toISOString().replaceAll(/[-:T]|\.\d+Z/g, '')}Z`;
}
