import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailedTokens, networkOf } from '#http/failed-tokens.ts';

const FREE_TRIES = 20;

function failuresAt(startMs = 0) {
  const clock = { nowMs: startMs };
  return { clock, failed: new FailedTokens(() => clock.nowMs) };
}

function fail(failed: FailedTokens, address: string, times: number): (number | undefined)[] {
  return Array.from({ length: times }, () => failed.note(address));
}

test(`after ${FREE_TRIES} failures an address is told to wait until the minute is over`, () => {
  const { failed, clock } = failuresAt();
  assert.deepEqual(new Set(fail(failed, '192.0.2.1', FREE_TRIES)), new Set([undefined]));
  assert.equal(failed.note('192.0.2.1'), 60);
  clock.nowMs = 45_500;
  assert.equal(failed.note('192.0.2.1'), 15);
  clock.nowMs = 59_999;
  assert.equal(failed.note('192.0.2.1'), 1);
});

test('a minute later it may fail again', () => {
  const { failed, clock } = failuresAt();
  fail(failed, '192.0.2.1', FREE_TRIES + 5);
  clock.nowMs = 60_000;
  assert.equal(failed.note('192.0.2.1'), undefined);
});

test('other addresses are not concerned', () => {
  const { failed } = failuresAt();
  fail(failed, '192.0.2.1', FREE_TRIES + 5);
  assert.equal(failed.note('192.0.2.2'), undefined);
});

test('an IPv6 host is its /64: it may take any address of it', () => {
  const { failed } = failuresAt();
  const waits = Array.from({ length: FREE_TRIES + 1 }, (_, host) =>
    failed.note(`2001:db8:0:1::${host.toString(16)}`),
  );
  assert.equal(waits.at(-1), 60);
  assert.equal(failed.note('2001:db8:0:2::1'), undefined);
});

test('the table is bounded, and forgets who failed longest ago', () => {
  const { failed } = failuresAt();
  fail(failed, '192.0.2.1', FREE_TRIES + 1);
  for (let host = 0; host < 30_000; host += 1) {
    failed.note(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`);
    if (host % 5_000 === 0) fail(failed, '192.0.2.9', 10);
  }
  assert.equal(failed.size, 10_000);
  assert.equal(failed.note('192.0.2.1'), undefined, 'forgotten');
  assert.equal(failed.note('192.0.2.9'), 60, 'kept: it failed in between');
});

const networks = {
  '192.0.2.1': '192.0.2.1',
  '::ffff:192.0.2.1': '192.0.2.1',
  '2001:db8:1:2:3:4:5:6': '2001:db8:1:2::/64',
  '2001:0DB8:0001:0002::': '2001:db8:1:2::/64',
  '2001:db8::1': '2001:db8:0:0::/64',
  '::1': '0:0:0:0::/64',
  '::': '0:0:0:0::/64',
  '1::': '1:0:0:0::/64',
  'fe80::1%eth0': 'fe80:0:0:0::/64',
  '64:ff9b::192.0.2.1': '64:ff9b:0:0::/64',
  '1:2:3:4:5::': '1:2:3:4::/64',
  '': '',
};
for (const [address, network] of Object.entries(networks)) {
  test(`${address === '' ? 'no address' : address} counts as ${network}`, () => {
    assert.equal(networkOf(address), network);
  });
}
