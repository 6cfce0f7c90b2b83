import { isMap } from './expression.ts';

/** The part of JSON Schema (draft 7) that values are described with. `$ref` is not: Helm refuses remote ones. */
export interface Schema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly deprecated?: boolean;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** Read by Go as well as by JavaScript: no look-around. */
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
}

/** One sentence for each mistake of `value`, beginning with its path. Helm refuses the same values. */
export function mistakesOf(schema: Schema, value: unknown, path = ''): readonly string[] {
  const expected = expectedInstead(schema, value);
  if (expected !== undefined) return [`${path}: got ${shown(value)}, expected ${expected}`];
  if (Array.isArray(value)) {
    return value.flatMap((each, index) => mistakesOf(schema.items ?? {}, each, `${path}.${index}`));
  }
  return isMap(value) ? mistakesOfMap(schema, value, path === '' ? '' : `${path}.`) : [];
}

function expectedInstead(schema: Schema, value: unknown): string | undefined {
  const { enum: names = [], pattern = '', minimum = -Infinity, maximum = Infinity } = schema;
  const types = [schema.type ?? []].flat();
  const isType = types.length === 0 || types.some((type) => isOf(type, value));
  if (!isType) return types.join(' or ');
  if (typeof value === 'number') {
    const isWithin = value >= minimum && value <= maximum;
    return isWithin ? undefined : `a number from ${minimum} to ${maximum}`;
  }
  const { length } = typeof value === 'string' || Array.isArray(value) ? [...value] : [];
  if (length < (schema.minLength ?? schema.minItems ?? 0)) return 'something in it';
  if (length > (schema.maxLength ?? length)) return `at most ${schema.maxLength} characters`;
  if (typeof value !== 'string') return undefined;
  if (names.length > 0 && !names.includes(value)) return `one of ${names.map(shown).join(', ')}`;
  return new RegExp(pattern, 'u').test(value) ? undefined : `a text like ${pattern}`;
}

function mistakesOfMap(
  { required = [], properties = {}, additionalProperties = true }: Schema,
  map: Readonly<Record<string, unknown>>,
  prefix: string,
): readonly string[] {
  const missing = required
    .filter((name) => !Object.hasOwn(map, name))
    .map((name) => `${prefix}${name}: is missing (null removes a value); leave it at its default`);
  const present = Object.entries(map).flatMap(([name, value]) => {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const schema = known ?? additionalProperties;
    if (schema === false) return [`${prefix}${name}: is not a value of this chart; remove it`];
    return schema === true ? [] : mistakesOf(schema, value, `${prefix}${name}`);
  });
  return [...missing, ...present];
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'object') return isMap(value);
  if (type === 'array') return Array.isArray(value);
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}

/** Whole texts are shown for what has a pattern or names, none of which is a secret. */
function shown(value: unknown): string {
  if (isMap(value)) return 'a map';
  return Array.isArray(value) ? 'a list' : JSON.stringify(value ?? null);
}
