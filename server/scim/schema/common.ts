import type { Attribute } from './attribute.ts';
import { define } from './define.ts';

const readOnly = { mutability: 'readOnly' } as const;

/**
 * What each resource has (RFC 7643 §3 and §3.1). Listed in no schema; `returned` of `schemas` and
 * `id` is always.
 */
export const commonAttributes: readonly Attribute[] = [
  define('schemas', 'The URNs of the schemas that the resource uses.', {
    type: 'reference',
    multiValued: true,
    required: true,
    returned: 'always',
    referenceTypes: ['uri'],
  }),
  define('id', 'The identifier the bridge gave the resource.', {
    ...readOnly,
    caseExact: true,
    returned: 'always',
    uniqueness: 'server',
  }),
  define('externalId', 'The identifier of the resource at the provisioning client.', {
    caseExact: true,
  }),
  define('meta', 'What the bridge knows about the resource itself.', {
    ...readOnly,
    type: 'complex',
    subAttributes: [
      define('resourceType', 'User or Group.', { ...readOnly, caseExact: true }),
      define('created', 'When the resource was created.', { ...readOnly, type: 'dateTime' }),
      define('lastModified', 'When the resource changed last.', { ...readOnly, type: 'dateTime' }),
      define('location', 'The address of the resource.', {
        ...readOnly,
        type: 'reference',
        referenceTypes: ['uri'],
      }),
      define('version', 'The ETag of the resource.', { ...readOnly, caseExact: true }),
    ],
  }),
];
