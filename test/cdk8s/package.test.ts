import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { helm, helms, type Layer } from '../support/kubernetes-tools.ts';
import { startOciRegistry } from '../support/oci-registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'op-scim-pack-'));
after(() => rmSync(folder, { recursive: true }));
const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));

async function good(layer: Layer, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await helm(layer, ...args);
  assert.equal(code, 0, stderr);
  return stdout + stderr;
}

/** The archive in a folder of its own. */
async function pack(layer: Layer, name: string, ...args: readonly string[]): Promise<string> {
  const target = join(folder, `${name}-${layer}`);
  mkdirSync(target);
  await good(layer, 'package', 'charts/op-scim', '-d', target, ...args);
  return join(target, `op-scim-${version}.tgz`);
}

for (const { name, layer } of helms) {
  const rendered = (chart: string, ...args: readonly string[]) =>
    good(layer, 'template', 'op-scim', chart, ...args);

  test(`${name}: the packed chart holds the files of the folder, no more and no less`, async () => {
    const archive = await pack(layer, 'list');
    const packed = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
    const expected = [
      ...['.helmignore', 'Chart.yaml', 'README.md', 'values.schema.json', 'values.yaml'],
      ...globSync('charts/op-scim/templates/*').map((path) => path.slice('charts/op-scim/'.length)),
    ].map((path) => `op-scim/${path}`);
    assert.deepEqual(packed.toSorted(), expected.toSorted());
    assert.ok(expected.length > 20);
    assert.equal(await rendered(archive), await rendered('charts/op-scim'));
  });

  test(`${name}: a signed chart verifies, a changed one does not`, async (t) => {
    const home = join(folder, `gpg-${layer}`);
    mkdirSync(home, { mode: 0o700 });
    const gpg = (...args: readonly string[]) =>
      execFileSync('gpg', ['--homedir', home, '--batch', '--passphrase', '', ...args], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    t.after(() => execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']));
    gpg('--quick-generate-key', 'op-scim test', 'rsa2048', 'sign', 'never');
    for (const [file, command] of [
      ['secret.gpg', '--export-secret-keys'],
      ['public.gpg', '--export'],
    ] as const) {
      writeFileSync(join(home, file), gpg(command));
    }
    const keys = ['--sign', '--key', 'op-scim test', '--keyring', join(home, 'secret.gpg')];
    const archive = await pack(layer, 'signed', ...keys);
    const verify = ['verify', archive, '--keyring', join(home, 'public.gpg')];
    assert.match(await good(layer, ...verify), /Signed by: op-scim test/);
    writeFileSync(archive, Buffer.concat([readFileSync(archive), Buffer.from([0])]));
    assert.notEqual((await helm(layer, ...verify)).code, 0);
  });

  test(`${name}: the chart comes back from a registry as it was pushed`, async () => {
    const registry = await startOciRegistry();
    try {
      const archive = await pack(layer, 'pushed');
      const repository = `oci://${registry.host}/charts`;
      await good(layer, 'push', archive, repository, '--plain-http');
      const pulled = ['--version', version, '--plain-http'];
      const shown = await good(layer, 'show', 'chart', `${repository}/op-scim`, ...pulled);
      assert.match(shown, new RegExp(`^version: ${version}$`, 'm'));
      const objects = await helm(layer, 'template', 'op-scim', `${repository}/op-scim`, ...pulled);
      assert.equal(objects.code, 0, objects.stderr);
      assert.equal(objects.stdout, await rendered('charts/op-scim'));
    } finally {
      registry.close();
    }
  });
}
