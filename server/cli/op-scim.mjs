#!/usr/bin/env node
// Written for any Node: one that is too old to run TypeScript hands over to the Node that npm ci brings.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 24 || (major === 24 && minor >= 12)) {
  await run();
} else {
  handOver(fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url)));
}

async function run() {
  // The npm package has JavaScript, since Node strips no types below node_modules.
  const extension = import.meta.url.includes('/node_modules/') ? 'js' : 'ts';
  const args = process.argv.slice(2);
  const { useCompileCache } = await import('./compile-cache.mjs');
  useCompileCache({ fills: args[0] === 'serve' });
  const { makeProcessPrivate } = await import(`#base/private-process.${extension}`);
  makeProcessPrivate();
  const { main } = await import(`./main.${extension}`);
  process.exitCode = await main(args, process);
}

function handOver(packagedNode) {
  if (!existsSync(packagedNode)) {
    process.stderr.write(
      `op-scim: Node ${process.versions.node} is too old, 24.12 is needed. Run "npm ci" in the clone: it brings one.\n`,
    );
    process.exitCode = 2;
    return;
  }
  const child = spawn(packagedNode, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
