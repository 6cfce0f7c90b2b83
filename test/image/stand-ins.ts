import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { containerCommand, hasImage, STORAGE } from './containers.ts';
import { npm } from './npm.ts';

const BASE = `${STORAGE}/bookworm`;
const DEBOOTSTRAP_TIMEOUT_MS = 240_000;
const PULL_TIMEOUT_MS = 20_000;

/**
 * Makes sure of a public image under its own name: from the machine's registry, else a stand-in of the
 * same shape from Debian and npm. Resolves to where it came from.
 */
export async function bringImage(name: string, build: (name: string) => Promise<void>) {
  if (await hasImage(name)) return `${name} was there`;
  const pull = ['pull', '--quiet', name];
  const pulled = await containerCommand('podman', pull, PULL_TIMEOUT_MS).then(
    () => true,
    () => false,
  );
  if (pulled) return `${name} was pulled`;
  await build(name);
  return `${name} is a stand-in made of packages of Debian and npm`;
}

/** Debian with Node under /usr/local, its npm, and the user `node`: what the Dockerfile may use. */
export async function buildNodeStandIn(name: string): Promise<void> {
  const major = /node:(\d+)/.exec(name)?.[1] ?? '';
  const folder = await mkdtemp(`${STORAGE}/node-`);
  try {
    await npm(folder, ['install', `node-linux-${process.arch}@${major}`, 'npm@11']);
    const modules = join(folder, 'node_modules');
    const tree = join(folder, 'image');
    await mkdir(join(tree, 'usr/local/bin'), { recursive: true });
    await mkdir(join(tree, 'usr/local/lib/node_modules'), { recursive: true });
    const node = join(modules, `node-linux-${process.arch}/bin/node`);
    await cp(node, join(tree, 'usr/local/bin/node'));
    await cp(join(modules, 'npm'), join(tree, 'usr/local/lib/node_modules/npm'), {
      recursive: true,
    });
    await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(tree, 'usr/local/bin/npm'));
    await commit(name, [await debian(), tree]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function buildRedisStandIn(name: string): Promise<void> {
  await commit(name, [await debian()], ['--cmd', 'redis-server']);
}

async function debian(): Promise<string> {
  const isThere = await readFile(join(BASE, 'etc/passwd')).then(
    () => true,
    () => false,
  );
  if (isThere) return BASE;
  await rm(`${BASE}.part`, { recursive: true, force: true });
  const include = '--include=libatomic1,libstdc++6,redis-server';
  const args = ['--variant=minbase', include, 'bookworm', `${BASE}.part`];
  await containerCommand('debootstrap', args, DEBOOTSTRAP_TIMEOUT_MS);
  await appendFile(`${BASE}.part/etc/passwd`, 'node:x:1000:1000::/home/node:/bin/bash\n');
  await containerCommand('mv', [`${BASE}.part`, BASE]);
  return BASE;
}

async function commit(name: string, trees: readonly string[], config: readonly string[] = []) {
  const container = await containerCommand('buildah', ['from', 'scratch']);
  try {
    for (const tree of trees) {
      await containerCommand('buildah', ['copy', '--quiet', container, tree, '/'], 120_000);
    }
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    await containerCommand('buildah', ['config', '--env', path, ...config, container]);
    await containerCommand('buildah', ['commit', '--quiet', container, name], 120_000);
  } finally {
    await containerCommand('buildah', ['rm', container]);
  }
}
