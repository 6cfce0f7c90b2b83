import { type AttributeName, parseAttributeName } from '../attribute-name.ts';
import { ScimError } from '../errors.ts';
import { type Filter, type Literal, type Operator, operators } from './ast.ts';
import { Lexer } from './lex.ts';

/** In UTF-16 units. */
export const MAX_FILTER_LENGTH = 8192;

/** Brackets within brackets. The parser recurses once for each, so this also bounds its stack. */
export const MAX_FILTER_DEPTH = 50;

/**
 * Parses the grammar of RFC 7644 §3.4.2.2; `not` binds closest, then `and`, then `or`. Operators and
 * the words true, false and null are taken in any case. Also takes a sub-attribute after a value path,
 * `emails[type eq "work"].value eq "x"`, as Entra and Rippling write it: the result is that of
 * `emails[type eq "work" and value eq "x"]`. Throws ScimError invalidFilter.
 */
export function parseFilter(text: string): Filter {
  if (text.length > MAX_FILTER_LENGTH) {
    throw new ScimError(
      'invalidFilter',
      `The filter has ${text.length} characters; at most ${MAX_FILTER_LENGTH} are allowed. Ask for less at a time.`,
    );
  }
  const lexer = new Lexer(text, 'invalidFilter');
  const filter = parseOr(lexer, 0, false);
  if (!lexer.at('end')) lexer.fail('"and", "or" or the end');
  return filter;
}

/**
 * Parses what is between the brackets of a value path, from behind `[` to behind `]`: also for PATCH
 * paths. Throws the lexer's kind of ScimError.
 */
export function parseElementFilter(lexer: Lexer, depth: number): Filter {
  checkDepth(lexer, depth);
  const filter = parseOr(lexer, depth, true);
  if (!lexer.at(']')) lexer.fail('"and", "or" or "]"');
  lexer.next();
  return filter;
}

function parseOr(lexer: Lexer, depth: number, inElement: boolean): Filter {
  const first = parseAnd(lexer, depth, inElement);
  if (!atKeyword(lexer, 'or')) return first;
  const of = [first];
  while (atKeyword(lexer, 'or')) {
    lexer.next();
    of.push(parseAnd(lexer, depth, inElement));
  }
  return { op: 'or', of };
}

function parseAnd(lexer: Lexer, depth: number, inElement: boolean): Filter {
  const first = parseTerm(lexer, depth, inElement);
  if (!atKeyword(lexer, 'and')) return first;
  const of = [first];
  while (atKeyword(lexer, 'and')) {
    lexer.next();
    of.push(parseTerm(lexer, depth, inElement));
  }
  return { op: 'and', of };
}

function parseTerm(lexer: Lexer, depth: number, inElement: boolean): Filter {
  if (lexer.at('(')) return parseGroup(lexer, depth + 1, inElement);
  if (!lexer.at('word')) lexer.fail('an attribute name, "not" or "("');
  if (atKeyword(lexer, 'not')) {
    lexer.next();
    if (!lexer.at('(')) lexer.fail('"(" after "not"');
    return { op: 'not', of: parseGroup(lexer, depth + 1, inElement) };
  }
  const name = parseAttributeName(lexer.written);
  if (name === undefined) return lexer.fail('an attribute name');
  lexer.next();
  if (!lexer.at('[')) return parseExpression(lexer, name);
  if (inElement) lexer.fail('an operator (a value path holds no other value path)');
  lexer.next();
  return parseValuePath(lexer, name, depth + 1);
}

function parseGroup(lexer: Lexer, depth: number, inElement: boolean): Filter {
  checkDepth(lexer, depth);
  lexer.next();
  const filter = parseOr(lexer, depth, inElement);
  if (!lexer.at(')')) lexer.fail('"and", "or" or ")"');
  lexer.next();
  return filter;
}

function parseValuePath(lexer: Lexer, name: AttributeName, depth: number): Filter {
  const of = parseElementFilter(lexer, depth);
  if (!lexer.at('word') || lexer.text.charAt(lexer.start) !== '.') {
    return { op: 'some', name, of };
  }
  const sub = parseAttributeName(lexer.text.slice(lexer.start + 1, lexer.end));
  if (sub === undefined || sub.sub !== undefined || sub.urn !== undefined) {
    return lexer.fail('"." and one sub-attribute name');
  }
  lexer.next();
  const expression = parseExpression(lexer, sub);
  const both = of.op === 'and' ? [...of.of, expression] : [of, expression];
  return { op: 'some', name, of: { op: 'and', of: both } };
}

function parseExpression(lexer: Lexer, name: AttributeName): Filter {
  if (atKeyword(lexer, 'pr')) {
    lexer.next();
    return { op: 'present', name };
  }
  const operator = lexer.at('word') ? operatorOf(lexer.written) : undefined;
  if (operator === undefined) return lexer.fail(`an operator (pr, ${operators.join(', ')})`);
  lexer.next();
  const value = parseLiteral(lexer);
  lexer.next();
  return { op: 'compare', name, operator, value };
}

function parseLiteral(lexer: Lexer): Literal {
  if (lexer.at('string')) return lexer.stringValue();
  if (lexer.at('word')) {
    const word = lexer.written.toLowerCase();
    if (word === 'true') return true;
    if (word === 'false') return false;
    if (word === 'null') return null;
    const number = numberForm.test(word) ? Number(word) : Number.NaN;
    if (Number.isFinite(number)) return number === 0 ? 0 : number;
  }
  return lexer.fail('a value: text in double quotation marks, a number, true, false or null');
}

/** A number as JSON writes it (RFC 8259 §6). */
const numberForm = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/;

function operatorOf(word: string): Operator | undefined {
  const lower = word.toLowerCase();
  return operators.find((operator) => operator === lower);
}

function atKeyword(lexer: Lexer, keyword: 'and' | 'or' | 'not' | 'pr'): boolean {
  return (
    lexer.at('word') &&
    lexer.end - lexer.start === keyword.length &&
    lexer.written.toLowerCase() === keyword
  );
}

function checkDepth(lexer: Lexer, depth: number): void {
  if (depth > MAX_FILTER_DEPTH) lexer.fail(`at most ${MAX_FILTER_DEPTH} brackets within brackets`);
}
