import type { Attribute } from './attribute.ts';

/** An attribute with the defaults of RFC 7643 §2.2; `characteristics` says what differs. */
export function define(
  name: string,
  description: string,
  characteristics: Partial<Attribute> = {},
): Attribute {
  const { type = 'string' } = characteristics;
  return {
    name,
    type,
    description,
    multiValued: false,
    required: false,
    caseExact: type === 'reference' || type === 'binary', // RFC 7643 §2.3.6 and §2.3.7
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    subAttributes: [],
    ...characteristics,
  };
}

/** A multi-valued attribute with the usual sub-attributes value, display, type, primary (RFC 7643 §2.4). */
export function definePlural(
  name: string,
  description: string,
  value: Attribute,
  kinds: readonly string[] = [],
): Attribute {
  return define(name, description, {
    type: 'complex',
    multiValued: true,
    subAttributes: [
      value,
      define('display', 'A name for people to read.'),
      defineKind(kinds),
      definePrimary(),
    ],
  });
}

/** The sub-attribute `type`: a label such as work or home. Other labels than `kinds` are allowed. */
export function defineKind(kinds: readonly string[]): Attribute {
  const canonical = kinds.length === 0 ? {} : { canonicalValues: kinds };
  return define('type', 'What the value is used for.', canonical);
}

export function definePrimary(): Attribute {
  return define('primary', 'Whether this is the preferred value; at most one is.', {
    type: 'boolean',
  });
}
