import { type Expression, reference } from './expression.ts';
import { printEntry } from './template.ts';
import { type Definition, type Leaf, leavesOf } from './values.ts';

const WIDTH = 98;

/** values.yaml: the defaults, each below its help. */
export function valuesYaml(definition: Definition, head: readonly string[]): string {
  return [...head.map((line) => `# ${line}`), ...members(definition, 0), ''].join('\n');
}

function members(definition: Definition, indent: number): string[] {
  const pad = ' '.repeat(indent);
  const comment = (text: string) => wrap(text, WIDTH - indent).map((line) => `${pad}# ${line}`);
  return Object.entries(definition).flatMap(([name, member]) => {
    const gap = indent === 0 ? [''] : [];
    if ('group' in member) {
      const inner = members(member.group, indent + 2);
      return [...gap, ...comment(member.help), `${pad}${name}:`, ...inner];
    }
    const example = (member.example?.split('\n') ?? []).map((line) => `${pad}#   ${line}`);
    const lines = printEntry(name, member.fallback, indent);
    return [...gap, ...comment(`-- ${helpOf(member)}`), ...example, ...lines];
  });
}

/** Lines of at most `width` characters; a longer word has one of its own. */
function wrap(text: string, width: number): readonly string[] {
  const lines = text.match(new RegExp(`(?:\\S{${width},}|.{1,${width}})(?: |$)`, 'g')) ?? [];
  return lines.map((line) => line.trimEnd());
}

function helpOf({ help, schema, deprecated }: Leaf): string {
  const names = schema.enum?.map((name) => (name === '' ? 'empty' : name)).join(', ');
  const instead = deprecated === undefined ? '' : `(deprecated: use ${deprecated}) `;
  return `${instead}${help}${names === undefined ? '' : ` One of: ${names}.`}`;
}

/** The values for the README, groups with their help before their members. */
export function valuesTable(definition: Definition): string {
  const head = ['| Value | Type | Default | Meaning |', '| --- | --- | --- | --- |'];
  return `${[...head, ...rows(definition, '')].join('\n')}\n`;
}

function rows(definition: Definition, path: string): string[] {
  const row = (...cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return Object.entries(definition).flatMap(([name, member]) => {
    const here = `${path}${name}`;
    if ('group' in member) {
      return [row(`**${here}**`, '', '', member.help), ...rows(member.group, `${here}.`)];
    }
    const type = [member.schema.type ?? 'any'].flat().join(' or ');
    return [row(`\`${here}\``, type, `\`${JSON.stringify(member.fallback)}\``, helpOf(member))];
  });
}

/** ``notes`…${expression}…` ``: a text file with expressions in it, such as NOTES.txt. */
export function notes(
  parts: TemplateStringsArray,
  ...inserts: readonly (Expression | string)[]
): string {
  const print = (insert: Expression | string) =>
    typeof insert === 'string' ? insert : `{{ ${insert.print()} }}`;
  return String.raw({ raw: parts }, ...inserts.map(print));
}

/** Lines of such a file under a condition; `yes` and `no` end with a line break. */
export function branch(condition: Expression, yes: string, no = ''): string {
  const otherwise = no === '' ? '' : `{{- else }}\n${no}`;
  return `{{- if ${condition.print()} }}\n${yes}${otherwise}{{- end }}\n`;
}

/** For NOTES.txt: a line for each deprecated value that is set. */
export function deprecations(definition: Definition): string {
  const warnings = leavesOf(definition).map(([path, { kind, deprecated }]) => {
    const value = reference(kind, ['Values', ...path.split('.')]);
    const warning = `${path} is deprecated: use ${deprecated}.\n`;
    return deprecated === undefined ? '' : branch(value, warning);
  });
  return warnings.join('');
}
