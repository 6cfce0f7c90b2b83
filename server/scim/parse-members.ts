import type { Policy } from './document.ts';
import { ScimError } from './errors.ts';
import { oneloginSingleValue } from './quirks/onelogin.ts';
import { checkText, wrongType } from './text.ts';

/**
 * The ids in a group's `members`, in the order given, each once. Null and an empty array are no
 * members. An element is an object with the id as `value`; unless
 * strict, the id alone will do.
 * Throws invalidValue, also for groups: members are people.
 */
export function parseMembers(value: unknown, policy: Policy, where: string): readonly string[] {
  if (value === null) return [];
  const lone = policy.strict || Array.isArray(value) ? undefined : oneloginSingleValue(value);
  const elements = Array.isArray(value) ? value : lone;
  if (elements === undefined) throw wrongType(where, 'an array', value);
  const ids = new Set<string>();
  for (let index = 0; index < elements.length; index += 1) {
    const element = elements[index];
    const isBareId = typeof element === 'string' && !policy.strict;
    ids.add(isBareId ? checkId(element, where, index) : parseMember(element, where, index));
  }
  return [...ids];
}

function parseMember(element: unknown, where: string, index: number): string {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) {
    throw wrongType(`${where}[${index}]`, 'an object with the id as value', element);
  }
  let id: unknown;
  for (const [name, value] of Object.entries(element)) {
    const lowerName = name.toLowerCase();
    if (lowerName === 'value') {
      if (id !== undefined) throw repeatedValue(where, index);
      id = value;
    }
    if (typeof value !== 'string') continue;
    const isGroup = lowerName === 'type' && value.toLowerCase() === 'group';
    if (isGroup || (lowerName === '$ref' && value.includes('/Groups/'))) {
      throw nestedGroup(where, index);
    }
  }
  return checkId(id, where, index);
}

function checkId(id: unknown, where: string, index: number): string {
  if (typeof id === 'string' && id !== '') {
    checkText(id, `${where}[${index}].value`);
    return id;
  }
  if (typeof id === 'string' || id === undefined || id === null) {
    throw new ScimError(
      'invalidValue',
      `${where}[${index}] has no value: send the id of the person as value.`,
    );
  }
  throw wrongType(`${where}[${index}].value`, 'a string', id);
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
