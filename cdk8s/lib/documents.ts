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

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function helpOf({ help, schema, deprecated }: Leaf): string {
  const names = schema.enum?.map((name) => (name === '' ? 'empty' : name)).join(', ');
  const instead = deprecated === undefined ? '' : `(deprecated: use ${deprecated}) `;
  return `${instead}${help}${names === undefined ? '' : ` One of: ${names}.`}`;
}

/** The rows of the README. */
export function valuesTable(definition: Definition): string {
  const rows = leavesOf(definition).map(([path, leaf]) => {
    const fallback = `\`${JSON.stringify(leaf.fallback)}\``.replaceAll('|', '\\|');
    const type = [leaf.schema.type ?? 'any'].flat().join(' or ');
    return `| \`${path}\` | ${type} | ${fallback} | ${helpOf(leaf).replaceAll('|', '\\|')} |`;
  });
  return `| Value | Type | Default | Meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
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
