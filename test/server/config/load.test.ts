import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { isPlainForAll, probePort, storeKind } from '#config/combinations.ts';
import { configJson, configText, describeConfig } from '#config/describe.ts';
import { type Environment, loadConfig } from '#config/load.ts';
import type { Option } from '#config/option.ts';
import { type Config, options } from '#config/options.ts';

test('without any variable the fallbacks hold, and none is missing', () => {
  const { config, warnings, sources } = loadConfig({});
  assert.deepEqual(warnings, []);
  assert.deepEqual(Object.keys(config), Object.keys(options));
  assert.ok(Object.values(sources).every((source) => source === undefined));
  assert.ok(Object.isFrozen(config));
  assert.equal(config.port, 3002);
  assert.equal(config.tlsDomain, undefined);
  assert.equal(storeKind(config), 'sqlite');
});

const readings: readonly [string, Environment, Partial<Config>][] = [
  [
    '0 and 1 are flags',
    { OP_PING_SERVER: '1', OP_DEBUG: '0' },
    { servesProbes: true, logsDebug: false },
  ],
  [
    'so are true and false in any case',
    { OP_PING_SERVER: 'True', OP_TRACE: 'FALSE' },
    { servesProbes: true, logsTrace: false },
  ],
  ['space around a value does not count', { OP_PORT: ' 80\n' }, { port: 80 }],
  [
    'an empty value is no value',
    { OP_PORT: '', OP_REDIS_URL: ' ' },
    { port: 3002, redisUrl: undefined },
  ],
  ['an empty TLS domain is one', { OP_TLS_DOMAIN: '' }, { tlsDomain: '' }],
  [
    'an empty old name of the domain',
    { OP_TLS_DOMAIN: 'a.example', OP_LETSENCRYPT_DOMAIN: '' },
    { tlsDomain: 'a.example' },
  ],
  [
    'domains are normalised',
    { OP_TLS_DOMAIN: 'Bücher.Example.' },
    { tlsDomain: 'xn--bcher-kva.example' },
  ],
  [
    'the old name of the domain',
    { OP_LETSENCRYPT_DOMAIN: 'a.example' },
    { tlsDomain: 'a.example' },
  ],
  [
    'another spelling of Redis TLS',
    { OP_REDIS_SSL_ENABLED: '1', OP_REDIS_HOST: 'r' },
    { usesRedisTls: true },
  ],
  [
    'two spellings that agree',
    { OP_REDIS_SSL_ENABLED: '1', OP_REDIS_ENABLE_SSL: 'true', OP_REDIS_HOST: 'r' },
    { usesRedisTls: true },
  ],
  [
    'sizes in units',
    { OP_MAX_BODY: '2MiB', OP_MAX_GROUP_BODY: '65536' },
    { maxBodyBytes: 2_097_152, maxGroupBodyBytes: 65_536 },
  ],
  [
    'a public address without its slash',
    { OP_PUBLIC_URL: 'https://Scim.example.com/' },
    { publicUrl: 'https://scim.example.com' },
  ],
  [
    'networks',
    { OP_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,::1' },
    {
      trustedProxies: [
        { address: '10.0.0.0', prefixLength: 8, family: 'ipv4' },
        { address: 'fd00::', prefixLength: 8, family: 'ipv6' },
        { address: '::1', prefixLength: 128, family: 'ipv6' },
      ],
    },
  ],
  [
    'Sentinels',
    { OP_REDIS_SENTINELS: 'one,two:1,[::1]:2', OP_REDIS_SENTINEL_NAME: 'main' },
    {
      redisSentinels: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 1 },
        { host: '::1', port: 2 },
      ],
    },
  ],
  [
    'a Service called op-redis does not set the port',
    { OP_REDIS_PORT: 'tcp://10.0.0.7:6379' },
    { redisPort: 6379 },
  ],
];
for (const [name, env, expected] of readings) {
  test(`reads: ${name}`, () => {
    const { config } = loadConfig(env);
    assert.deepEqual({ ...config, ...expected }, { ...config });
  });
}

const mistakes: readonly [string, Environment, RegExp][] = [
  ['a flag', { OP_DEBUG: 'yes' }, /OP_DEBUG: got "yes", expected 0, 1, true or false\./],
  ['a port', { OP_PORT: '70000' }, /OP_PORT: got "70000", expected a port number/],
  [
    'a number with a unit',
    { OP_CONFIRMATION_INTERVAL: '5m' },
    /whole number from 30 to 86400 \(seconds\)/,
  ],
  ['too small a rate', { OP_RATE_LIMIT: '24' }, /OP_RATE_LIMIT: got "24"/],
  [
    'an address as domain',
    { OP_TLS_DOMAIN: 'https://a.example/' },
    /expected a domain name such as/,
  ],
  ['an IP address as domain', { OP_TLS_DOMAIN: '10.0.0.1' }, /expected a domain name such as/],
  ['a public URL with a path', { OP_PUBLIC_URL: 'https://a.example/scim' }, /without a path/],
  ['a network', { OP_TRUSTED_PROXIES: '10.0.0.0/33' }, /OP_TRUSTED_PROXIES: got "10.0.0.0\/33"/],
  ['a choice', { OP_UNKNOWN_MEMBERS: 'drop' }, /expected skip or refuse/],
  ['an http authority', { OP_ACME_DIRECTORY_URL: 'http://ca.example' }, /begins with https:\/\//],
  [
    'a certificate without key',
    { OP_TLS_CERT_FILE: '/tls.crt' },
    /OP_TLS_CERT_FILE and OP_TLS_KEY_FILE belong together/,
  ],
  ['half an account binding', { OP_ACME_EAB_KID: 'kid' }, /OP_ACME_EAB_KID and OP_ACME_EAB_HMAC/],
  [
    'a profile, of the engine that knows none',
    { OP_ACME_ENGINE: 'greenlock', OP_ACME_PROFILE: 'shortlived' },
    /OP_ACME_PROFILE can not be asked for by OP_ACME_ENGINE=greenlock/,
  ],
  [
    'Sentinels beside a URL',
    { OP_REDIS_URL: 'redis://r', OP_REDIS_SENTINELS: 's', OP_REDIS_SENTINEL_NAME: 'm' },
    /finds Redis by itself/,
  ],
  [
    'Sentinels without a name',
    { OP_REDIS_SENTINELS: 's' },
    /OP_REDIS_SENTINEL_NAME belong together/,
  ],
  [
    'Sentinels and Cluster',
    { OP_REDIS_SENTINELS: 's', OP_REDIS_SENTINEL_NAME: 'm', OP_REDIS_CLUSTER: '1' },
    /exclude each other/,
  ],
  [
    'a check both on and off',
    { OP_REDIS_URL: 'rediss://r', OP_REDIS_INSECURE_SSL: '1', OP_REDIS_CA_FILE: '/ca' },
    /remove one of them/,
  ],
  [
    'a check by DNS and by HTTP',
    { OP_DNS_CHALLENGE_CONFIG_FILE: '/dns01.json', OP_ACME_CHALLENGE: 'http-01' },
    /OP_DNS_CHALLENGE_CONFIG_FILE and OP_ACME_CHALLENGE=http-01 exclude each other/,
  ],
  ['two servers on one port', { OP_PING_SERVER: '1', OP_PING_PORT: '8443' }, /are both 8443/],
  [
    'two spellings that differ',
    { OP_REDIS_SSL_ENABLED: '0', OP_REDIS_ENABLE_SSL: '1', OP_REDIS_HOST: 'r' },
    /OP_REDIS_ENABLE_SSL and OP_REDIS_SSL_ENABLED differ\. Set OP_REDIS_ENABLE_SSL alone/,
  ],
  [
    'a password in the wrong place',
    { OP_PUBLIC_URL: 'https://u:hunter2@a.example' },
    /"https:\/\/\(hidden\)@a\.example"/,
  ],
  [
    'an old name that says otherwise',
    { OP_TLS_DOMAIN: '', OP_LETSENCRYPT_DOMAIN: 'a.example' },
    /differ\. Set OP_TLS_DOMAIN alone/,
  ],
  [
    'a secret',
    { OP_REDIS_URL: 'http://hunter2' },
    /OP_REDIS_URL: got a text of 14 characters, not shown/,
  ],
  [
    'a password in a URL that is not percent-encoded',
    { OP_REDIS_URL: 'redis://:hunter2%zz@r' },
    /not shown.*, expected .*user and password percent-encoded/,
  ],
  ['a database by name', { OP_REDIS_URL: 'redis://r/directory' }, /redis:\/\/host:6379 or .*\/0/],
];
for (const [name, env, expected] of mistakes) {
  test(`refuses: ${name}`, () => {
    assert.throws(
      () => loadConfig(env),
      (thrown) => {
        assert.ok(thrown instanceof OperatorError);
        assert.equal(thrown.exitCode, 2);
        assert.match(thrown.message, expected);
        assert.match(thrown.message, /^1 setting is wrong/);
        assert.doesNotMatch(thrown.message, /hunter2/);
        return true;
      },
    );
  });
}

test('all mistakes come at once, missing files among them', () => {
  const env = {
    OP_PORT: 'x',
    OP_DEBUG: 'y',
    OP_REDIS_CA_FILE: '/does/not/exist',
    OP_REDIS_HOST: 'r',
  };
  assert.throws(
    () => loadConfig(env, readFileSync),
    (thrown) => {
      assert.ok(thrown instanceof OperatorError);
      assert.match(thrown.message, /^3 settings are wrong/);
      assert.match(
        thrown.message,
        /OP_PORT: .*\n.*OP_REDIS_CA_FILE: "\/does\/not\/exist" can not be read \(ENOENT\).*\n.*OP_DEBUG/,
      );
      return true;
    },
  );
});

const warned: readonly [string, Environment, readonly RegExp[]][] = [
  ['a slip', { OP_TLS_DOMIAN: 'hunter2' }, [/^OP_TLS_DOMIAN .* Did you mean OP_TLS_DOMAIN\?$/]],
  ['a name like no other', { OP_FAVOURITE_COLOUR: 'hunter2' }, [/no effect\.$/]],
  ['an old name', { OP_LETSENCRYPT_DOMAIN: 'a.example' }, [/old name of OP_TLS_DOMAIN/]],
  ['a retired name', { OP_ONE_CLICK: '1' }, [/no longer used/]],
  ['a URL and a host', { OP_REDIS_URL: 'redis://r', OP_REDIS_HOST: 'q' }, [/do not count/]],
  ['a password for no Redis', { OP_REDIS_PASSWORD: 'hunter2' }, [/Redis is not used/]],
  [
    'a certificate without domain',
    { OP_TLS_DOMAIN: '', OP_TLS_CERT_FILE: '/c', OP_TLS_KEY_FILE: '/k' },
    [/not used/],
  ],
  [
    'a setting that nothing reads yet',
    { OP_DELIVERY_WAIT: '20', OP_CONFIRMATION_INTERVAL: '300' },
    [/^OP_DELIVERY_WAIT has no effect yet: it is for sessions of kind op and scim, /],
  ],
  [
    'checks by DNS without domain',
    { OP_TLS_DOMAIN: '', OP_DNS_CHALLENGE_CONFIG_FILE: '/dns01.json' },
    [/^OP_DNS_CHALLENGE_CONFIG_FILE is not used because OP_TLS_DOMAIN is empty/],
  ],
  [
    'checks by DNS beside a certificate',
    { OP_TLS_CERT_FILE: '/c', OP_TLS_KEY_FILE: '/k', OP_DNS_CHALLENGE_CONFIG_FILE: '/dns01.json' },
    [/^OP_DNS_CHALLENGE_CONFIG_FILE is not used because OP_TLS_CERT_FILE brings/],
  ],
  [
    'nothing: Kubernetes describes Services',
    {
      OP_SCIM_BRIDGE_SERVICE_HOST: '10.0.0.1',
      OP_SCIM_BRIDGE_SERVICE_PORT: '443',
      OP_SCIM_BRIDGE_SERVICE_PORT_HTTPS: '443',
      OP_SCIM_BRIDGE_PORT: 'tcp://10.0.0.1:443',
      OP_SCIM_BRIDGE_PORT_443_TCP: 'tcp://10.0.0.1:443',
      OP_SCIM_BRIDGE_PORT_443_TCP_ADDR: '10.0.0.1',
      OP_PORT: 'tcp://10.0.0.1:443',
    },
    [],
  ],
  [
    'nothing: the 1Password CLI',
    {
      OP_ACCOUNT: 'a',
      OP_SESSION_ABC: 'b',
      OP_CONNECT_HOST: 'c',
      OP_SERVICE_ACCOUNT_TOKEN: 'd',
      OP_FORMAT: 'json',
    },
    [],
  ],
];
for (const [name, env, expected] of warned) {
  test(`warns of ${name}`, () => {
    const { warnings } = loadConfig(env);
    assert.equal(warnings.length, expected.length, warnings.join('\n'));
    for (const [index, pattern] of expected.entries()) assert.match(warnings[index] ?? '', pattern);
    assert.doesNotMatch(warnings.join(), /hunter2/);
  });
}

test('the probe server stands back where plain HTTP has its port', () => {
  const { config } = loadConfig({ OP_PING_SERVER: '1', OP_PORT: '8080' });
  assert.equal(probePort(config, false), undefined);
  assert.equal(probePort(config, true), 8080);
  assert.equal(probePort(loadConfig({}).config, false), undefined);
});

test('what is shown hides every secret and says where each setting came from', () => {
  const secrets = Object.values<Option<unknown>>(options).filter(({ secret }) => secret !== false);
  const env = Object.fromEntries(secrets.map(({ env: name }) => [name, 'hunter2hunter2']));
  const loaded = loadConfig({
    ...env,
    OP_REDIS_URL: 'rediss://hunter2:hunter2@redis.example:7/2?hunter2',
    OP_REDIS_SENTINEL_PASSWORD: '',
    OP_ACME_EAB_KID: 'kid',
    OP_LETSENCRYPT_DOMAIN: 'a.example',
  });
  const shown = describeConfig(loaded);
  const [text, json] = [configText(shown), configJson(shown)];
  assert.doesNotMatch(text + json, /hunter2/);
  assert.match(text, /^OP_REDIS_URL +rediss:\/\/\(hidden\)@redis\.example:7 {2}\[set\]$/m);
  assert.match(text, /^OP_TLS_DOMAIN +a\.example {2}\[OP_LETSENCRYPT_DOMAIN \(other name\)\]$/m);
  assert.match(text, /^OP_PORT +3002 {2}\[default\]$/m);
  assert.match(text, /^OP_TRUSTED_PROXIES +\(empty\) {2}\[default\]$/m);
  assert.match(text, /^OP_SESSION +\(hidden\) {2}\[set\]$/m);
  const rows: unknown = JSON.parse(json);
  assert.ok(Array.isArray(rows));
  assert.equal(rows.length, Object.keys(options).length);
});

test('plain HTTP is for all where neither TLS nor OP_LISTEN narrows it', () => {
  const isForAll = (env: Environment, servesTls = false) =>
    isPlainForAll(loadConfig(env).config, servesTls);
  assert.deepEqual([isForAll({}), isForAll({ OP_LISTEN: '::' })], [true, true]);
  assert.deepEqual([isForAll({ OP_LISTEN: '127.0.0.1' }), isForAll({}, true)], [false, false]);
});

test('a path of a session is shown', () => {
  const shown = describeConfig(loadConfig({ OP_SESSION: './.op-scim/scimsession' }));
  assert.equal(shown.find(({ name }) => name === 'OP_SESSION')?.value, './.op-scim/scimsession');
});

test('each fallback reads as itself, and no name is used twice', () => {
  const all = Object.values<Option<unknown>>(options);
  for (const { env, parser, fallback } of all) {
    const isEmpty = fallback === undefined || (Array.isArray(fallback) && fallback.length === 0);
    if (!isEmpty) assert.deepEqual(parser.read(parser.print(fallback)), fallback, env);
  }
  const names = all.flatMap(({ env, aliases, oldNames }) => [env, ...aliases, ...oldNames]);
  assert.equal(new Set(names).size, names.length);
  const paths = all.flatMap(({ chart }) => (chart === undefined ? [] : [chart]));
  assert.equal(new Set(paths).size, paths.length);
});
