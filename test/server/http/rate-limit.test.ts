import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimit } from '#http/rate-limit.ts';

function limited(perSecond: number) {
  const clock = { nowMs: 5_000 };
  return { clock, limit: new RateLimit(perSecond, () => clock.nowMs) };
}

function passing(limit: RateLimit, requests: number): number {
  let passed = 0;
  for (let sent = 0; sent < requests; sent += 1) if (limit.take()) passed += 1;
  return passed;
}

for (const perSecond of [25, 100, 100_000]) {
  test(`${perSecond} a second pass at once, and no more`, () => {
    const { limit } = limited(perSecond);
    assert.equal(passing(limit, perSecond * 2), perSecond);
  });

  test(`who keeps to ${perSecond} a second is never refused`, () => {
    const { limit, clock } = limited(perSecond);
    for (let second = 0; second < 20; second += 1) {
      for (let part = 0; part < 5; part += 1) {
        assert.equal(passing(limit, perSecond / 5), perSecond / 5, `second ${second}`);
        clock.nowMs += 200;
      }
    }
  });
}

test('a flood gets its share evenly, whatever the pauses', () => {
  const { limit, clock } = limited(25);
  passing(limit, 25);
  let passed = 0;
  for (let step = 0; step < 1_000; step += 1) {
    clock.nowMs += 10;
    passed += passing(limit, 3);
  }
  assert.ok(passed >= 249 && passed <= 250, `${passed} in 10 s`);
});

test('what was not used is kept for one second, not for longer', () => {
  const { limit, clock } = limited(25);
  passing(limit, 25);
  clock.nowMs += 3_600_000;
  assert.equal(passing(limit, 100), 25);
});
