import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AcmeError } from '#tls/acme/acme-engine.ts';
import { type Failure, nextFailure, nextTryMs, RETRY_PLAN, renewalTimeMs } from '#tls/schedule.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const lives: Readonly<Record<string, readonly [number, number]>> = {
  '90 days': [90 * DAY_MS, 60 * DAY_MS],
  '64 days': [64 * DAY_MS, (64 * DAY_MS * 2) / 3],
  '45 days': [45 * DAY_MS, 30 * DAY_MS],
  '160 hours': [160 * HOUR_MS, 80 * HOUR_MS],
};
for (const [title, [lifeMs, dueMs]] of Object.entries(lives)) {
  test(`a certificate of ${title} is due after ${Math.round((dueMs / DAY_MS) * 10) / 10} days`, () => {
    assert.equal(renewalTimeMs(1_000, 1_000 + lifeMs), 1_000 + dueMs);
  });
}

test('failed checks: at most 4 orders in 2 hours, then one a day', () => {
  for (const random of [0, 1]) {
    const error = new AcmeError('connection', 'closed');
    const orders = ordersOf(error, 4 * DAY_MS, random);
    assert.ok(orders.filter((ms) => ms < 2 * HOUR_MS).length <= 4, orders.join());
    assert.ok((orders[1] ?? 0) - (orders[0] ?? 0) <= 36_000, 'The first retry comes late.');
    assert.ok(orders.length <= 8);
  }
});

test('a directory that is down is asked each half hour at last', () => {
  const orders = ordersOf(new AcmeError('network', 'down'), DAY_MS, 0);
  assert.ok(orders.length > 45 && orders.length < 56, String(orders.length));
});

test('a provider of DNS that refuses us is asked again as often, and not before it says', () => {
  const orders = ordersOf(new AcmeError('dnsProvider', 'no role yet'), DAY_MS, 0);
  assert.ok(orders.length > 45 && orders.length < 56, String(orders.length));
  const busy = new AcmeError('dnsProvider', 'busy', { retryAfterMs: HOUR_MS });
  assert.deepEqual(ordersOf(busy, 2 * HOUR_MS, 0), [0, HOUR_MS]);
});

test('a rate limit is kept for as long as it says, also by a new process', () => {
  const error = new AcmeError('rateLimited', 'too many', { retryAfterMs: 2 * HOUR_MS });
  const failure = nextFailure(error, undefined, 0, 0.5, RETRY_PLAN);
  assert.equal(nextTryMs(failure, 0, false), 2 * HOUR_MS);
  assert.equal(nextTryMs(failure, 0, true), 2 * HOUR_MS);
});

test('a new process tries sooner: its settings or its network may be new', () => {
  const of = (problem: string): Failure => ({
    ...{ problem, message: '', count: 4, atMs: 0, nextMs: DAY_MS },
  });
  assert.equal(nextTryMs(of('externalAccountRequired'), 1_000, true), 1_000);
  assert.equal(nextTryMs(of('network'), 1_000, true), 1_000);
  assert.equal(nextTryMs(of('connection'), 1_000, true), 15 * 60_000);
  assert.equal(nextTryMs(of('clock'), 1_000, true), DAY_MS);
  assert.equal(nextTryMs(of('connection'), 1_000, false), DAY_MS);
});

test('a time that comes from a wrong clock holds nobody up', () => {
  const failure = { problem: 'connection', message: '', count: 1, atMs: 0, nextMs: 400 * DAY_MS };
  assert.equal(nextTryMs(failure, 1_000, false), 1_000);
});

/** When orders are placed that all fail so. */
function ordersOf(error: AcmeError, untilMs: number, random: number): readonly number[] {
  const orders: number[] = [];
  let failure: Failure | undefined;
  let nowMs = 0;
  while (nowMs < untilMs && orders.length < 1_000) {
    orders.push(nowMs);
    failure = nextFailure(error, failure, nowMs, random, RETRY_PLAN);
    nowMs = nextTryMs(failure, nowMs, false);
  }
  return orders;
}
