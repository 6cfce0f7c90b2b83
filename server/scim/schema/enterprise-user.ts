import type { Schema } from './attribute.ts';
import { define } from './define.ts';

/** RFC 7643 §4.3 and §8.7.1. */
export const enterpriseUserSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  name: 'EnterpriseUser',
  description: 'What an organization knows of a person',
  attributes: [
    define('employeeNumber', 'The number or code the organization gave the person.'),
    define('costCenter', 'The cost center.'),
    define('organization', 'The organization.'),
    define('division', 'The division.'),
    define('department', 'The department.'),
    define('manager', "The person's manager.", {
      type: 'complex',
      subAttributes: [
        define('value', 'The id of the manager.', { caseExact: true }),
        define('$ref', 'The address of the manager.', {
          type: 'reference',
          referenceTypes: ['User'],
        }),
        define('displayName', 'The display name of the manager.', { mutability: 'readOnly' }),
      ],
    }),
  ],
};
