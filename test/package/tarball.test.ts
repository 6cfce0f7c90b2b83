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

/** What another project writes. */
const APP = `import { App, Chart, Testing } from 'cdk8s';
import { OpScim, type OpScimValues } from 'op-scim/cdk8s';

const values: OpScimValues = { replicaCount: 2, config: { tlsDomain: 'scim.example.com' } };
const chart = new Chart(new App(), 'mine', { namespace: 'scim', labels: { team: 'a' } });
new OpScim(chart, 'op-scim', { values, release: { Name: 'mine' } });
console.log(JSON.stringify(Testing.synth(chart)));
`;
const OWN_GENERATOR = `import { f } from 'op-scim/cdk8s/lib/functions.js';
import { group, referencesOf, value } from 'op-scim/cdk8s/lib/values.js';

const values = referencesOf({ a: group('A.', { b: value.text('x', 'B.') }) });
console.log(f.default('y', values.a.b).print());
`;

/** What the compiler takes, of values from the chart and from the bridge's table of settings. */
const RIGHT = [
  '{}',
  "{ replicaCount: 2, service: { type: 'ClusterIP' } }",
  "{ config: { tlsDomain: 'scim.example.com', debug: true, shutdownDelaySeconds: 5 } }",
  "{ config: { maxBody: '2 MiB', trustedProxies: '10.0.0.0/8', unknownMembers: 'refuse' } }",
  "{ acme: { challenge: 'tls-alpn-01', eabKid: 'kid', eabHmac: { existingSecret: 'eab' } } }",
  "{ redis: { enabled: false, external: { host: 'redis', port: 6380, tls: true } } }",
];
const WRONG = [
  "{ replicaCount: 'two' }",
  '{ replicas: 2 }',
  "{ service: { type: 'External' } }",
  "{ config: { tlsDomian: 'scim.example.com' } }",
  '{ config: { tlsDomain: true } }',
  "{ config: { debug: 'yes' } }",
  "{ config: { shutdownDelaySeconds: '5' } }",
  '{ config: { maxBody: 1_000 } }',
  "{ config: { unknownMembers: 'guess' } }",
  "{ acme: { challenge: 'dns' } }",
  "{ acme: { eabHmac: 'secret' } }",
  "{ redis: { external: { port: '6380' } } }",
  "{ redis: { external: { ca: 'redis-ca' } } }",
];

/** Each of the wrong ones is an error of its own, or tsc says that the comment expects one in vain. */
const TYPES = `import type { OpScimValues } from 'op-scim/cdk8s';

export const values: readonly OpScimValues[] = [
${RIGHT.map((each) => `  ${each},`).join('\n')}
${WRONG.map((each) => `  // @ts-expect-error\n  ${each},`).join('\n')}
];
`;

const folder = mkdtempSync(join(tmpdir(), 'op-scim-package-'));
after(() => rmSync(folder, { recursive: true }));
const env = {
  ...process.env,
  PATH: `${resolve('node_modules/node/bin')}:${resolve('node_modules/.bin')}:${process.env['PATH']}`,
};
const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Packs a copy, since packing writes JavaScript beside the sources for a moment. */
function pack(): string {
  const copy = join(folder, 'copy');
  const names = [
    'server',
    'cdk8s',
    'charts',
    'dist',
    'docs',
    '.ci',
    'package.json',
    'tsconfig.json',
  ];
  for (const name of [...names, 'README.md', 'LICENSE', 'SECURITY.md']) {
    cpSync(name, join(copy, name), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  run('npm', ['pack', '--pack-destination', folder], copy);
  assert.deepEqual(globSync('{server,cdk8s}/**/*.js', { cwd: copy }), [], 'JavaScript was left');
  return globSync('*.tgz', { cwd: folder })[0] ?? assert.fail('no tarball');
}

test('the packed package installs, and brings its constructs, types and command', {
  timeout: 240_000,
}, () => {
  const tarball = join(folder, pack());
  const app = join(folder, 'app');
  cpSync('LICENSE', join(app, 'LICENSE'));
  const overrides = { backport: 'npm:constructs@10.8.1' };
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: 'module', overrides }));
  writeFileSync(join(app, 'app.ts'), APP);
  writeFileSync(join(app, 'generator.ts'), OWN_GENERATOR);
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const peers = ['cdk8s', 'cdk8s-plus-27', 'constructs'].map(
    (name) => `${name}@${devDependencies[name]}`,
  );
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...peers], app);

  const objects: readonly { kind: string; metadata: Record<string, unknown> }[] = JSON.parse(
    run('node', ['app.ts'], app),
  );
  const bridge = objects.find(({ metadata }) => metadata['name'] === 'mine-op-scim-bridge');
  assert.equal(bridge?.metadata['namespace'], 'scim');
  assert.ok(objects.some(({ kind }) => kind === 'Deployment'));
  assert.equal(run('node', ['generator.ts'], app), 'default "y" .Values.a.b\n');
  assert.match(run('node_modules/.bin/op-scim', ['help'], app), /op-scim serve/);

  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--skipLibCheck'];
  const tsc = (file: string) =>
    run(resolve('node_modules/.bin/tsc'), [...flags, '--types', '', file], app);
  tsc('generator.ts');
  writeFileSync(join(app, 'types.ts'), TYPES);
  assert.equal(tsc('types.ts'), '');
});

test('the package holds no TypeScript but declarations, and no tests', () => {
  const [tarball = ''] = globSync('*.tgz', { cwd: folder });
  const listed = run('tar', ['-tzf', join(folder, tarball)], folder)
    .trim()
    .split('\n');
  const wrong = listed.filter((path) => /(?<!\.d)\.ts$|\/test\//.test(path));
  assert.deepEqual(wrong, []);
  for (const path of ['charts/op-scim/Chart.yaml', 'dist/default.k8s.yaml', 'cdk8s/op-scim.js']) {
    assert.ok(listed.includes(`package/${path}`), path);
  }
});
