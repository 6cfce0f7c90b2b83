import { nearest } from '#base/nearest.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';

/** One sentence for each `OP_*` name that nothing reads. Values are never part of it. */
export function unknownNameWarnings(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.values<Option<unknown>>(options);
  const names = known.flatMap(({ env: name, aliases, oldNames }) => [
    name,
    ...aliases,
    ...oldNames,
  ]);
  return Object.entries(env)
    .filter(
      ([name, text]) => name.startsWith('OP_') && !names.includes(name) && !isForeign(name, text),
    )
    .map(([name]) => {
      if (RETIRED.includes(name)) return `${name} is no longer used. Remove it.`;
      const meant = nearest(name.slice(0, 64), names);
      const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
      return `${name} is no setting of this bridge and has no effect.${hint}`;
    });
}

/**
 * Kubernetes describes each Service of a namespace in variables, and one called `op-redis` brings
 * OP_REDIS_PORT=tcp://…: that is nobody's setting.
 */
export function isServiceLink(name: string, text: string): boolean {
  return (
    /^OP_(?:\w+_)?SERVICE_(?:HOST|PORT(?:_\w+)?)$/.test(name) ||
    /^OP_(?:\w+_)?PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name) ||
    (/^OP_(?:\w+_)?PORT$/.test(name) && /^(?:tcp|udp|sctp):\/\//.test(text))
  );
}

/** Names of the vendor's bridge that mean nothing any more. */
const RETIRED = ['OP_ONE_CLICK'];

/** Names of the 1Password CLI, which administrators have in their shells. */
const CLI_NAMES = [
  'OP_ACCOUNT',
  'OP_BIOMETRIC_UNLOCK_ENABLED',
  'OP_CACHE',
  'OP_CONFIG_DIR',
  'OP_DEVICE',
  'OP_ENCODING',
  'OP_FORMAT',
  'OP_INCLUDE_ARCHIVE',
  'OP_ISO_TIMESTAMPS',
  'OP_LOAD_DESKTOP_APP_SETTINGS',
  'OP_RUN_NO_MASKING',
  'OP_SECRET_KEY',
  'OP_SERVICE_ACCOUNT_TOKEN',
];
const CLI_PREFIXES = ['OP_SESSION_', 'OP_CONNECT_', 'OP_INTEGRATION_', 'OP_PLUGIN_'];

function isForeign(name: string, text: string | undefined): boolean {
  return (
    text === undefined ||
    isServiceLink(name, text) ||
    CLI_NAMES.includes(name) ||
    CLI_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}
