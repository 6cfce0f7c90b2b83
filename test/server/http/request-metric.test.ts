import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestMetric } from '#http/request-metric.ts';

const NAME = 'op_scim_request_duration_seconds';

/** The samples of the text as `name{labels}` → value, in order. */
function samplesOf(metric: RequestMetric): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of metric.draw().trimEnd().split('\n').slice(2)) {
    const match = /^([a-z_]+\{(?:[a-z]+="[^"]*",?)+\}) (\S+)$/.exec(line);
    assert.ok(match, `not a sample: ${line}`);
    const [, series = '', value] = match;
    assert.ok(!samples.has(series), `twice: ${series}`);
    samples.set(series, Number(value));
  }
  return samples;
}

test('is declared as a histogram, with help', () => {
  const lines = new RequestMetric().draw().split('\n');
  assert.match(lines[0] ?? '', new RegExp(`^# HELP ${NAME} \\S.*$`));
  assert.deepEqual(lines.slice(1), [`# TYPE ${NAME} histogram`, '']);
});

test('buckets are cumulative, end in +Inf, and agree with the count and the sum', () => {
  const metric = new RequestMetric();
  const durationsMs = [0, 0.4, 1, 1.0001, 7, 99, 100, 2_500, 9_999, 10_001, 600_000];
  for (const ms of durationsMs) metric.count('GET', '/Users', 200, ms);
  const samples = [...samplesOf(metric)];
  const buckets = samples.filter(([series]) => series.startsWith(`${NAME}_bucket`));
  const bounds = buckets.map(([series]) => /le="([^"]+)"/.exec(series)?.[1] ?? '');
  assert.equal(bounds.at(-1), '+Inf');
  const upTo = bounds.map((bound) => (bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound)));
  assert.deepEqual(
    upTo,
    upTo.toSorted((a, b) => a - b),
    'ascending',
  );
  for (const [place, [series, value]] of buckets.entries()) {
    const limitMs = (upTo[place] ?? 0) * 1_000;
    assert.equal(value, durationsMs.filter((ms) => ms <= limitMs).length, series);
  }
  const of = 'method="GET",route="/Users",status="200"';
  const rest = new Map(samples);
  assert.equal(rest.get(`${NAME}_count{${of}}`), durationsMs.length);
  const sumSeconds = durationsMs.reduce((sum, ms) => sum + ms / 1_000, 0);
  assert.ok(Math.abs((rest.get(`${NAME}_sum{${of}}`) ?? 0) - sumSeconds) < 1e-6);
});

test('each method, route and status is a series of its own', () => {
  const metric = new RequestMetric();
  metric.count('GET', '/Users', 200, 1);
  metric.count('GET', '/Users', 404, 1);
  metric.count('POST', '/Users', 201, 1);
  metric.count('POST', '/Users', 201, 1);
  const counts = [...samplesOf(metric)].filter(([series]) => series.includes('_count'));
  assert.deepEqual(
    counts.map(([, value]) => value),
    [1, 1, 2],
  );
});

test('methods that nobody uses share one series: their number is bounded', () => {
  const metric = new RequestMetric();
  for (const method of ['PROPFIND', 'MKCOL', 'SEARCH', 'TRACE']) {
    metric.count(method, 'unknown', 404, 1);
  }
  const samples = samplesOf(metric);
  assert.equal(samples.get(`${NAME}_count{method="other",route="unknown",status="404"}`), 4);
});
