import assert from 'node:assert/strict';
import type { AttributeName } from '../attribute-name.ts';
import type { Attribute, ResourceType, Schema } from './attribute.ts';
import { commonAttributes } from './common.ts';
import { define } from './define.ts';
import { GROUP, USER } from './resource-types.ts';

export interface ResolvedAttribute {
  /** The URN of the extension that the attribute belongs to; undefined for core and common ones. */
  readonly extension: string | undefined;
  readonly attribute: Attribute;
  readonly sub: Attribute | undefined;
}

/**
 * The attribute a client means, whatever its letter case; undefined when there is none.
 * An extension's attribute may be named without the URN when the core has no such name, as Entra
 * names `manager`. An extension's URN alone resolves to a complex attribute that bears the URN as
 * its name, as the extension's object does in a document.
 */
export function resolveAttribute(
  type: ResourceType,
  name: AttributeName,
): ResolvedAttribute | undefined {
  const table = tableOf(type);
  const found =
    name.urn === undefined
      ? table.byName.get(name.name.toLowerCase())
      : table.byQualifiedName.get(`${name.urn}:${name.name}`.toLowerCase());
  if (found === undefined || name.sub === undefined) return found;
  return found.subs.get(name.sub.toLowerCase());
}

/** Every attribute of a type that a request may name without a URN, by its lower-case name. */
export function attributesByName(
  type: ResourceType,
): ReadonlyMap<string, Pick<ResolvedAttribute, 'extension' | 'attribute'>> {
  return tableOf(type).byName;
}

/** The object of an extension, seen as a complex attribute of the resource. */
export function extensionAttribute(extension: Schema): Attribute {
  const attribute = extensionAttributes.get(extension);
  assert(attribute !== undefined, `no resource type has the extension ${extension.id}`);
  return attribute;
}

interface Found extends ResolvedAttribute {
  readonly sub: undefined;
  /** By lower-case name. */
  readonly subs: ReadonlyMap<string, ResolvedAttribute>;
}

interface Table {
  readonly byName: ReadonlyMap<string, Found>;
  /** By `urn:name` in lower case, and by the URN of an extension. */
  readonly byQualifiedName: ReadonlyMap<string, Found>;
}

const types = [USER, GROUP];
const extensionAttributes = new Map(
  types.flatMap((type) => type.extensions.map((schema) => [schema, asAttribute(schema)] as const)),
);
const tables = new Map(types.map((type) => [type, drawTable(type)]));

function tableOf(type: ResourceType): Table {
  const table = tables.get(type);
  assert(table !== undefined, `${type.name} is not a resource type of the bridge`);
  return table;
}

function drawTable(type: ResourceType): Table {
  const byName = new Map<string, Found>();
  const byQualifiedName = new Map<string, Found>();
  for (const attribute of [...commonAttributes, ...type.schema.attributes]) {
    const found = findable(undefined, attribute);
    byName.set(attribute.name.toLowerCase(), found);
    byQualifiedName.set(`${type.schema.id}:${attribute.name}`.toLowerCase(), found);
  }
  for (const extension of type.extensions) {
    const inside = new Map<string, Found>();
    for (const attribute of extension.attributes) {
      const found = findable(extension.id, attribute);
      const lowerName = attribute.name.toLowerCase();
      inside.set(lowerName, found);
      if (!byName.has(lowerName)) byName.set(lowerName, found);
      byQualifiedName.set(`${extension.id}:${attribute.name}`.toLowerCase(), found);
    }
    const attribute = extensionAttribute(extension);
    const whole = { extension: undefined, attribute, sub: undefined, subs: inside };
    byQualifiedName.set(extension.id.toLowerCase(), whole);
  }
  return { byName, byQualifiedName };
}

function findable(extension: string | undefined, attribute: Attribute): Found {
  const subs = new Map<string, ResolvedAttribute>();
  for (const sub of attribute.subAttributes) {
    subs.set(sub.name.toLowerCase(), { extension, attribute, sub });
  }
  return { extension, attribute, sub: undefined, subs };
}

function asAttribute(extension: Schema): Attribute {
  const { id, description, attributes } = extension;
  return define(id, description, { type: 'complex', subAttributes: attributes });
}
