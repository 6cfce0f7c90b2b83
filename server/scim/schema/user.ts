import type { Attribute, Schema } from './attribute.ts';
import { define, defineKind, definePlural, definePrimary } from './define.ts';

/** RFC 7643 §4.1 and §8.7.1. */
export const userSchema: Schema = {
  id: 'urn:ietf:params:scim:schemas:core:2.0:User',
  name: 'User',
  description: 'A person',
  attributes: [...identity(), ...preferences(), ...contacts(), ...rights()],
};

function identity(): Attribute[] {
  return [
    define('userName', 'The name the person signs in with at the provider.', {
      required: true,
      uniqueness: 'server',
    }),
    define('name', 'The parts of the real name.', {
      type: 'complex',
      subAttributes: [
        define('formatted', 'The full name as it is displayed.'),
        define('familyName', 'The family name, or last name.'),
        define('givenName', 'The given name, or first name.'),
        define('middleName', 'The middle names.'),
        define('honorificPrefix', 'A title before the name, such as Dr.'),
        define('honorificSuffix', 'A suffix after the name, such as III.'),
      ],
    }),
    define('displayName', 'The name that others see.'),
    define('nickName', 'The casual way to address the person.'),
    define('profileUrl', "The address of the person's profile page.", {
      type: 'reference',
      referenceTypes: ['external'],
    }),
    define('title', 'The job title.'),
    define('userType', 'The relation to the organization, such as Employee.'),
  ];
}

function preferences(): Attribute[] {
  return [
    define('preferredLanguage', 'The languages the person prefers, as in Accept-Language.'),
    define('locale', 'The language tag by which dates and currencies are formatted.'),
    define('timezone', 'The time zone, by its name in the IANA database.'),
    define('active', 'Whether the person may use the account.', { type: 'boolean' }),
    define('password', 'Accepted and dropped: it is never stored.', {
      mutability: 'writeOnly',
      returned: 'never',
    }),
  ];
}

function contacts(): Attribute[] {
  return [
    definePlural('emails', 'E-mail addresses.', define('value', 'The e-mail address.'), [
      'work',
      'home',
      'other',
    ]),
    definePlural('phoneNumbers', 'Phone numbers.', define('value', 'The phone number.'), [
      'work',
      'home',
      'mobile',
      'fax',
      'pager',
      'other',
    ]),
    definePlural('ims', 'Instant messaging addresses.', define('value', 'The address.'), [
      'aim',
      'gtalk',
      'icq',
      'xmpp',
      'msn',
      'skype',
      'qq',
      'yahoo',
    ]),
    definePlural(
      'photos',
      'Pictures of the person.',
      define('value', 'The address of the picture.', {
        type: 'reference',
        referenceTypes: ['external'],
      }),
      ['photo', 'thumbnail'],
    ),
    define('addresses', 'Postal addresses.', {
      type: 'complex',
      multiValued: true,
      subAttributes: [
        define('formatted', 'The whole address as it is displayed; may have line breaks.'),
        define('streetAddress', 'Street, house number, post box.'),
        define('locality', 'The city.'),
        define('region', 'The state or region.'),
        define('postalCode', 'The postal code.'),
        define('country', 'The country, as an ISO 3166-1 code of two letters.'),
        defineKind(['work', 'home', 'other']),
        definePrimary(),
      ],
    }),
  ];
}

function rights(): Attribute[] {
  return [
    define('groups', 'The groups the person is in. Change them through the groups.', {
      type: 'complex',
      multiValued: true,
      mutability: 'readOnly',
      subAttributes: [
        define('value', 'The id of the group.', { mutability: 'readOnly', caseExact: true }),
        define('$ref', 'The address of the group.', {
          type: 'reference',
          mutability: 'readOnly',
          referenceTypes: ['Group'],
        }),
        define('display', 'The name of the group.', { mutability: 'readOnly' }),
        define('type', 'How the person is in the group.', {
          mutability: 'readOnly',
          canonicalValues: ['direct', 'indirect'],
        }),
      ],
    }),
    definePlural(
      'entitlements',
      'Things the person is entitled to.',
      define('value', 'One of them.'),
    ),
    definePlural('roles', 'Roles of the person.', define('value', 'The role.')),
    definePlural(
      'x509Certificates',
      'Certificates of the person.',
      define('value', 'A DER certificate in base64.', { type: 'binary' }),
    ),
  ];
}
