import type { AttributeName } from '../attribute-name.ts';
import type { Filter } from './ast.ts';

/** The filter as text, with the brackets it needs: `parseFilter` undoes it. */
export function printFilter(filter: Filter): string {
  switch (filter.op) {
    case 'or':
    case 'and':
      return filter.of.map((part) => printPart(part, filter.op)).join(` ${filter.op} `);
    case 'not':
      return `not (${printFilter(filter.of)})`;
    case 'present':
      return `${printName(filter.name)} pr`;
    case 'compare':
      return `${printName(filter.name)} ${filter.operator} ${JSON.stringify(filter.value)}`;
    case 'some':
      return `${printName(filter.name)}[${printFilter(filter.of)}]`;
  }
}

function printPart(part: Filter, within: 'and' | 'or'): string {
  const needsBrackets = part.op === 'or' || (part.op === 'and' && within === 'and');
  return needsBrackets ? `(${printFilter(part)})` : printFilter(part);
}

function printName({ urn, name, sub }: AttributeName): string {
  return `${urn === undefined ? '' : `${urn}:`}${name}${sub === undefined ? '' : `.${sub}`}`;
}
