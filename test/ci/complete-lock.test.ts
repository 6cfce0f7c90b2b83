import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
// @ts-expect-error: written in JavaScript, because npm runs it on any Node.
import { completeLock } from '../../.ci/complete-lock.mjs';

test('package-lock.json holds the packages of all platforms, or npm ci refuses it', () => {
  const lock: unknown = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  assert.deepEqual(completeLock(lock), [], 'run npm run dependencies');
});

const names = [
  ['@biomejs/cli-darwin-x64', { cpu: ['x64'], os: ['darwin'] }],
  ['@biomejs/cli-linux-arm64', { cpu: ['arm64'], libc: ['glibc'], os: ['linux'] }],
  ['@biomejs/cli-linux-arm64-musl', { cpu: ['arm64'], libc: ['musl'], os: ['linux'] }],
  ['@oxlint/binding-android-arm-eabi', { cpu: ['arm'], os: ['android'] }],
  ['@oxlint/binding-linux-arm-musleabihf', { cpu: ['arm'], libc: ['musl'], os: ['linux'] }],
  ['@oxlint/binding-linux-ppc64-gnu', { cpu: ['ppc64'], libc: ['glibc'], os: ['linux'] }],
  ['@oxlint/binding-win32-ia32-msvc', { cpu: ['ia32'], os: ['win32'] }],
  ['@oxlint-tsgolint/win32-arm64', { cpu: ['arm64'], os: ['win32'] }],
] as const;
for (const [name, platform] of names) {
  test(`a lock file that lacks ${name} gets it`, () => {
    const optionalDependencies = Object.fromEntries(names.map(([each]) => [each, '1.2.3']));
    const others = names.filter(([each]) => each !== name);
    const packages: Record<string, object> = {
      '': {},
      'node_modules/parent': { dev: true, optionalDependencies },
      ...Object.fromEntries(others.map(([each]) => [`node_modules/${each}`, {}])),
    };
    const lock = { packages };
    assert.deepEqual(completeLock(lock), [name]);
    const expected = { version: '1.2.3', ...platform, dev: true, optional: true };
    assert.deepEqual(lock.packages[`node_modules/${name}`], expected);
  });
}

test('optional packages that name no platform are left to npm', () => {
  const optionalDependencies = { fsevents: '1.0.0', 'linux-release-info': '1.0.0' };
  assert.deepEqual(
    completeLock({ packages: { 'node_modules/parent': { optionalDependencies } } }),
    [],
  );
});
