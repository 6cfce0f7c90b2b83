import type { Option, ParserSchema } from '#config/option.ts';
import { type OptionName, options } from '#config/options.ts';
import type { Kind } from './lib/expression.ts';
import { type Group, group, type Leaf, value } from './lib/values.ts';

/** A setting of the bridge with the place of its value in the chart. */
export interface Setting {
  readonly env: string;
  /** Path of the value, or of the group that names a Secret. */
  readonly path: string;
  readonly kind: Kind;
  readonly option: Option<unknown>;
}

/** The chart's defaults where they differ from those of the bridge. */
const FALLBACKS: Readonly<Record<string, unknown>> = {
  // Load balancers need this long to notice that a pod is going.
  OP_SHUTDOWN_DELAY: 10,
};

const all: readonly Setting[] = Object.values<Option<unknown>>(options).flatMap((option) => {
  const { chart, env, parser } = option;
  return chart === undefined ? [] : [{ env, path: chart, kind: kindOf(parser.schema), option }];
});

function kindOf({ type }: ParserSchema): Kind {
  if (type === 'integer') return 'int';
  return type === 'boolean' ? 'bool' : 'string';
}

/** Settings below `prefix` whose value is handed on as it is. */
function plainSettings(prefix: string): readonly Setting[] {
  return configSettings.filter(({ path }) => path.slice(0, path.lastIndexOf('.')) === prefix);
}

/** The chart writes these itself, from values of another shape. */
const SPECIAL = [
  'OP_REDIS_PASSWORD',
  'OP_SESSION',
  'OP_TLS_CERT_FILE',
  'OP_TLS_KEY_FILE',
  'OP_WORKSPACE_CREDENTIALS',
  'OP_WORKSPACE_SETTINGS',
];
const regular = all.filter(({ env }) => !SPECIAL.includes(env));

/** Settings that go into the ConfigMap as they are. */
export const configSettings = regular.filter(({ option }) => !isInSecret(option));

/** Settings that a Secret holds: their value is a group `{existingSecret, key}`. */
export const secretSettings = regular.filter(({ option }) => isInSecret(option));

function isInSecret({ secret, parser }: Option<unknown>): boolean {
  return secret === true || parser.isFile === true;
}

/** The value's name below `Prefix`; never, unless it is right below. */
type NameBelow<Prefix extends string, Path> = Path extends `${Prefix}.${infer Name}`
  ? Name extends `${string}.${string}`
    ? never
    : Name
  : never;

/** What users write: texts for all that is no number and no switch, the empty one for unset. */
type ValueOf<O> =
  O extends Option<infer T, string | undefined, infer Type>
    ? { boolean: boolean; integer: number; string: TextOf<T> }[Type]
    : never;
type TextOf<T> = string extends T
  ? string
  : Exclude<T, undefined> extends string
    ? Exclude<T, undefined> | (undefined extends T ? '' : never)
    : string;

type ValuesBelow<Prefix extends string> = {
  readonly [Name in OptionName as NameBelow<Prefix, (typeof options)[Name]['chart']>]: Leaf<
    ValueOf<(typeof options)[Name]>
  >;
};

/**
 * The values below `prefix` as the table of settings has them. What a Secret holds is typed here
 * too: values.ts has a group in its place.
 */
export function valuesOf<const Prefix extends string>(prefix: Prefix): ValuesBelow<Prefix> {
  const leaves = plainSettings(prefix).map(({ path, option }) => [
    path.slice(prefix.length + 1),
    leafOf(option),
  ]);
  // The table that the types are read from is the one that the leaves are made from.
  return Object.fromEntries(leaves);
}

function leafOf(option: Option<unknown>): Leaf {
  const { env, parser, fallback, help } = option;
  const start = FALLBACKS[env] ?? fallback;
  const text = `${help} (${env})`;
  const { type, ...schema } = parser.schema;
  if (type === 'boolean') return value.flag(start === true, text);
  if (type === 'integer') return value.integer(Number(start ?? 0), text, schema);
  const printed = start === undefined ? '' : parser.print(start);
  const names = schema.enum;
  return names === undefined
    ? value.text(printed, text, schema)
    : value.text(printed, text, { enum: printed === '' ? ['', ...names] : names });
}

/** A value that names a Secret for something secret. */
export function secretValue(help: string, key: string, name = ''): Group<SecretValue> {
  return group(help, {
    existingSecret: value.text(name, 'Name of the Secret; empty: none.', NAME),
    key: value.text(key, 'Key in it.', { minLength: 1, pattern: '^[-._a-zA-Z0-9]+$' }),
  });
}

export type SecretValue = Readonly<Record<'existingSecret' | 'key', Leaf<string>>>;

/** Names of objects (RFC 1123 subdomain), or nothing. */
export const NAME = { pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', maxLength: 253 } as const;
