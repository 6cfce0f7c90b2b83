import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { chartFiles } from '../../cdk8s/chart-files.ts';
import { isMap } from '../../cdk8s/lib/expression.ts';
import { layOver } from '../../cdk8s/lib/values.ts';
import { parseValues } from '../../cdk8s/lib/yaml.ts';
import { definition } from '../../cdk8s/values.ts';
import type { Layer } from '../support/kubernetes-tools.ts';
import { randomValues } from './random-values.ts';
import {
  type Case,
  defaultRelease,
  differences,
  type Rendered,
  renderHelm,
  renderPlain,
  writeChart,
} from './render.ts';

const RELEASES = ['op-scim', 'a', 'my-op-scim', '123', 'x'.repeat(53)];
/** How many of 100 values are drawn; sparse sets get past the rules. */
const PERCENTS = [1, 3, 6, 12];
/** Of the sets that plain synth refuses, Helm is asked about one in so many. */
const REFUSED_SHARE = 3;
const AT_A_TIME = 2;

export interface Outcome {
  readonly rendered: number;
  readonly refused: number;
  readonly different: readonly string[];
}

/** Values files that people use, each as it is. */
export function knownCases(): readonly (readonly [string, Case])[] {
  const paths = globSync(['cdk8s/presets/*.yaml', 'test/cdk8s/values/*.yaml']).toSorted();
  const files = paths.map((path) => {
    const values = parseValues(readFileSync(path, 'utf8'));
    if (!isMap(values)) throw new Error(`${path}: no map`);
    return [basename(path), { values, release: defaultRelease }] as const;
  });
  return [['no values', { values: {}, release: defaultRelease }], ...files];
}

/** `count` random sets, each laid over a known one. Equal seeds give equal sets. */
export function randomCases(count: number, seed: number): readonly Case[] {
  const bases = knownCases().map(([, { values }]) => values);
  const set = fc.oneof(...PERCENTS.map((percent) => randomValues(definition, percent)));
  const one = fc.record({
    base: fc.oneof(fc.constant({}), fc.constantFrom(...bases)),
    over: set,
    name: fc.constantFrom(...RELEASES),
    namespace: fc.constantFrom('default', 'scim'),
  });
  const cases: Case[] = [];
  let refused = 0;
  for (const { base, over, name, namespace } of fc.sample(one, { numRuns: count * 3, seed })) {
    if (cases.length === count) break;
    // layOver of two maps is a map.
    const values = layOver(base, over) as object;
    const candidate = { values, release: { Name: name, Namespace: namespace, Service: 'Helm' } };
    if (renderPlain(candidate).refusal !== undefined) {
      if (refused * REFUSED_SHARE > cases.length) continue;
      refused += 1;
    }
    cases.push(candidate);
  }
  return cases;
}

/** Renders each case by both, and says where they differ. */
export async function compare(
  cases: readonly Case[],
  layer: Layer,
  files: ReadonlyMap<string, string> = chartFiles(),
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-chart-'));
  const chart = join(folder, 'chart');
  const queue = [...cases];
  const different: string[] = [];
  const counts = { rendered: 0, refused: 0 };
  async function work(worker: number): Promise<void> {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const helm: Rendered = await renderHelm(next, layer, chart, join(folder, `${worker}.yaml`));
      const found = differences(helm, renderPlain(next));
      counts[helm.refusal === undefined ? 'rendered' : 'refused'] += 1;
      if (found.length > 0) different.push(`${found.join('\n')}\n${JSON.stringify(next)}`);
    }
  }
  try {
    writeChart(files, chart);
    await Promise.all(Array.from({ length: AT_A_TIME }, (_, index) => work(index)));
  } finally {
    rmSync(folder, { recursive: true });
  }
  return { ...counts, different };
}
