import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONFORMANCE_PAGE, drawConformancePage } from './coverage.ts';

test('docs/conformance.md is what `npm run generate` draws', () => {
  assert.equal(readFileSync(CONFORMANCE_PAGE, 'utf8'), drawConformancePage());
});
