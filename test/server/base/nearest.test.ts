import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '#base/nearest.ts';

const names = ['serve', 'session', 'config', 'OP_TLS_DOMAIN'];

for (const [given, expected] of [
  ['sesion', 'session'],
  ['sessoin', 'session'],
  ['srve', 'serve'],
  ['OP_TLS_DOMIAN', 'OP_TLS_DOMAIN'],
  ['OP_TSL_DOMAIN', 'OP_TLS_DOMAIN'],
  ['doctor', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
] as const) {
  test(`nearest to ${given.slice(0, 20) || 'nothing'} is ${expected ?? 'nothing'}`, () => {
    assert.equal(nearest(given, names), expected);
  });
}
