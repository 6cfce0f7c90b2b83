import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '#config/load.ts';
import type { Option } from '#config/option.ts';
import { options } from '#config/options.ts';
import { leavesOf } from '../../cdk8s/lib/values.ts';
import { definition } from '../../cdk8s/values.ts';
import { knownCases } from './differential.ts';
import { at, listOf, mapOf, podSpecOf } from './pods.ts';
import { defaultRelease, renderPlain } from './render.ts';

/** Settings that are none of the user's business in the chart, and why. */
const DECIDED: Readonly<Record<string, string>> = {
  OP_CHART_TLS_DOMAIN: 'is config.tlsDomain again',
  OP_DATA_DIR: 'is for a bridge without Redis',
  OP_PING_SERVER: 'is on: the probes need it',
};

const all = Object.values<Option<unknown>>(options);
const leaves = new Map(leavesOf(definition));

/** What the pod of the bridge gets: the ConfigMap, then its own variables. */
function environmentWith(values: object): ReadonlyMap<string, string> {
  const { objects, refusal } = renderPlain({ values, release: defaultRelease });
  assert.equal(refusal, undefined);
  const named = (pattern: RegExp) =>
    [...(objects ?? [])].find(([id]) => pattern.test(id))?.[1] ?? assert.fail(String(pattern));
  const config = mapOf(at(named(/-configmap$/), 'data'));
  const deployment = named(/Deployment .*-bridge$/);
  const [container] = listOf(podSpecOf(deployment)?.['containers']);
  const own = listOf(container?.['env']).map(({ name, valueFrom }) => [
    String(name),
    JSON.stringify(valueFrom),
  ]);
  const entries = Object.entries(config).map(([name, value]) => [name, String(value)]);
  return new Map([...entries, ...own].map(([name = '', value = '']) => [name, value]));
}

for (const { env, chart } of all) {
  test(`${env} is offered by the chart, or decided by it`, () => {
    if (chart === undefined) {
      assert.ok(DECIDED[env] !== undefined, `give ${env} a chart value, or say why not`);
      return;
    }
    const isValue = leaves.has(chart) || leaves.has(`${chart}.existingSecret`);
    assert.ok(isValue, `${env}: there is no value ${chart}`);
  });
}

test('nothing is decided that is offered or gone', () => {
  const undecided = all.filter(({ chart }) => chart === undefined).map(({ env }) => env);
  assert.deepEqual(undecided.toSorted(), Object.keys(DECIDED));
});

/** A value that differs from the default, put where the option's chart path says. */
function changed({ chart = '', parser, secret }: Option<unknown>): object {
  const leaf = leaves.get(chart);
  const isSecret = secret === true || parser.isFile === true || leaf === undefined;
  const path = isSecret && leaf === undefined ? `${chart}.existingSecret` : chart;
  const { schema, fallback } = leaves.get(path) ?? assert.fail(path);
  const samples = [
    'a.example.com',
    'https://a.example.com',
    'rediss://a.example.com',
    'x@a.example',
    '1k',
  ];
  const fits = (text: string) => new RegExp(schema.pattern ?? '').test(text);
  const value =
    schema.type === 'boolean'
      ? fallback !== true
      : schema.type === 'integer'
        ? Number(fallback) + 1
        : (schema.enum?.find((name) => name !== fallback && name !== '') ??
          (isSecret ? 'other' : samples.find(fits)) ??
          '::1');
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
}

// Values that go in pairs.
const accountBinding = { acme: { eabKid: 'a', eabHmac: { existingSecret: 'a' } } };
const sentinels = { redis: { external: { host: '', sentinels: 'a:1', sentinelName: 'a' } } };

for (const option of all.filter(({ chart }) => chart !== undefined)) {
  test(`${option.env} changes with ${option.chart}`, () => {
    const isExternal = option.chart?.startsWith('redis.external');
    const rest = isExternal ? { enabled: false, external: { host: 'redis.example' } } : {};
    const partner = {
      OP_ACME_EAB_KID: accountBinding,
      OP_ACME_EAB_HMAC: accountBinding,
      OP_REDIS_SENTINELS: sentinels,
      OP_REDIS_SENTINEL_NAME: sentinels,
      OP_TLS_CERT_FILE: { tls: { existingSecret: 'a' } },
      OP_TLS_KEY_FILE: { tls: { existingSecret: 'a' } },
    }[option.env];
    const base = merge({ redis: rest }, partner ?? {});
    const before = environmentWith(base);
    const after = environmentWith(merge(base, changed(option)));
    const same = before.get(option.env) === after.get(option.env);
    // These name a Secret whose file or variable has always the same name.
    const isSecretName = ['OP_SESSION', 'OP_WORKSPACE_CREDENTIALS', 'OP_WORKSPACE_SETTINGS'];
    assert.equal(same, isSecretName.includes(option.env));
  });
}

function merge(base: object, over: object): object {
  const merged = Object.entries(over).map(([key, value]) => {
    const old: unknown = Reflect.get(base, key);
    const isBoth = typeof old === 'object' && old !== null && typeof value === 'object';
    return [key, isBoth ? merge(old, value) : value] as const;
  });
  return { ...base, ...Object.fromEntries(merged) };
}

for (const [name, { values }] of knownCases()) {
  test(`the bridge takes the settings of ${name} without a warning`, () => {
    const environment = Object.fromEntries(
      [...environmentWith(values)].filter(([, value]) => !value.startsWith('{')),
    );
    const secrets = { OP_ACME_EAB_HMAC: name === 'everything.yaml' ? 'x' : undefined };
    const { config, warnings } = loadConfig({ ...environment, ...secrets });
    assert.deepEqual(warnings, []);
    assert.equal(config.servesProbes, true);
    assert.equal(config.probePort, 8080);
  });
}
