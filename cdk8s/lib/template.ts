import { Expression, goString, isMap, type Root } from './expression.ts';
import { f } from './functions.ts';
import { Block, conditionsOf, Each, isPlainMap, SPREADS, Spread, spreadOf, When } from './node.ts';
import type { Synthesis } from './token.ts';

type Map = Readonly<Record<string, unknown>>;

/** The template of one object: block YAML, the fields that readers look for first. */
export function printObject(object: Map, synthesis: Synthesis): string {
  const resolved = resolveTokens(object, synthesis);
  return isMap(resolved) ? `${entries(resolved, 0, '.').join('\n')}\n` : '';
}

/** Puts expressions in place of the marks that passed through cdk8s. */
function resolveTokens(node: unknown, synthesis: Synthesis): unknown {
  const resolve = (inner: unknown) => resolveTokens(inner, synthesis);
  if (typeof node === 'string') return synthesis.expressionIn(node) ?? node;
  if (Array.isArray(node)) return node.map(resolve);
  if (node instanceof When) {
    return new When(node.condition, resolve(node.body), resolve(node.otherwise));
  }
  if (node instanceof Block) return new Block(node.expression, resolve(node.otherwise));
  if (node instanceof Each) return new Each(node.list, node.name, resolve(node.body));
  if (!isPlainMap(node)) return node;
  const pairs = Object.entries(node).map(([key, value]) => {
    const expression = synthesis.expressionIn(key);
    const name = expression === undefined ? key : `{{ ${expression.print('$')} | quote }}`;
    return [name, resolve(value)] as const;
  });
  const spreads: unknown = Reflect.get(node, SPREADS);
  return Object.assign(Object.fromEntries(pairs), spreads && { [SPREADS]: spreads });
}

const FIRST = ['apiVersion', 'kind', 'metadata', 'name', 'type', 'image', 'replicas', 'selector'];

function entries(map: Map, indent: number, root: Dot): string[] {
  const rank = (key: string) => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length);
  const sorted = Object.entries(map)
    .filter(([, node]) => node !== undefined)
    .toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const lines = sorted.flatMap(([key, node]) => entry(keyText(key), node, indent, root));
  const more = spreadOf(map);
  return more === undefined ? lines : [...lines, ...withBlock(more, [], indent, indent, root)];
}

/** YAML that is no template: every text that a reader might take for something else in quotes. */
export function printYaml(object: Map): string {
  return `${entries(object, 0, undefined).join('\n')}\n`;
}

/** The lines of one key and value of such YAML. */
export function printEntry(key: string, value: unknown, indent: number): readonly string[] {
  return entry(keyText(key), value, indent, undefined);
}

/** Undefined: what is printed is no template. */
type Dot = Root | undefined;

/** The lines of `key: node`. */
function entry(key: string, node: unknown, indent: number, root: Dot): string[] {
  if (node instanceof When) {
    return branches(node, indent, root, (branch) => entry(key, branch, indent, root));
  }
  if (node instanceof Block) {
    const head = [line(indent, `${key}:`)];
    const { otherwise } = node;
    const instead = otherwise === undefined ? [] : entry(key, otherwise, indent, root);
    return withBlock(node.expression, head, indent, indent + 2, root, instead);
  }
  if (!Array.isArray(node) && !isPlainMap(node)) {
    return textLines(`${key}:`, node, indent, root);
  }
  const inner = Array.isArray(node)
    ? items(node, indent + 2, root)
    : entries(node, indent + 2, root);
  if (inner.length === 0) return [line(indent, `${key}: ${Array.isArray(node) ? '[]' : '{}'}`)];
  const lines = [line(indent, `${key}:`), ...inner];
  const conditions = conditionsOf(node);
  if (conditions === undefined) return lines;
  const [first, ...rest] = conditions;
  const some = rest.length === 0 ? first : f.or(...conditions);
  return [line(indent, `{{- if ${some?.print(root)} }}`), ...lines, line(indent, '{{- end }}')];
}

function items(list: readonly unknown[], indent: number, root: Dot): string[] {
  return list.flatMap((node): string[] => {
    if (node instanceof When) {
      return branches(node, indent, root, (branch) => items([branch], indent, root));
    }
    if (node instanceof Spread) return withBlock(node.expression, [], indent, indent, root);
    if (node instanceof Each) {
      const head = line(indent, `{{- range $${node.name} := ${node.list.print(root)} }}`);
      return [head, ...items([node.body], indent, '$'), line(indent, '{{- end }}')];
    }
    if (!Array.isArray(node) && !isPlainMap(node)) return textLines('-', node, indent, root);
    const inner = Array.isArray(node)
      ? items(node, indent + 2, root)
      : entries(node, indent + 2, root);
    const [first = line(indent, '{}'), ...rest] = inner;
    // A dash before a condition stands alone: the condition takes its whole line with it.
    if (first.trimStart().startsWith('{{-')) return [line(indent, '-'), ...inner];
    return [line(indent, `- ${first.trimStart()}`), ...rest];
  });
}

function branches(
  node: When,
  indent: number,
  root: Dot,
  print: (branch: unknown) => readonly string[],
): string[] {
  const otherwise =
    node.otherwise === undefined ? [] : [line(indent, '{{- else }}'), ...print(node.otherwise)];
  const head = line(indent, `{{- if ${node.condition.print(root)} }}`);
  return [head, ...print(node.body), ...otherwise, line(indent, '{{- end }}')];
}

/** A map or list of the values as it is, after `head`; nothing at all when it is empty. */
function withBlock(
  expression: Expression,
  head: readonly string[],
  indent: number,
  innerIndent: number,
  root: Dot,
  otherwise: readonly string[] = [],
): string[] {
  return [
    line(indent, `{{- with ${expression.print(root)} }}`),
    ...head,
    line(innerIndent, `{{- toYaml . | nindent ${innerIndent} }}`),
    ...(otherwise.length > 0 ? [line(indent, '{{- else }}'), ...otherwise] : []),
    line(indent, '{{- end }}'),
  ];
}

function line(indent: number, content: string): string {
  return ' '.repeat(indent) + content;
}

/** Several lines of text stay several lines. */
function textLines(head: string, node: unknown, indent: number, root: Dot): string[] {
  const isBlock =
    typeof node === 'string' &&
    /^\S.*\n(?:.|\n)*[^\n]$/.test(node) &&
    (root === undefined || !node.includes('{{'));
  if (!isBlock) return [line(indent, `${head} ${scalar(node, root)}`)];
  return [
    line(indent, `${head} |-`),
    ...node.split('\n').map((each) => line(indent + 2, each).trimEnd()),
  ];
}

function scalar(node: unknown, root: Dot): string {
  if (!(node instanceof Expression)) return literal(node, root);
  const printed = node.print(root);
  if (node.kind === 'string') return `{{ ${printed} | quote }}`;
  return node.kind === 'int' || node.kind === 'bool'
    ? `{{ ${printed} }}`
    : `{{ ${printed} | toJson }}`;
}

/** A text that no reader of YAML takes for anything else, so that it needs no quotes. */
const BARE = /^(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z/][\w./-]*$/i;

function literal(node: unknown, root: Dot): string {
  if (typeof node !== 'string') return JSON.stringify(node);
  if (root !== undefined && node.includes('{{')) return `{{ ${goString(node)} | quote }}`;
  return BARE.test(node) ? node : JSON.stringify(node);
}

function keyText(key: string): string {
  return key.startsWith('{{ ') || BARE.test(key) ? key : JSON.stringify(key);
}
