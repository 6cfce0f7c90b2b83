import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '#scim/nearest.ts';

const names = ['displayName', 'emails', 'members'];
const rows = [
  { slip: 'two letters exchanged', word: 'dispalyName', found: 'displayName' },
  { slip: 'a letter left out', word: 'member', found: 'members' },
  { slip: 'a letter too many', word: 'emailss', found: 'emails' },
  { slip: 'a wrong letter', word: 'enails', found: 'emails' },
  { slip: 'another letter case as well', word: 'EMAIL', found: 'emails' },
  { slip: 'two letters left out', word: 'emai', found: undefined },
  { slip: 'two wrong letters side by side', word: 'emXXls', found: undefined },
  {
    slip: 'letters exchanged at a distance',
    word: 'rembems',
    found: undefined,
  },
  { slip: 'no slip: the word itself', word: 'emails', found: undefined },
  { slip: 'no word', word: '', found: undefined },
];
for (const { slip, word, found } of rows) {
  test(`nearest: ${slip}`, () => assert.equal(nearest(word, names), found));
}
