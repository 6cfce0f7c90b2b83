import { type Environment, Expression, isMap, isTruthy } from './expression.ts';
import { f } from './functions.ts';

type Map = Readonly<Record<string, unknown>>;

/** `{{- if }}`: an entry or an item that is there under a condition, or one of two. */
export class When {
  readonly condition: Expression;
  readonly body: unknown;
  readonly otherwise: unknown;

  constructor(condition: Expression, body: unknown, otherwise?: unknown) {
    this.condition = condition;
    this.body = body;
    this.otherwise = otherwise;
  }
}

/** `{{- with }}` and toYaml: a map or a list of the values, or something else when it is empty. */
export class Block {
  readonly expression: Expression;
  readonly otherwise: unknown;

  constructor(expression: Expression, otherwise?: unknown) {
    this.expression = expression;
    this.otherwise = otherwise;
  }
}

/** Entries or items of the values, after those that are written out. */
export class Spread {
  readonly expression: Expression;

  constructor(expression: Expression) {
    this.expression = expression;
  }
}

/** `{{- range }}`: one item for each of `list`; `item(kind, name, …)` reads it. */
export class Each {
  readonly list: Expression;
  readonly name: string;
  readonly body: unknown;

  constructor(list: Expression, name: string, body: unknown) {
    this.list = list;
    this.name = name;
    this.body = body;
  }
}

export const when = (condition: Expression, body: unknown, otherwise?: unknown) =>
  new When(condition, body, otherwise);
export const block = (expression: Expression, otherwise?: unknown) =>
  new Block(expression, otherwise);

/** Under this key a map keeps its spreads. */
export const SPREADS = Symbol('spreads');

/** The spreads of a map folded into one; what is written out wins, then the first. */
export function spreadOf(map: object): Expression<Map> | undefined {
  const spreads: readonly Spread[] = Reflect.get(map, SPREADS) ?? [];
  // What is spread into a map is one: the schema of the values says so.
  const maps = spreads.map(({ expression }) => expression as Expression<Map>);
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
  const entries = [...Object.values(node), ...(spread === undefined ? [] : [new Block(spread)])];
  const conditions = entries.map(conditionOf);
  const all = conditions.filter((each) => each !== undefined);
  return all.length === entries.length && all.length > 0 ? all : undefined;
}

function conditionOf(entry: unknown): Expression | undefined {
  if (entry instanceof When) return entry.otherwise === undefined ? entry.condition : undefined;
  if (entry instanceof Block) return entry.otherwise === undefined ? entry.expression : undefined;
  if (entry instanceof Each) return entry.list;
  return entry instanceof Spread ? entry.expression : undefined;
}

export function isPlainMap(node: unknown): node is Map {
  const isNode = [Expression, When, Block, Spread, Each].some((kind) => node instanceof kind);
  return isMap(node) && !isNode;
}

const ABSENT = Symbol('absent');

/** What Helm makes of `node`, without Helm. `template.ts` prints the same kinds of node. */
export function evaluate(node: unknown, environment: Environment): unknown {
  if (node instanceof Expression) return node.evaluate(environment);
  if (node instanceof When) {
    const branch = isTruthy(node.condition.evaluate(environment)) ? node.body : node.otherwise;
    return branch === undefined ? ABSENT : evaluate(branch, environment);
  }
  if (node instanceof Block) {
    const value = node.expression.evaluate(environment);
    if (isTruthy(value)) return value;
    return node.otherwise === undefined ? ABSENT : evaluate(node.otherwise, environment);
  }
  if (Array.isArray(node)) return node.flatMap((each) => items(each, environment));
  return isMap(node) ? evaluateMap(node, environment) : node;
}

function items(node: unknown, environment: Environment): readonly unknown[] {
  if (node instanceof Spread) return listOf(node.expression.evaluate(environment));
  if (node instanceof Each) {
    return listOf(node.list.evaluate(environment)).flatMap((each) => {
      const items = { ...environment.items, [node.name]: each };
      return [evaluate(node.body, { ...environment, items })];
    });
  }
  const value = evaluate(node, environment);
  return value === ABSENT ? [] : [value];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function evaluateMap(map: Map, environment: Environment): unknown {
  const entries = Object.entries(map).flatMap(([key, node]) => {
    const value = evaluate(node, environment);
    const isLeftOut = value === ABSENT || value === undefined;
    const isEmptied = conditionsOf(node) !== undefined && !isTruthy(value);
    return isLeftOut || isEmptied ? [] : [[key, value] as const];
  });
  const more = spreadOf(map)?.evaluate(environment) ?? {};
  return Object.fromEntries([...entries, ...Object.entries(more)]);
}
