import { createHash } from 'node:crypto';
import {
  type Argument,
  Expression,
  expressionOf,
  isMap,
  isTruthy,
  type Kind,
} from './expression.ts';

export type Fields = Readonly<Record<string, unknown>>;

const choose = define('ternary', 'string', (yes: string, no: string, condition: boolean) =>
  condition ? yes : no,
);

/** Keys and values in turn. */
const dict = define('dict', 'map', (...flat: readonly unknown[]): Fields => {
  const pairs = flat.flatMap((key, index) => (index % 2 === 0 ? [[key, flat[index + 1]]] : []));
  return Object.fromEntries(pairs);
});

/** Sprig's writes into its first map, which is therefore an empty one. */
const merge = define('merge', 'map', (...maps: readonly Fields[]): Fields => {
  const merged: Record<string, unknown> = {};
  for (const [key, value] of maps.flatMap((each) => Object.entries(each ?? {}))) {
    if (!isTruthy(merged[key])) merged[key] = value;
  }
  return merged;
});

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
  le: define('le', 'bool', (a: number, b: number) => a <= b),
  default: define('default', 'string', (fallback: string, text: string) => text || fallback),
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
  get: define('get', 'string', (map: Fields, key: string) => String(map[key] ?? '')),
  list: define('list', 'list', (...values: readonly unknown[]) => values),
  ternary,
  /** Go's printf with the verbs %s, %v and %%. */
  printf: define('printf', 'string', (format: string, ...values: readonly unknown[]) => {
    const rest = [...values];
    return format.replace(/%[sv%]/g, (verb) => (verb === '%%' ? '%' : String(rest.shift())));
  }),
  dict: (map: Readonly<Record<string, Argument>>) => dict(...Object.entries(map).flat()),
  omit: define('omit', 'map', (map: Fields, ...keys: readonly string[]): Fields => {
    const kept = Object.entries(map ?? {}).filter(([key]) => !keys.includes(key));
    return Object.fromEntries(kept);
  }),
  /** The first map that has a key wins. A key with an empty value counts as absent, as in Sprig. */
  merge: (...maps: readonly Expression<Fields>[]) => merge(dict(), ...maps),
};

/** ``text`${fullname}-redis` ``: a text with expressions in it. */
export function text(parts: TemplateStringsArray, ...expressions: readonly Expression[]) {
  const verbs = expressions.map(({ kind }) => (kind === 'string' ? '%s' : '%v'));
  const format = parts.map((part, index) => part.replaceAll('%', '%%') + (verbs[index] ?? ''));
  return f.printf(format.join(''), ...expressions);
}

function define<A extends readonly unknown[], T>(
  name: string,
  kind: Kind,
  meaning: (...values: A) => T,
) {
  return (...args: { [Index in keyof A]: Argument<A[Index]> }): Expression<T> => {
    const all = args.map((argument) => expressionOf(argument));
    return new Expression<T>({
      kind,
      print: (root) => [name, ...all.map((each) => each.printArgument(root))].join(' '),
      // The arguments were checked one by one; map() forgets that they are a tuple.
      evaluate: (environment) =>
        meaning(...(all.map((each) => each.evaluate(environment)) as unknown as A)),
    });
  };
}

/** Sprig's ternary takes only a real bool: any other condition is negated, and the branches change places. */
function ternary(yes: Argument<string>, no: Argument<string>, condition: Expression) {
  return condition.kind === 'bool'
    ? choose(yes, no, condition as Expression<boolean>) // its kind says so
    : choose(no, yes, f.not(condition));
}

/** Go's encoding/json: sorted keys; <, >, &, U+2028 and U+2029 escaped. */
export function goJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  if (isMap(value)) {
    // Go sorts by the bytes of UTF-8, JavaScript by those of UTF-16.
    const keys = Object.keys(value).toSorted((a, b) =>
      Buffer.compare(Buffer.from(a), Buffer.from(b)),
    );
    return `{${keys.map((key) => `${goJson(key)}:${goJson(value[key])}`).join(',')}}`;
  }
  const json = JSON.stringify(value ?? null);
  if (typeof value !== 'string') return json;
  return json.replaceAll(/[<>&\u2028\u2029]/g, (found) => {
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
