import type { Policy } from '../document.ts';
import { ScimError } from '../errors.ts';
import type { ElementFilter, Expression } from '../filter/compile.ts';
import { parseMembers } from '../parse-members.ts';
import type { PatchPath } from '../path.ts';
import { entraListedRemoval } from '../quirks/entra-patch.ts';
import type { MemberEdit } from './operation.ts';

/**
 * What an operation on `members` does to the list; undefined: nothing. Members can be added and
 * removed; all else that a path can name in them is immutable. Throws mutability and invalidValue.
 */
export function memberEdit(
  op: 'add' | 'replace' | 'remove',
  path: PatchPath,
  value: unknown,
  policy: Policy,
): MemberEdit | undefined {
  if (path.target.sub !== undefined || (path.filter !== undefined && op !== 'remove')) {
    throw new ScimError(
      'mutability',
      'A member can not be changed: remove it with path members[value eq "id"] and add another.',
    );
  }
  if (path.filter !== undefined) return removalBy(path.filter);
  const listed = op === 'remove' ? entraListedRemoval(value) : value;
  if (listed === undefined) return { kind: 'clear' };
  const ids = parseMembers(listed, policy, 'members');
  return ids.length === 0 && op !== 'replace' ? undefined : { kind: op, ids };
}

function removalBy(filter: ElementFilter): MemberEdit {
  const ids = namedIds(filter.expression);
  if (ids !== undefined) return { kind: 'remove', ids };
  return {
    kind: 'removeWhere',
    matches: (memberId) => filter.matches({ value: memberId, type: 'User' }),
  };
}

/** The ids in `value eq "a" or value eq "b"`; undefined when the filter asks for anything else. */
function namedIds(filter: Expression): readonly string[] | undefined {
  const ids: string[] = [];
  for (const part of filter.op === 'or' ? filter.of : [filter]) {
    if (part.op !== 'compare' || part.operator !== 'eq') return undefined;
    if (part.target.sub?.name !== 'value' || typeof part.value !== 'string') return undefined;
    ids.push(part.value);
  }
  return ids;
}
