import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE_DEFAULT, PAGE_MAX } from '#http/limits.ts';
import {
  type ListParameters,
  parametersOfQuery,
  parametersOfSearch,
} from '#http/list-parameters.ts';
import { type ProblemName, ScimError } from '#scim/errors.ts';

const SEARCH_REQUEST = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const search = (fields: object) => parametersOfSearch({ schemas: [SEARCH_REQUEST], ...fields });

const asked: Readonly<Record<string, Partial<ListParameters>>> = {
  '': { startIndex: 1, count: PAGE_DEFAULT, cursor: undefined, filter: undefined },
  'startIndex=7&count=3': { startIndex: 7, count: 3 },
  'startIndex=0': { startIndex: 1 },
  'startIndex=-5': { startIndex: 1 },
  'startIndex=999999999999999': { startIndex: 999_999_999_999_999 },
  'startIndex=': { startIndex: 1 },
  'count=0': { count: 0 },
  'count=-1': { count: 0 },
  'count=1000': { count: PAGE_MAX },
  'count=1001': { count: PAGE_MAX },
  'count=999999999999999': { count: PAGE_MAX },
  'count=007': { count: 7 },
  'count=2&count=5': { count: 2 },
  'startIndex=2&startIndex=oops': { startIndex: 2 },
  'filter=a&filter=b': { filter: 'a' },
  'filter=%20': { filter: undefined },
  'filter=userName+eq+%22a%22': { filter: 'userName eq "a"' },
  'filter=%ff': { filter: '\uFFFD' },
  'sortBy=': { sortBy: undefined },
  'sortOrder=DESCENDING': { descending: true },
  'sortOrder=': { descending: false },
  'cursor=': { cursor: '', count: PAGE_DEFAULT },
  'cursor=abc&count=1': { cursor: 'abc', count: 1 },
  'unknown=1&_=2&__proto__=3': { startIndex: 1, count: PAGE_DEFAULT },
  'attributes=a,b&excludedAttributes=c': { attributes: 'a,b', excludedAttributes: 'c' },
};
for (const [query, wanted] of Object.entries(asked)) {
  test(`?${query}`, () => {
    const read = parametersOfQuery(query);
    assert.deepEqual({ ...read, ...wanted }, read);
  });
}

const refusedQueries: Readonly<Record<string, ProblemName>> = {
  'startIndex=one': 'invalidValue',
  'startIndex=1.5': 'invalidValue',
  'startIndex=1e3': 'invalidValue',
  'startIndex=0x10': 'invalidValue',
  'startIndex=1%00': 'invalidValue',
  'startIndex=9999999999999999': 'invalidValue',
  'startIndex=%20': 'invalidValue',
  'count=NaN': 'invalidValue',
  'count=Infinity': 'invalidValue',
  'count=%D9%A3': 'invalidValue', // An Arabic 3.
  'cursor=&count=0': 'invalidCount',
  'cursor=&count=-1': 'invalidCount',
  'cursor=&count=x': 'invalidCount',
  'sortOrder=up': 'invalidValue',
};
for (const [query, problem] of Object.entries(refusedQueries)) {
  test(`?${query} is ${problem}`, () => {
    assert.throws(
      () => parametersOfQuery(query),
      (thrown) => thrown instanceof ScimError && thrown.problem === problem,
    );
  });
}

test('a search request is read like a query, names in any case', () => {
  assert.deepEqual(
    parametersOfSearch({
      Schemas: [SEARCH_REQUEST.toUpperCase()],
      FILTER: 'a pr',
      startindex: 3,
      COUNT: '5000',
      sortBy: 'userName',
      sortOrder: 'descending',
      attributes: ['a', 'b.c'],
      excludedAttributes: null,
    }),
    {
      filter: 'a pr',
      sortBy: 'userName',
      descending: true,
      startIndex: 3,
      count: PAGE_MAX,
      cursor: undefined,
      attributes: 'a,b.c',
      excludedAttributes: undefined,
    },
  );
});

const refusedSearches: Readonly<Record<string, readonly [unknown, ProblemName]>> = {
  'no object': ['filter', 'invalidSyntax'],
  null: [null, 'invalidSyntax'],
  'an array': [[], 'invalidSyntax'],
  'no schemas': [{ filter: 'a pr' }, 'invalidSyntax'],
  'schemas that are no list': [{ schemas: SEARCH_REQUEST }, 'invalidSyntax'],
  'another schema': [{ schemas: ['urn:x'] }, 'invalidSyntax'],
  'schemas of another type': [{ schemas: [{}, 1, null] }, 'invalidSyntax'],
};
for (const [name, [body, problem]] of Object.entries(refusedSearches)) {
  test(`a search request that is or has ${name} is ${problem}`, () => {
    assert.throws(
      () => parametersOfSearch(body),
      (thrown) => thrown instanceof ScimError && thrown.problem === problem,
    );
  });
}

const refusedFields = {
  'filter as an object': { filter: {} },
  'filter as a list': { filter: ['a pr'] },
  'count as a boolean': { count: true },
  'count as a fraction': { count: 1.5 },
  'count beyond all numbers': { count: 1e300 },
  'startIndex as a list': { startIndex: [1] },
  'attributes as an object': { attributes: { a: 1 } },
  'attributes with something else in it': { attributes: ['a', 1] },
  'cursor as an object': { cursor: {} },
  'sortOrder as a number': { sortOrder: 1 },
};
for (const [name, fields] of Object.entries(refusedFields)) {
  test(`a search request with ${name} is refused by name`, () => {
    const [field = ''] = Object.keys(fields);
    assert.throws(
      () => search(fields),
      (thrown) => thrown instanceof ScimError && thrown.message.includes(field),
    );
  });
}
