import { type AttributeName, parseAttributeName } from './attribute-name.ts';
import type { Policy } from './document.ts';
import { ScimError } from './errors.ts';
import type { Filter } from './filter/ast.ts';
import { compileElementFilter, type ElementFilter } from './filter/compile.ts';
import { Lexer } from './filter/lex.ts';
import { MAX_FILTER_LENGTH, parseElementFilter } from './filter/parse.ts';
import { nearest } from './nearest.ts';
import { oneloginUrn } from './quirks/onelogin.ts';
import type { ResourceType } from './schema/attribute.ts';
import { attributesByName, type ResolvedAttribute, resolveAttribute } from './schema/lookup.ts';

/** What a PATCH operation is about: `attribute`, `attribute.sub`, `attribute[filter]` or `attribute[filter].sub`. */
export interface PatchPath {
  readonly target: ResolvedAttribute;
  /** Chooses among the elements of a multi-valued attribute; undefined: all of them. */
  readonly filter: ElementFilter | undefined;
}

/**
 * Reads a path (RFC 7644 §3.5.2, figure 7). Undefined: it names an attribute of a schema that the bridge
 * does not have, which a POST ignores too (never so in strict mode). Throws ScimError invalidPath when
 * it does not parse or names nothing, invalidFilter for a filter that can't be used.
 */
export function parsePath(type: ResourceType, text: string, policy: Policy): PatchPath | undefined {
  const written = readPath(text);
  const target = resolveName(type, written.name);
  if (target !== undefined) return withFilter(type, target, written.filter, policy);
  if (!policy.strict && isOfUnknownSchema(type, written.name)) return undefined;
  throw unknownName(type, written.name, text);
}

/** As `parsePath`, but whatever names nothing or is no name is undefined: for keys of a value without path. */
export function parseKey(type: ResourceType, key: string, policy: Policy): PatchPath | undefined {
  if (key.includes('[')) return parsePath(type, key, policy);
  const name = parseAttributeName(key);
  const target = name === undefined ? undefined : resolveName(type, name);
  return target === undefined ? undefined : { target, filter: undefined };
}

interface WrittenPath {
  readonly name: AttributeName;
  readonly filter: Filter | undefined;
}

function readPath(text: string): WrittenPath {
  if (text.length > MAX_FILTER_LENGTH) {
    throw new ScimError(
      'invalidPath',
      `A path has ${text.length} characters; at most ${MAX_FILTER_LENGTH} are allowed.`,
    );
  }
  const lexer = new Lexer(text, 'invalidPath');
  const name = lexer.at('word') ? parseAttributeName(lexer.written) : undefined;
  if (name === undefined) return lexer.fail('an attribute name');
  lexer.next();
  if (lexer.at('end')) return { name, filter: undefined };
  if (!lexer.at('[') || name.sub !== undefined) lexer.fail('the end');
  lexer.next();
  const filter = parseElementFilter(lexer, 1);
  if (lexer.at('end')) return { name, filter };
  const sub = lexer.at('word') && lexer.written.startsWith('.') ? lexer.written.slice(1) : '';
  const subName = parseAttributeName(sub);
  if (subName === undefined || subName.sub !== undefined || subName.urn !== undefined) {
    return lexer.fail('"." and a sub-attribute name, or the end');
  }
  lexer.next();
  if (!lexer.at('end')) lexer.fail('the end');
  return { name: { ...name, sub: subName.name }, filter };
}

function withFilter(
  type: ResourceType,
  target: ResolvedAttribute,
  filter: Filter | undefined,
  policy: Policy,
): PatchPath {
  if (filter === undefined) return { target, filter };
  const { attribute } = target;
  if (!attribute.multiValued || attribute.type !== 'complex') {
    throw new ScimError(
      'invalidPath',
      `"${attribute.name}" has one value only: leave out the square brackets.`,
    );
  }
  return { target, filter: compileElementFilter(type, target, filter, policy) };
}

function resolveName(type: ResourceType, name: AttributeName): ResolvedAttribute | undefined {
  if (name.urn === undefined) return resolveAttribute(type, name);
  return resolveAttribute(type, { ...name, urn: oneloginUrn(type, name.urn) });
}

function isOfUnknownSchema(type: ResourceType, { urn }: AttributeName): boolean {
  if (urn === undefined) return false;
  const lowerUrn = oneloginUrn(type, urn).toLowerCase();
  return ![type.schema, ...type.extensions].some(({ id }) => id.toLowerCase() === lowerUrn);
}

function unknownName(type: ResourceType, name: AttributeName, text: string): ScimError {
  const parent =
    name.sub === undefined ? undefined : resolveName(type, { ...name, sub: undefined });
  const meant =
    parent === undefined || name.sub === undefined
      ? nearest(name.name, Array.from(attributesByName(type).values(), nameOf))
      : nearest(
          name.sub,
          parent.attribute.subAttributes.map(({ name }) => name),
        );
  const hint = meant === undefined ? 'See /Schemas for the names.' : `Did you mean "${meant}"?`;
  return new ScimError('invalidPath', `The path "${shown(text)}" names no attribute. ${hint}`);
}

function nameOf({ attribute }: Pick<ResolvedAttribute, 'attribute'>): string {
  return attribute.name;
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
