import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { parseYaml } from '../../cdk8s/lib/yaml.ts';
import { synthesize } from '../../cdk8s/main.ts';
import { helms, toolPath } from '../support/kubernetes-tools.ts';
import { at, mapOf } from './pods.ts';
import { objectsIn } from './render.ts';

const files = synthesize();
const folder = mkdtempSync(join(tmpdir(), 'op-scim-synth-'));
after(() => rmSync(folder, { recursive: true }));

/** On two cores that are free this is more than the time on the clock, and on busy ones it stays. */
const MAX_SYNTH_CPU_MS = 3_000;
const PRINT_CPU_TIME = `process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1000);
});`;

/** Generated files of a tree, by their path in it. */
function generated(root: string): ReadonlyMap<string, string> {
  const paths = globSync(['charts/**/*', 'charts/op-scim/.helmignore', 'dist/**/*'], { cwd: root });
  const read = paths.flatMap((path) => {
    const isFile = /\.\w+$/.test(path);
    return isFile ? [[path, readFileSync(join(root, path), 'utf8')] as const] : [];
  });
  return new Map(read.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

test('charts/ and dist/ are what "npm run synth" writes', () => {
  const fresh = new Map([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  assert.deepEqual(generated('.'), fresh, 'run npm run synth');
});

test('two runs write the same bytes', () => {
  assert.deepEqual(synthesize(), files);
});

test('npm run synth and cdk8s synth write the same, and remove what is stale', {
  timeout: 120_000,
}, () => {
  for (const path of [
    'cdk8s',
    'charts',
    'dist',
    'server/config',
    'server/base',
    'package.json',
    'CHANGELOG.md',
    'cdk8s.yaml',
  ]) {
    cpSync(path, join(folder, path), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  cpSync('package.json', join(folder, 'dist/presets/gone/gone.k8s.yaml'));
  cpSync('package.json', join(folder, 'charts/op-scim/templates/gone.yaml'));
  const timed = ['--import', `data:text/javascript,${PRINT_CPU_TIME}`, 'cdk8s/main.ts'];
  const cpuMs = Number(execFileSync(process.execPath, timed, { cwd: folder, encoding: 'utf8' }));
  assert.deepEqual(generated(folder), generated('.'));
  assert.ok(cpuMs > 0 && cpuMs < MAX_SYNTH_CPU_MS, `${cpuMs} ms`);
  const args = ['node_modules/cdk8s-cli/bin/cdk8s', 'synth', '--no-check-upgrade'];
  const PATH = `${resolve('node_modules/node/bin')}:${process.env['PATH']}`;
  execFileSync(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, PATH },
    stdio: 'pipe',
  });
  assert.deepEqual(generated(folder), generated('.'));
});

test('one file is directly in dist/, so that kubectl apply -f dist/ installs the defaults', () => {
  assert.deepEqual(globSync('dist/*.*'), ['dist/default.k8s.yaml']);
  const presets = globSync('dist/presets/*/*').toSorted();
  const names = ['aks', 'aks-internal', 'external-redis', 'ingress'];
  const paths = names.map((name) => `dist/presets/${name}/${name}.k8s.yaml`);
  assert.deepEqual(presets, paths.toSorted());
  for (const path of ['dist/default.k8s.yaml', ...presets]) {
    const kinds = [...objectsIn(readFileSync(path, 'utf8')).keys()].map((id) => id.split(' ')[1]);
    assert.ok(!kinds.includes('Pod'), path);
  }
});

test('the version of the chart is that of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const chart = files.get('charts/op-scim/Chart.yaml') ?? '';
  assert.match(chart, new RegExp(`^version: ${version}$`, 'm'));
  assert.match(chart, new RegExp(`^appVersion: "${version}"$`, 'm'));
  const [, newest = ''] = readFileSync('CHANGELOG.md', 'utf8').split(/^## .*$/m);
  const changes = mapOf(mapOf(parseYaml(chart)[0])['annotations'])['artifacthub.io/changes'];
  assert.deepEqual(
    parseYaml(String(changes))[0],
    newest
      .split(/^- /m)
      .slice(1)
      .map((change) => change.trim().replaceAll(/\s+/g, ' ')),
  );
});

for (const { layer } of helms) {
  test(`kubectl of layer ${layer} builds dist/kustomize with a prefix`, () => {
    const kustomize = join(folder, `kustomize-${layer}`);
    cpSync('dist/kustomize', join(kustomize, 'base'), { recursive: true });
    const [, overlay = ''] =
      /```yaml\n(.*?namePrefix.*?)```/s.exec(readFileSync('docs/chart.md', 'utf8')) ?? [];
    writeFileSync(join(kustomize, 'kustomization.yaml'), overlay.replace('dist/kustomize', 'base'));
    const output = execFileSync(toolPath('kubectl', layer), ['kustomize', kustomize], {
      encoding: 'utf8',
    });
    const built = objectsIn(output);
    assert.ok([...built.keys()].every((id) => id.split(' ')[2]?.startsWith('my-op-scim-')));
    const config = built.get('v1 ConfigMap my-op-scim-configmap');
    assert.equal(at(config, 'data.OP_REDIS_URL'), 'redis://my-op-scim-redis');
    assert.ok(built.has('v1 Service my-op-scim-redis'));
    const bridge = JSON.stringify(built.get('apps/v1 Deployment my-op-scim-bridge'));
    assert.ok(bridge.includes('"configMapRef":{"name":"my-op-scim-configmap"}'));
  });
}
