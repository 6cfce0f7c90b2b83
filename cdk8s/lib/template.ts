import { Expression, goString, isMap, type Root } from './expression.ts';
import { type Fields, f } from './functions.ts';
import { conditionsOf, isPlainMap, Node, SPREADS, spreadOf } from './node.ts';
import type { Synthesis } from './token.ts';

/** Undefined: what is printed is no template. */
type Dot = Root | undefined;

/** The template of one object: block YAML, the fields that readers look for first. */
export function printObject(object: Fields, synthesis: Synthesis): string {
  const resolved = resolveTokens(object, synthesis);
  return isMap(resolved) ? `${entries(resolved, 0, '.').join('\n')}\n` : '';
}

/** YAML that is no template: every text that a reader might take for something else in quotes. */
export function printYaml(object: Fields): string {
  return `${entries(object, 0, undefined).join('\n')}\n`;
}

/** Puts expressions in place of the marks that passed through cdk8s. */
function resolveTokens(node: unknown, synthesis: Synthesis): unknown {
  const resolve = (inner: unknown) => resolveTokens(inner, synthesis);
  if (typeof node === 'string') return synthesis.expressionIn(node) ?? node;
  if (Array.isArray(node)) return node.map(resolve);
  if (node instanceof Node) {
    const { kind, expression, name, body, otherwise } = node;
    const rest = { name, body: resolve(body), otherwise: resolve(otherwise) };
    return new Node(kind, expression, rest);
  }
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

function entries(map: Fields, indent: number, root: Dot): string[] {
  const rank = (key: string) => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length);
  const sorted = Object.entries(map)
    .filter(([, node]) => node !== undefined)
    .toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const lines = sorted.flatMap(([key, node]) => printEntry(key, node, indent, root));
  const more = spreadOf(map);
  if (more === undefined) return lines;
  return [...lines, ...section(`with ${more.print(root)}`, indent, [toYaml(indent)])];
}

/** The lines of `key: node`; without a root they are no template. */
export function printEntry(key: string, node: unknown, indent: number, root?: Dot): string[] {
  const head = line(indent, `${keyText(key)}:`);
  if (node instanceof Node) {
    const { kind, expression, body, otherwise } = node;
    const instead = otherwise === undefined ? [] : printEntry(key, otherwise, indent, root);
    return kind === 'block'
      ? section(`with ${expression.print(root)}`, indent, [head, toYaml(indent + 2)], instead)
      : section(
          `if ${expression.print(root)}`,
          indent,
          printEntry(key, body, indent, root),
          instead,
        );
  }
  if (!Array.isArray(node) && !isPlainMap(node)) return textLines(head, node, indent, root);
  const inner = contents(node, indent + 2, root);
  if (inner.length === 0) return [`${head} ${Array.isArray(node) ? '[]' : '{}'}`];
  const conditions = conditionsOf(node);
  if (conditions === undefined) return [head, ...inner];
  const some = conditions.length === 1 ? conditions[0] : f.or(...conditions);
  return section(`if ${some?.print(root)}`, indent, [head, ...inner]);
}

function contents(node: Fields | readonly unknown[], indent: number, root: Dot): string[] {
  return isPlainMap(node) ? entries(node, indent, root) : items(node, indent, root);
}

function items(list: readonly unknown[], indent: number, root: Dot): string[] {
  return list.flatMap((node): string[] => {
    if (node instanceof Node) {
      const { kind, expression, name, body, otherwise } = node;
      const printed = expression.print(root);
      if (kind === 'spread') return section(`with ${printed}`, indent, [toYaml(indent)]);
      if (kind === 'each') {
        return section(`range $${name} := ${printed}`, indent, items([body], indent, '$'));
      }
      const instead = otherwise === undefined ? [] : items([otherwise], indent, root);
      return section(`if ${printed}`, indent, items([body], indent, root), instead);
    }
    const dash = line(indent, '-');
    if (!Array.isArray(node) && !isPlainMap(node)) return textLines(dash, node, indent, root);
    const [first = '{}', ...rest] = contents(node, indent + 2, root);
    // A dash before a condition stands alone: the condition takes its whole line with it.
    if (first.trimStart().startsWith('{{-')) return [dash, first, ...rest];
    return [`${dash} ${first.trimStart()}`, ...rest];
  });
}

function section(
  keyword: string,
  indent: number,
  body: readonly string[],
  otherwise: readonly string[] = [],
): string[] {
  const instead = otherwise.length > 0 ? [line(indent, '{{- else }}'), ...otherwise] : [];
  return [line(indent, `{{- ${keyword} }}`), ...body, ...instead, line(indent, '{{- end }}')];
}

/** A map or list of the values as it is. */
function toYaml(indent: number): string {
  return line(indent, `{{- toYaml . | nindent ${indent} }}`);
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
  if (!isBlock) return [`${head} ${scalar(node, root)}`];
  const lines = node.split('\n').map((each) => (each === '' ? '' : line(indent + 2, each)));
  return [`${head} |-`, ...lines];
}

function scalar(node: unknown, root: Dot): string {
  if (node instanceof Expression) {
    const printed = node.print(root);
    if (node.kind === 'string') return `{{ ${printed} | quote }}`;
    const isNative = node.kind === 'int' || node.kind === 'bool';
    return isNative ? `{{ ${printed} }}` : `{{ ${printed} | toJson }}`;
  }
  if (typeof node !== 'string') return JSON.stringify(node);
  if (root !== undefined && node.includes('{{')) return `{{ ${goString(node)} | quote }}`;
  return BARE.test(node) ? node : JSON.stringify(node);
}

/** A text that no reader of YAML takes for anything else, so that it needs no quotes. */
const BARE = /^(?!(?:y|n|yes|no|on|off|true|false|null|e\d+)$)[a-z/][\w./-]*$/i;

function keyText(key: string): string {
  return key.startsWith('{{ ') || BARE.test(key) ? key : JSON.stringify(key);
}
