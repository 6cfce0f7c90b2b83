import { createHash } from 'node:crypto';
import {
  type Argument,
  Expression,
  expressionOf,
  isMap,
  isTruthy,
  type Kind,
} from './expression.ts';

type Map = Readonly<Record<string, unknown>>;

/**
 * The template functions: name, kind of the result, meaning in JavaScript with the arguments in the
 * order of the template. None of them looks at the cluster, the clock or a random source: what they
 * give must be the same without Helm.
 */
export const f = {
  not: define('not', 'bool', (value: unknown) => !isTruthy(value)),
  and: define('and', 'bool', (...values: readonly unknown[]) => values.every(isTruthy)),
  or: define('or', 'bool', (...values: readonly unknown[]) => values.some(isTruthy)),
  eq: define('eq', 'bool', (a: unknown, b: unknown) => a === b),
  ne: define('ne', 'bool', (a: unknown, b: unknown) => a !== b),
  le: define('le', 'bool', (a: number, b: number) => a <= b),
  default: define('default', lastKind, (fallback: string, text: string) => text || fallback),
  contains: define('contains', 'bool', (part: string, text: string) => text.includes(part)),
  /** Counts bytes, and may cut a character in two: use it for names alone. */
  trunc: define('trunc', 'string', (length: number, text: string) =>
    Buffer.from(text).subarray(0, length).toString(),
  ),
  trimSuffix: define('trimSuffix', 'string', (end: string, text: string) =>
    end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text,
  ),
  replace: define('replace', 'string', (from: string, to: string, text: string) =>
    text.replaceAll(from, () => to),
  ),
  sha256sum: define('sha256sum', 'string', (text: string) =>
    createHash('sha256').update(text).digest('hex'),
  ),
  toJson: define('toJson', 'string', (value: unknown) => goJson(value)),
  toString: define('toString', 'string', (value: unknown) => String(value)),
  get: define('get', 'string', (map: Map, key: string) => String(map[key] ?? '')),
  list: define('list', 'list', (...values: readonly unknown[]) => values),
  ternary,
  dict,
  omit,
  merge,
  printf,
};

/** ``text`${fullname}-redis` ``: a text with expressions in it. */
export function text(parts: TemplateStringsArray, ...expressions: readonly Expression[]) {
  const verbs = expressions.map(({ kind }) => (kind === 'string' ? '%s' : '%v'));
  const format = parts.map((part, index) => part.replaceAll('%', '%%') + (verbs[index] ?? ''));
  return printf(format.join(''), ...expressions);
}

function define<A extends readonly unknown[], T>(
  name: string,
  kind: Kind | ((args: readonly Expression[]) => Kind),
  meaning: (...values: A) => T,
) {
  return (...args: { [Index in keyof A]: Argument<A[Index]> }): Expression<T> => {
    const expressions = args.map((argument) => expressionOf(argument));
    const ownKind = typeof kind === 'function' ? kind(expressions) : kind;
    // The arguments were checked one by one; map() forgets that they are a tuple.
    return call(name, ownKind, expressions, (values) => meaning(...(values as unknown as A)));
  };
}

/** `name a b c`, with the meaning of the evaluated arguments. */
function call<T>(
  name: string,
  kind: Kind,
  args: readonly Expression[],
  meaning: (values: readonly unknown[]) => T,
): Expression<T> {
  return new Expression<T>({
    kind,
    print: (root) => [name, ...args.map((each) => each.printArgument(root))].join(' '),
    evaluate: (environment) => meaning(args.map((each) => each.evaluate(environment))),
  });
}

function lastKind(args: readonly Expression[]): Kind {
  return args.at(-1)?.kind ?? 'any';
}

/** Sprig's ternary takes only a real bool: any other condition is negated, and the branches change places. */
function ternary<T>(yes: Argument<T>, no: Argument<T>, condition: Expression): Expression<T> {
  const choose = define(
    'ternary',
    ([first]) => first?.kind ?? 'any',
    (first: T, second: T, isFirst: boolean) => (isFirst ? first : second),
  );
  return condition.kind === 'bool'
    ? choose(yes, no, condition as Expression<boolean>) // its kind says so
    : choose(no, yes, f.not(condition));
}

function dict(map: Readonly<Record<string, Argument>>): Expression<Map> {
  const keys = Object.keys(map);
  const args = Object.entries(map).flatMap(([key, value]) => [
    expressionOf(key),
    expressionOf(value),
  ]);
  return call('dict', 'map', args, (values) =>
    Object.fromEntries(keys.map((key, index) => [key, values[index * 2 + 1]])),
  );
}

function omit(map: Expression<Map>, ...keys: readonly string[]): Expression<Map> {
  return call('omit', 'map', [map, ...keys.map((key) => expressionOf(key))], ([whole]) =>
    Object.fromEntries(Object.entries(whole ?? {}).filter(([key]) => !keys.includes(key))),
  );
}

/** The first map that has a key wins. A key with an empty value counts as absent, as in Sprig. */
function merge(...maps: readonly Expression<Map>[]): Expression<Map> {
  return call('merge', 'map', [dict({}), ...maps], (values) => {
    const merged: Record<string, unknown> = {};
    for (const [key, value] of values.flatMap((each) => Object.entries(each ?? {}))) {
      if (!isTruthy(merged[key])) merged[key] = value;
    }
    return merged;
  });
}

/** Go's printf with the verbs %s, %v and %%. */
function printf(format: string, ...args: readonly Argument[]): Expression<string> {
  const expressions = [format, ...args].map((argument) => expressionOf(argument));
  return call('printf', 'string', expressions, ([, ...values]) =>
    format.replace(/%[sv%]/g, (found) => (found === '%%' ? '%' : String(values.shift()))),
  );
}

/** Go's encoding/json: sorted keys; <, >, &, U+2028 and U+2029 escaped. */
export function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (isMap(value)) {
    const keys = Object.keys(value).toSorted(compareBytes);
    return `{${keys.map((key) => `${goJson(key)}:${goJson(value[key])}`).join(',')}}`;
  }
  const json = JSON.stringify(value ?? null);
  if (typeof value !== 'string') return json;
  return json.replaceAll(/[<>&\u2028\u2029]/g, (found) => {
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Go sorts by the bytes of UTF-8, JavaScript by those of UTF-16. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
