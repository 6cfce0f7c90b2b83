import type { AttributeName } from '../attribute-name.ts';

/**
 * A filter as it was written (RFC 7644 §3.4.2.2), names not yet looked up. `some` is a value path:
 * one element of a multi-valued attribute fulfils all of it; names in it are sub-attributes.
 */
export type Filter =
  | { readonly op: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly op: 'not'; readonly of: Filter }
  | { readonly op: 'present'; readonly name: AttributeName }
  | {
      readonly op: 'compare';
      readonly name: AttributeName;
      readonly operator: Operator;
      readonly value: Literal;
    }
  | { readonly op: 'some'; readonly name: AttributeName; readonly of: Filter };

export type Operator = (typeof operators)[number];

export type Literal = string | number | boolean | null;

export const operators = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const;
