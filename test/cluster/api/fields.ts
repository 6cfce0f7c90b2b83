import * as client from '@kubernetes/client-node';
import { ApiFailure, isObject, type Json } from './objects.ts';

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/**
 * What the API server says about fields that a kind does not have, and about values of a wrong type:
 * each mistake with its path. The types are those of the official client, made from the API's own
 * description.
 */
export function fieldMistakes(object: Json, type: string): string[] {
  return mistakesOf(object, type, '');
}

/** Throws 400 as a server does under strict field validation. */
export function checkFields(object: Json, type: string | undefined): void {
  if (type === undefined) return;
  const mistakes = fieldMistakes(object, type);
  if (mistakes.length === 0) return;
  const message = `strict decoding error: ${mistakes.join(', ')}`;
  throw new ApiFailure(400, 'BadRequest', message);
}

function mistakesOf(value: unknown, type: string, path: string): string[] {
  if (value === undefined || value === null) return [];
  const element = /^Array<(.+)>$/.exec(type)?.[1];
  if (element !== undefined) {
    if (!Array.isArray(value)) return [`${path}: a list is expected`];
    return value.flatMap((each, index) => mistakesOf(each, element, `${path}[${index}]`));
  }
  const entry = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (entry !== undefined) {
    if (!isObject(value)) return [`${path}: a map is expected`];
    return Object.entries(value).flatMap(([key, each]) =>
      mistakesOf(each, entry, `${path}.${key}`),
    );
  }
  const attributes = attributesOf(type);
  if (attributes === undefined) return scalarMistakes(value, type, path);
  if (!isObject(value)) return [`${path}: an object is expected`];
  return Object.entries(value).flatMap(([key, each]) => {
    const place = path === '' ? key : `${path}.${key}`;
    const attribute = attributes.find(({ baseName }) => baseName === key);
    return attribute === undefined
      ? [`unknown field "${place}"`]
      : mistakesOf(each, attribute.type, place);
  });
}

function attributesOf(type: string): readonly Attribute[] | undefined {
  const model: unknown = Reflect.get(client, type);
  if (typeof model !== 'function') return undefined;
  const { getAttributeTypeMap } = model as { getAttributeTypeMap?: () => readonly Attribute[] }; // Of the package.
  return getAttributeTypeMap?.();
}

function scalarMistakes(value: unknown, type: string, path: string): string[] {
  const isRight: Readonly<Record<string, boolean>> = {
    string: typeof value === 'string',
    number: typeof value === 'number',
    boolean: typeof value === 'boolean',
    IntOrString: typeof value === 'string' || Number.isInteger(value),
    Date: typeof value === 'string',
    V1MicroTime: typeof value === 'string',
    any: true,
    object: isObject(value),
  };
  // Quantities are typed as strings, and numbers are taken for them.
  const isQuantity = /\.(?:limits|requests|hard|capacity|sizeLimit)\b/.test(path);
  if (isRight[type] === true || (isQuantity && typeof value === 'number')) return [];
  return [`${path}: ${JSON.stringify(value)} is no ${type}`];
}
