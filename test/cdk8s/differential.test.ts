import assert from 'node:assert/strict';
import { test } from 'node:test';
import { helms } from '../support/kubernetes-tools.ts';
import { compare, knownCases, randomCases } from './differential.ts';

/** SEED=… and COUNT=… repeat a run, or make a longer one; HELM_LAYER=31 asks one Helm alone. */
const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
const count = Number(process.env['COUNT'] ?? 400);

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
  test(`${name} renders what plain synth does: ${count} random sets of values, SEED=${seed}`, async (t) => {
    const { rendered, refused, different } = await compare(cases, layer);
    t.diagnostic(`${rendered} rendered, ${refused} refused by both, ${different.length} different`);
    assert.deepEqual(different.slice(0, 3), []);
    assert.equal(rendered + refused, count);
    assert.ok(rendered > count / 2, `only ${rendered} sets were rendered`);
  });
}
