import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { App, Chart } from 'cdk8s';
import type { Environment } from '../../cdk8s/lib/expression.ts';
import { isMap } from '../../cdk8s/lib/expression.ts';
import { printYaml } from '../../cdk8s/lib/template.ts';
import { parseYaml } from '../../cdk8s/lib/yaml.ts';
import { OpScim } from '../../cdk8s/op-scim.ts';
import { helm, type Layer } from '../support/kubernetes-tools.ts';

export type KubernetesObject = Readonly<Record<string, unknown>>;

export interface Case {
  readonly values: object;
  readonly release: Environment['Release'];
}

/** What came out: the objects by their id, or why there are none. */
export type Rendered =
  | { readonly objects: ReadonlyMap<string, unknown>; readonly refusal?: undefined }
  | { readonly objects?: undefined; readonly refusal: string };

export const defaultRelease = { Name: 'op-scim', Namespace: 'default', Service: 'Helm' } as const;

export function renderPlain({ values, release }: Case): Rendered {
  try {
    const chart = new Chart(new App({ outdir: 'unused' }), 'plain');
    new OpScim(chart, 'op-scim', { values, release });
    return { objects: objectsIn(chart.toJson().map(printYaml).join('---\n')) };
  } catch (thrown) {
    return { refusal: String(thrown) };
  }
}

/** `valuesFile` is written over. */
export async function renderHelm(
  { values, release }: Case,
  layer: Layer,
  chart: string,
  valuesFile: string,
): Promise<Rendered> {
  writeFileSync(valuesFile, jsonOf(values));
  const args = ['template', release.Name, chart, '--namespace', release.Namespace];
  const run = await helm(layer, ...args, '--skip-tests', '--values', valuesFile);
  if (run.code !== 0) return { refusal: run.stderr };
  return { objects: objectsIn(run.stdout) };
}

/** JSON is YAML but for the characters that YAML can not hold as they are. */
function jsonOf(values: object): string {
  return JSON.stringify(values).replaceAll(/[\u007f-\u009f\u2028\u2029]/g, (found) => {
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export function objectsIn(text: string): ReadonlyMap<string, unknown> {
  const objects = new Map<string, unknown>();
  for (const object of parseYaml(text).filter(isMap)) {
    const { apiVersion, kind, metadata } = object;
    const name = isMap(metadata) ? metadata['name'] : undefined;
    const id = `${apiVersion} ${kind} ${name}`;
    if (objects.has(id)) throw new Error(`two objects ${id}`);
    objects.set(id, withoutNulls(object));
  }
  return objects;
}

/** The API server takes null for absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== null && each !== undefined);
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutNulls(each)]));
}

/** Each place where two renderings differ. */
export function differences(helm: Rendered, plain: Rendered): readonly string[] {
  if (helm.refusal !== undefined && plain.refusal !== undefined) return [];
  if (helm.refusal !== undefined) return [`only Helm refuses: ${helm.refusal}`];
  if (plain.refusal !== undefined) return [`only plain synth refuses: ${plain.refusal}`];
  const ids = new Set([...helm.objects.keys(), ...plain.objects.keys()]);
  return [...ids].flatMap((id) => differing(helm.objects.get(id), plain.objects.get(id), id));
}

function differing(helm: unknown, plain: unknown, path: string): readonly string[] {
  if (Object.is(helm, plain)) return [];
  const isBoth = (test: (value: unknown) => boolean) => test(helm) && test(plain);
  if (!isBoth(isMap) && !isBoth(Array.isArray)) {
    return [`${path}: Helm ${JSON.stringify(helm)}, plain ${JSON.stringify(plain)}`];
  }
  const of = (value: unknown): Readonly<Record<string, unknown>> => Object(value);
  const keys = new Set([...Object.keys(of(helm)), ...Object.keys(of(plain))]);
  return [...keys].flatMap((key) => differing(of(helm)[key], of(plain)[key], `${path} › ${key}`));
}

export function writeChart(files: ReadonlyMap<string, string>, folder: string): void {
  for (const [path, text] of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}
