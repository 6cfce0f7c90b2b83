import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helms } from '../support/kubernetes-tools.ts';
import { seed } from '../support/seed.ts';
import { compare, knownCases, randomCases } from './differential.ts';

/** N=… makes a longer run, SEED=… another one; HELM_LAYER=31 asks one Helm alone. */
const count = Number(process.env['N'] ?? 400);
/** Sets of one test: few enough for the time limit of a test on a busy machine. */
const SETS = 100;

const layerWanted = process.env['HELM_LAYER'];
const wanted = helms.filter(({ layer }) => [undefined, String(layer)].includes(layerWanted));

for (const { name, layer } of wanted) {
  for (const [file, each] of knownCases()) {
    test(`${name} renders what plain synth does: ${file}`, async () => {
      const { rendered, different } = await compare([each], layer);
      assert.deepEqual(different, []);
      assert.equal(rendered, 1);
    });
  }
}

const cases = randomCases(count, seed);
for (const { name, layer } of wanted) {
  for (let first = 0; first < count; first += SETS) {
    const some = cases.slice(first, first + SETS);
    const last = first + some.length;
    test(`${name} renders what plain synth does: random sets ${first + 1} to ${last} of SEED=${seed} N=${count}`, async (t) => {
      const { rendered, refused, different } = await compare(some, layer);
      t.diagnostic(
        `${rendered} rendered, ${refused} refused by both, ${different.length} different`,
      );
      assert.deepEqual(different.slice(0, 3), []);
      assert.equal(rendered + refused, some.length);
      assert.ok(rendered > some.length / 2, `only ${rendered} sets were rendered`);
    });
  }
}
