import type { IResolver, ResolutionContext } from 'cdk8s';
import { type Environment, type Expression, isTruthy } from './expression.ts';
import { text } from './functions.ts';

const MARK = /\u27e6(\d+)\u27e7/g;

/**
 * Stands where cdk8s asks for a number or a boolean. As a number it is NaN, so arithmetic on it
 * fails or shows, rather than giving a wrong number.
 */
class Token {
  readonly mark: string;

  constructor(mark: string) {
    this.mark = mark;
  }

  toString(): string {
    return this.mark;
  }

  [Symbol.toPrimitive](hint: string): string | number {
    return hint === 'number' ? Number.NaN : this.mark;
  }
}

/** For `new App({resolvers})`: lets tokens pass through cdk8s. */
export const tokenResolver: IResolver = {
  resolve(context: ResolutionContext) {
    const { value } = context;
    if (value instanceof Token) context.replaceValue(value.mark);
    // IntOrString and Quantity keep what they were given in `value`.
    const isBox = typeof value === 'object' && value !== null && value.constructor !== Object;
    if (isBox && value.value instanceof Token) context.replaceValue({ value: value.value.mark });
  },
};

/** Turns expressions into what cdk8s takes: tokens when Helm will evaluate them, else their values. */
export class Synthesis {
  readonly environment: Environment | undefined;
  readonly #expressions: Expression[] = [];

  /** Without an environment: for Helm. */
  constructor(environment?: Environment) {
    this.environment = environment;
  }

  /** May stand in a longer text, and as a key. */
  string(expression: Expression<string>): string {
    return this.environment === undefined
      ? this.#mark(expression)
      : expression.evaluate(this.environment);
  }

  number(expression: Expression<number>): number {
    if (this.environment !== undefined) return expression.evaluate(this.environment);
    // The lie that all this rests on: cdk8s passes it on unread, and tokenResolver ends it.
    return new Token(this.#mark(expression)) as unknown as number;
  }

  /** Whether the condition holds; undefined when Helm will decide. */
  holds(condition: Expression): boolean | undefined {
    return this.environment && isTruthy(condition.evaluate(this.environment));
  }

  #mark(expression: Expression): string {
    return `\u27e6${this.#expressions.push(expression) - 1}\u27e7`;
  }

  /** The expression that a text of cdk8s's output means; undefined when no token is in it. */
  expressionIn(output: string): Expression | undefined {
    if (this.environment !== undefined) return undefined;
    const parts = output.split(MARK); // text, index, text, index, …, text
    const expressions = parts.filter((_, place) => place % 2 === 1).map((index) => this.#at(index));
    const texts = parts.filter((_, place) => place % 2 === 0);
    const [only] = expressions;
    if (only === undefined || (texts.join('') === '' && expressions.length === 1)) return only;
    return text(Object.assign(texts, { raw: texts }), ...expressions);
  }

  #at(index: string): Expression {
    const expression = this.#expressions[Number(index)];
    if (expression === undefined) {
      throw new Error(`token ${index} belongs to another synthesis: make one Synthesis a chart`);
    }
    return expression;
  }
}
