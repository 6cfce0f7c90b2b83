import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { leavesOf } from '../../cdk8s/lib/values.ts';
import { definition } from '../../cdk8s/values.ts';
import { at, mapOf, podSpecOf } from './pods.ts';
import { defaultRelease, renderPlain } from './render.ts';

/**
 * What the last release had. They are written anew by each release, and as long as the first is
 * not out.
 */
const DEFAULTS = 'test/golden/chart-defaults.json';
const SELECTORS = 'test/golden/chart-selectors.json';
const UPDATE = 'UPDATE_GOLDEN=1 npm test -- test/cdk8s/upgrade-safety.test.ts';

interface Release {
  readonly version: string;
  readonly defaults: Readonly<Record<string, unknown>>;
}

const { version }: { version: string } = JSON.parse(readFileSync('package.json', 'utf8'));
const defaults = Object.fromEntries(
  leavesOf(definition).map(([path, leaf]) => [path, leaf.fallback]),
);

/** What commands and other objects refer to; Kubernetes does not even let selectors change. */
function fixed(): Readonly<Record<string, unknown>> {
  const { objects } = renderPlain({ values: {}, release: defaultRelease });
  const entries = [...(objects ?? [])].map(([id, object]) => {
    const selector = at(object, 'spec.selector.matchLabels') ?? at(object, 'spec.selector');
    const containers = mapOf(podSpecOf(object))['containers'];
    const names = Array.isArray(containers)
      ? containers.map((each) => at(each, 'name'))
      : undefined;
    return [id, { selector, containers: names }] as const;
  });
  return JSON.parse(JSON.stringify(Object.fromEntries(entries)));
}

if (process.env['UPDATE_GOLDEN'] === '1') {
  writeFileSync(DEFAULTS, `${JSON.stringify({ version, defaults }, null, 2)}\n`);
  writeFileSync(SELECTORS, `${JSON.stringify(fixed(), null, 2)}\n`);
}
const last: Release = JSON.parse(readFileSync(DEFAULTS, 'utf8'));
const changelog = readFileSync('CHANGELOG.md', 'utf8');

/** Defaults that changed or went since `before` and that the log of a new enough version does not name. */
function unannounced(before: Release, now: Release, log: string): readonly string[] {
  const changed = Object.keys(before.defaults).filter(
    (path) => !isDeepStrictEqual(before.defaults[path], now.defaults[path]),
  );
  const [major, minor] = now.version.split('.');
  const isNewEnough = !before.version.startsWith(`${major}.${minor}.`);
  const entry = log.split(/^## /m).find((text) => text.startsWith(`${now.version}\n`)) ?? '';
  const [, section = ''] = entry.split(/^### Changed defaults$/m);
  return changed.filter((path) => !isNewEnough || !section.includes(`\`${path}\``));
}

test('a changed default is a line under "Changed defaults" of a new minor version', () => {
  const silent = unannounced(last, { version, defaults }, changelog);
  assert.deepEqual(
    silent,
    [],
    `name them in CHANGELOG.md, or, before ${version} is released, ${UPDATE}`,
  );
});

const before = { version: '1.2.3', defaults: { a: 1, 'b.c': ['x'], gone: true } };
const log = (release: string, section: string) =>
  `# Changelog\n\n## ${release}\n\n- New.\n${section}\n## 1.2.3\n\n- Old.\n`;
const named = '\n### Changed defaults\n\n- `a` is 2.\n- `gone` went.\n';
const rows: readonly (readonly [string, string, object, string, readonly string[]])[] = [
  ['nothing changed', '1.2.4', before.defaults, log('1.2.4', ''), []],
  ['a new value', '1.2.4', { ...before.defaults, d: 1 }, log('1.2.4', ''), []],
  ['announced', '1.3.0', { a: 2, 'b.c': ['x'] }, log('1.3.0', named), []],
  ['in a patch', '1.2.4', { a: 2, 'b.c': ['x'], gone: true }, log('1.2.4', named), ['a']],
  ['in silence', '1.3.0', { ...before.defaults, 'b.c': [] }, log('1.3.0', named), ['b.c']],
  [
    'in the log of another version',
    '1.3.0',
    { ...before.defaults, a: 2 },
    log('1.2.9', named),
    ['a'],
  ],
];
for (const [name, release, changed, text, expected] of rows) {
  test(`the rule for defaults: ${name}`, () => {
    const now = { version: release, defaults: { ...changed } };
    assert.deepEqual(unannounced(before, now, text), expected);
  });
}

test('names, selectors and containers are those of the last release', () => {
  assert.deepEqual(fixed(), JSON.parse(readFileSync(SELECTORS, 'utf8')), UPDATE);
});

test('the version has its part of the changelog', () => {
  assert.match(changelog, new RegExp(`^## ${version.replaceAll('.', '\\.')}$`, 'm'));
});
