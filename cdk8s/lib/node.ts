import { type Environment, Expression, isMap, isTruthy } from './expression.ts';
import { type Fields, f } from './functions.ts';

/**
 * What the values decide about the shape of an object:
 * - when: `{{- if }}`, an entry or an item that is there under a condition, or one of two;
 * - block: `{{- with }}`, a map or a list of the values, or something else when it is empty;
 * - spread: entries or items of the values, after those that are written out;
 * - each: `{{- range $name := }}`, an item for each of a list, which `item(kind, name, …)` reads.
 */
export class Node {
  readonly kind: 'when' | 'block' | 'spread' | 'each';
  /** The condition, or the value. */
  readonly expression: Expression;
  readonly body: unknown;
  readonly otherwise: unknown;
  readonly name: string = '';

  constructor(kind: Node['kind'], expression: Expression, rest: Partial<Node> = {}) {
    this.kind = kind;
    this.expression = expression;
    Object.assign(this, rest);
  }
}

export const when = (condition: Expression, body: unknown, otherwise?: unknown) =>
  new Node('when', condition, { body, otherwise });
export const block = (value: Expression, otherwise?: unknown) =>
  new Node('block', value, { otherwise });
export const each = (list: Expression, name: string, body: unknown) =>
  new Node('each', list, { name, body });

/** Under this key a map keeps its spreads. */
export const SPREADS = Symbol('spreads');

/** The spreads of a map folded into one; what is written out wins, then the first. */
export function spreadOf(map: object): Expression<Fields> | undefined {
  const spreads: readonly Node[] = Reflect.get(map, SPREADS) ?? [];
  // What is spread into a map is one: the schema of the values says so.
  const maps = spreads.map(({ expression }) => expression as Expression<Fields>);
  const [first] = maps;
  if (first === undefined) return undefined;
  const all = maps.length > 1 ? f.merge(...maps) : first;
  const fixed = Object.keys(map);
  return fixed.length > 0 ? f.omit(all, ...fixed) : all;
}

/**
 * Conditions of a map or list of which every entry may be absent: when all are, its key goes too.
 * Undefined when something is always there.
 */
export function conditionsOf(node: unknown): readonly Expression[] | undefined {
  if (!Array.isArray(node) && !isPlainMap(node)) return undefined;
  const spread = spreadOf(node);
  const entries: unknown[] = [
    ...Object.values(node),
    ...(spread === undefined ? [] : [block(spread)]),
  ];
  const optional = entries.filter(
    (entry): entry is Node => entry instanceof Node && entry.otherwise === undefined,
  );
  const isWhole = optional.length > 0 && optional.length === entries.length;
  return isWhole ? optional.map(({ expression }) => expression) : undefined;
}

export function isPlainMap(node: unknown): node is Fields {
  return isMap(node) && !(node instanceof Expression) && !(node instanceof Node);
}

const ABSENT = Symbol('absent');

/** What Helm makes of `node`, without Helm. `template.ts` prints the same kinds of node. */
export function evaluate(node: unknown, environment: Environment): unknown {
  if (node instanceof Expression) return node.evaluate(environment);
  if (node instanceof Node) {
    const value = node.expression.evaluate(environment);
    if (node.kind === 'block' && isTruthy(value)) return value;
    const branch = node.kind === 'when' && isTruthy(value) ? node.body : node.otherwise;
    return branch === undefined ? ABSENT : evaluate(branch, environment);
  }
  if (Array.isArray(node)) return node.flatMap((entry) => items(entry, environment));
  return isMap(node) ? evaluateMap(node, environment) : node;
}

function items(node: unknown, environment: Environment): readonly unknown[] {
  if (node instanceof Node && (node.kind === 'spread' || node.kind === 'each')) {
    const value = node.expression.evaluate(environment);
    const list: readonly unknown[] = Array.isArray(value) ? value : [];
    if (node.kind === 'spread') return list;
    const inside = (item: unknown) => ({ ...environment.items, [node.name]: item });
    return list.map((item) => evaluate(node.body, { ...environment, items: inside(item) }));
  }
  const value = evaluate(node, environment);
  return value === ABSENT ? [] : [value];
}

function evaluateMap(map: Fields, environment: Environment): unknown {
  const entries = Object.entries(map).flatMap(([key, node]) => {
    const value = evaluate(node, environment);
    const isLeftOut = value === ABSENT || value === undefined;
    const isEmptied = conditionsOf(node) !== undefined && !isTruthy(value);
    return isLeftOut || isEmptied ? [] : [[key, value] as const];
  });
  const more = spreadOf(map)?.evaluate(environment) ?? {};
  return Object.fromEntries([...entries, ...Object.entries(more)]);
}
