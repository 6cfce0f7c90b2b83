/** What a value is to a template, which decides how it is printed. `any`: a number or a text. */
export type Kind = 'string' | 'int' | 'bool' | 'map' | 'list' | 'any';

/** What expressions are evaluated against without Helm; named as templates name it. */
export interface Environment {
  readonly Values: Readonly<Record<string, unknown>>;
  readonly Release: Readonly<Record<'Name' | 'Namespace' | 'Service', string>>;
  readonly Chart: Readonly<Record<'Name' | 'Version' | 'AppVersion', string>>;
  /** Items of the `range` that the expression stands in. */
  readonly items?: Readonly<Record<string, unknown>>;
}

/** `.` at the top of a template; `$` inside `range`, where the dot is something else. */
export type Root = '.' | '$';

interface Meaning<T> {
  readonly kind: Kind;
  readonly print: (root: Root) => string;
  readonly evaluate: (environment: Environment) => T;
}

/** One meaning in two languages: prints as a Go template, evaluates in JavaScript. */
export class Expression<out T = unknown> {
  readonly kind: Kind;
  readonly print: (root?: Root) => string;
  readonly evaluate: (environment: Environment) => T;

  constructor({ kind, print, evaluate }: Meaning<T>) {
    this.kind = kind;
    this.print = (root = '.') => print(root);
    this.evaluate = evaluate;
  }

  /** Printed so that it may stand as one argument: a word, a text in quotes, or in parentheses. */
  printArgument(root: Root): string {
    const printed = this.print(root);
    return /^(?:"|\S+$)/.test(printed) ? printed : `(${printed})`;
  }
}

/** A string, number or boolean may stand where an expression of it is asked for. */
export type Argument<T = unknown> =
  | Expression<T>
  | (unknown extends T ? Literal : Extract<T, Literal>);
type Literal = string | number | boolean;

export function expressionOf(argument: Argument): Expression {
  if (argument instanceof Expression) return argument;
  const kind =
    typeof argument === 'string' ? 'string' : typeof argument === 'number' ? 'int' : 'bool';
  const print = () => (kind === 'string' ? goString(String(argument)) : String(argument));
  return new Expression<unknown>({ kind, print, evaluate: () => argument });
}

/**
 * A place below `.`, such as `.Values.service.type`. A number of a values file is a float64 to Helm,
 * one of `--set` an int64: they neither print nor compare alike, so `int64` makes them so.
 */
export function reference<T>(kind: Kind, segments: readonly string[]): Expression<T> {
  const print = (root: Root) =>
    `${kind === 'int' ? 'int64 ' : ''}${root === '$' ? '$' : ''}.${segments.join('.')}`;
  // The schema of the values, or the type of Environment, vouches for T.
  const evaluate = (environment: Environment) => at(environment, segments) as T;
  return new Expression({ kind, print, evaluate });
}

/** The item of an `each` called `name`, or a field of it. */
export function item<T>(kind: Kind, name: string, ...segments: readonly string[]): Expression<T> {
  const print = () => [`$${name}`, ...segments].join('.');
  // As above.
  const evaluate = (environment: Environment) => at(environment.items?.[name], segments) as T;
  return new Expression({ kind, print, evaluate });
}

function at(start: unknown, segments: readonly string[]): unknown {
  return segments.reduce<unknown>((value, key) => (isMap(value) ? value[key] : undefined), start);
}

const text = (...segments: readonly string[]) => reference<string>('string', segments);
export const release = {
  name: text('Release', 'Name'),
  namespace: text('Release', 'Namespace'),
  service: text('Release', 'Service'),
};
export const chart = {
  name: text('Chart', 'Name'),
  version: text('Chart', 'Version'),
  appVersion: text('Chart', 'AppVersion'),
};

interface Branch {
  readonly when?: Expression;
  readonly text: Expression<string>;
}

/** A template with a name: a text that is chosen by conditions, the last branch without one. */
export class NamedTemplate extends Expression<string> {
  /** The `define` block; print() is how others include it. */
  readonly printDefinition: () => string;

  constructor(name: string, summary: string, ...branches: readonly Branch[]) {
    super({
      kind: 'string',
      print: (root) => `include ${goString(name)} ${root}`,
      evaluate(environment) {
        const holds = ({ when }: Branch) =>
          when === undefined || isTruthy(when.evaluate(environment));
        return branches.find(holds)?.text.evaluate(environment) ?? '';
      },
    });
    this.printDefinition = () => definitionOf(name, summary, branches);
  }
}

function definitionOf(name: string, summary: string, branches: readonly Branch[]): string {
  const lines = branches.flatMap(({ when, text }, index) => {
    const keyword = index === 0 ? 'if' : 'else if';
    const opening = when === undefined ? '{{- else -}}' : `{{- ${keyword} ${when.print()} -}}`;
    const isAlone = index === 0 && when === undefined;
    return [...(isAlone ? [] : [opening]), `{{- ${text.print()} -}}`];
  });
  const end = branches[0]?.when === undefined ? [] : ['{{- end -}}'];
  const define = `{{- define ${goString(name)} -}}`;
  return [`{{/* ${summary} */}}`, define, ...lines, ...end, '{{- end -}}', ''].join('\n');
}

/** As Go's templates see it: false, 0, nothing and all that is empty are false. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isMap(value) ? Object.keys(value).length > 0 : Boolean(value);
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go reads the escapes of JSON, and prints U+007F as it is, which YAML forbids. */
export function goString(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\x7f');
}
