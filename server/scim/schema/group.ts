import type { Schema } from './attribute.ts';
import { define } from './define.ts';

/** RFC 7643 §4.2 and §8.7.1. Members are people: groups in groups are not offered. */
export const groupSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  name: 'Group',
  description: 'A group of people',
  attributes: [
    define('displayName', 'The name of the group.', { required: true, uniqueness: 'server' }),
    define('members', 'The people in the group.', {
      type: 'complex',
      multiValued: true,
      subAttributes: [
        define('value', 'The id of the person.', { mutability: 'immutable', caseExact: true }),
        define('$ref', 'The address of the person.', {
          type: 'reference',
          mutability: 'immutable',
          referenceTypes: ['User'],
        }),
        define('type', 'The type of the member.', {
          mutability: 'immutable',
          canonicalValues: ['User'],
        }),
      ],
    }),
  ],
};
