import { parseAttributeName } from './attribute-name.ts';
import { ScimError } from './errors.ts';
import { entraBareAttribute } from './quirks/entra-body.ts';
import { oneloginUrn } from './quirks/onelogin.ts';
import type { ResourceType } from './schema/attribute.ts';
import { resolveAttribute } from './schema/lookup.ts';
import { resourceShape } from './shape.ts';

/**
 * A body whose attributes are all where RFC 7643 §3 has them: extension attributes, named bare or with
 * their URN in front, move into the extension's object, and core attributes lose their URN.
 * The same object when nothing has to move.
 */
export function settleKeys(
  type: ResourceType,
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  let settled: Record<string, unknown> | undefined;
  const { byName } = resourceShape(type);
  for (const key of Object.keys(body)) {
    if (byName.has(key)) continue;
    const place = placeOf(type, key);
    if (place === undefined) continue;
    settled ??= Object.assign(Object.create(null) as Record<string, unknown>, body); // typed any
    delete settled[key];
    move(settled, place, body[key]);
  }
  return settled ?? body;
}

interface Place {
  /** The URN of an extension, or undefined: in the resource itself. */
  readonly extension: string | undefined;
  readonly name: string;
}

function placeOf(type: ResourceType, key: string): Place | undefined {
  const bare = entraBareAttribute(type, key);
  if (bare !== undefined) return bare;
  if (!key.includes(':')) return undefined;
  const urn = oneloginUrn(type, key);
  if (urn !== key) return { extension: undefined, name: urn };
  const name = parseAttributeName(key);
  if (name?.urn === undefined) return undefined;
  const found = resolveAttribute(type, { ...name, urn: oneloginUrn(type, name.urn) });
  if (found === undefined || found.sub !== undefined || found.attribute.name.includes(':')) {
    return undefined;
  }
  return { extension: found.extension, name: found.attribute.name };
}

function move(body: Record<string, unknown>, { extension, name }: Place, value: unknown): void {
  const target = extension === undefined ? body : openExtension(body, extension);
  if (Object.hasOwn(target, name)) {
    throw new ScimError(
      'invalidSyntax',
      `${name} came twice: with the URN of its schema and without. Send it once.`,
    );
  }
  target[name] = value;
}

/** A copy of the extension's object that may be written to. */
function openExtension(body: Record<string, unknown>, urn: string): Record<string, unknown> {
  const key = Object.keys(body).find((key) => key.toLowerCase() === urn.toLowerCase()) ?? urn;
  const given = body[key] ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new ScimError(
      'invalidValue',
      `${urn} must be an object with the extension's attributes.`,
    );
  }
  const extension = Object.assign(Object.create(null) as Record<string, unknown>, given); // typed any
  body[key] = extension;
  return extension;
}
