import type { Policy } from './document.ts';
import { ScimError } from './errors.ts';
import { oneloginSingleValue } from './quirks/onelogin.ts';
import { badText, isText, wrongType } from './text.ts';

/** Of longer lists, ids may come more than once. */
const SHORT_LIST = 1_000;

/**
 * The ids in a group's `members`, in the order given. Null and an empty array are no members. An element
 * is an object with the id as `value`; unless strict, the id alone will do. What comes twice is there once,
 * but for long lists: to find that out takes long, which the directory does in slices.
 * Throws invalidValue, also for groups: members are people.
 */
export function parseMembers(value: unknown, policy: Policy, where: string): readonly string[] {
  if (value === null) return [];
  const lone = policy.strict || Array.isArray(value) ? undefined : oneloginSingleValue(value);
  const elements = Array.isArray(value) ? value : lone;
  if (elements === undefined) throw wrongType(where, 'an array', value);
  const ids: string[] = [];
  for (let index = 0; index < elements.length; index += 1) {
    const element: unknown = elements[index];
    const isBareId = typeof element === 'string' && !policy.strict;
    const id = isBareId ? element : idOf(element, where, index);
    const isGood = typeof id === 'string' && id !== '' && isText(id);
    if (!isGood) throw badId(id, where, index);
    ids.push(id);
  }
  return ids.length > SHORT_LIST ? ids : [...new Set(ids)];
}

function idOf(element: unknown, where: string, index: number): unknown {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    throw wrongType(`${where}[${index}]`, 'an object with the id as value', element);
  }
  let id: unknown;
  for (const name of Object.keys(element)) {
    const value = element[name as keyof typeof element] as unknown; // a key it has
    const lowerName = name === 'value' ? name : name.toLowerCase();
    if (lowerName === 'value') {
      if (id !== undefined) throw repeatedValue(where, index);
      id = value;
    } else if (typeof value === 'string') {
      const isGroup = lowerName === 'type' && value.toLowerCase() === 'group';
      if (isGroup || (lowerName === '$ref' && value.includes('/Groups/'))) {
        throw nestedGroup(where, index);
      }
    }
  }
  return id;
}

function badId(id: unknown, where: string, index: number): ScimError {
  if (id === '' || id === undefined || id === null) {
    return new ScimError(
      'invalidValue',
      `${where}[${index}] has no value: send the id of the person as value.`,
    );
  }
  const place = `${where}[${index}].value`;
  return typeof id === 'string' ? badText(id, place) : wrongType(place, 'a string', id);
}

function nestedGroup(where: string, index: number): ScimError {
  return new ScimError(
    'invalidValue',
    `${where}[${index}] is a group. Groups in groups are not supported: assign the people of the ` +
      'inner group themselves.',
  );
}

function repeatedValue(where: string, index: number): ScimError {
  return new ScimError('invalidSyntax', `${where}[${index}] has value twice: send it once.`);
}
