import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Chart } from 'cdk8s';
import { chartFiles } from './chart-files.ts';
import { printYaml } from './lib/template.ts';
import { parseValues } from './lib/yaml.ts';
import { OpScim, type OpScimValues } from './op-scim.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** All generated files, by their path in the repository. */
export function synthesize(): ReadonlyMap<string, string> {
  const chart = [...chartFiles()].map(([path, text]) => [`charts/op-scim/${path}`, text] as const);
  const presets = globSync('cdk8s/presets/*.yaml', { cwd: root }).toSorted().map(presetFile);
  return new Map([
    ...chart,
    ['dist/default.k8s.yaml', manifests({})],
    ...presets,
    ['dist/kustomize/kustomization.yaml', KUSTOMIZATION],
    ['dist/kustomize/op-scim.yaml', manifests({})],
  ]);
}

/** Plain manifests for one set of values. */
export function manifests(values: OpScimValues): string {
  const chart = new Chart(new App({ outdir: 'unused' }), 'plain');
  new OpScim(chart, 'op-scim', { values });
  // Not by cdk8s, whose YAML leaves the text 0o17 without quotes, which kubectl takes for a number.
  return chart.toJson().map(printYaml).join('---\n');
}

function presetFile(path: string): readonly [string, string] {
  const name = basename(path, '.yaml');
  // OpScim checks the values.
  const values = parseValues(readFileSync(join(root, path), 'utf8')) as OpScimValues;
  return [`dist/presets/${name}/${name}.k8s.yaml`, manifests(values)];
}

const KUSTOMIZATION = `# Made by "npm run synth". kubectl apply -k dist/kustomize, or a base of your own overlay.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - op-scim.yaml
`;

/** Writes what differs and removes what is no longer made. */
function write(files: ReadonlyMap<string, string>): void {
  const folders = ['charts/op-scim', 'dist'];
  for (const path of globSync(
    folders.map((folder) => `${folder}/**/*`),
    { cwd: root, withFileTypes: true },
  )) {
    const name = join(path.parentPath, path.name).slice(root.length);
    if (path.isFile() && !files.has(name)) rmSync(join(root, name));
  }
  for (const [path, text] of files) {
    const target = join(root, path);
    if (existsSync(target) && readFileSync(target, 'utf8') === text) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}

if (import.meta.main) write(synthesize());
