import type { Attribute, ResourceType } from './schema/attribute.ts';
import { attributesByName, extensionAttribute } from './schema/lookup.ts';
import { GROUP, USER } from './schema/resource-types.ts';

/** The attributes that an object of a body may have, made for finding them fast. */
export interface Shape {
  /** The resource type or attribute, for messages. */
  readonly name: string;
  readonly slots: readonly Slot[];
  /** By the exact name, and by the name in lower case. */
  readonly byName: ReadonlyMap<string, Slot>;
  /** Names to offer for a misspelt one. */
  readonly hints: readonly string[];
}

export interface Slot {
  readonly attribute: Attribute;
  /** Place in `slots`; documents have their attributes in this order. */
  readonly position: number;
  /** Accepted and not kept: what clients may not write, secrets, and what is made when rendered. */
  readonly isDropped: boolean;
}

export function resourceShape(type: ResourceType): Shape {
  return type === USER ? userShape : groupShape;
}

/** The sub-attributes of a complex attribute. */
export function attributeShape(attribute: Attribute): Shape {
  let shape = shapes.get(attribute);
  if (shape === undefined) {
    shape = drawShape(attribute.name, attribute.subAttributes, []);
    shapes.set(attribute, shape);
  }
  return shape;
}

const shapes = new WeakMap<Attribute, Shape>();
const userShape = drawResourceShape(USER);
const groupShape = drawResourceShape(GROUP);

function drawResourceShape(type: ResourceType): Shape {
  const named = [...attributesByName(type).values()];
  const own = named.filter(({ extension }) => extension === undefined);
  const bare = named.filter(({ extension }) => extension !== undefined);
  return drawShape(
    type.name,
    [...own.map(({ attribute }) => attribute), ...type.extensions.map(extensionAttribute)],
    bare.map(({ attribute }) => attribute.name),
  );
}

function drawShape(
  name: string,
  attributes: readonly Attribute[],
  hints: readonly string[],
): Shape {
  const slots = attributes.map((attribute, position) => {
    return { attribute, position, isDropped: isDropped(attribute) };
  });
  const byName = new Map<string, Slot>();
  for (const slot of slots) {
    byName.set(slot.attribute.name.toLowerCase(), slot);
    byName.set(slot.attribute.name, slot);
  }
  return { name, slots, byName, hints: [...attributes.map(({ name }) => name), ...hints] };
}

function isDropped({ name, mutability }: Attribute): boolean {
  if (mutability === 'readOnly' || mutability === 'writeOnly') return true;
  return name === '$ref' || name === 'schemas' || name === 'members'; // parsed or made elsewhere
}
