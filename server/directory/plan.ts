import type { Policy } from '#scim/document.ts';
import type { Filter } from '#scim/filter/ast.ts';
import { type CompiledFilter, compileFilter, type Expression } from '#scim/filter/compile.ts';
import { foldCase } from '#scim/fold.ts';
import type { ResourceType } from '#scim/schema/attribute.ts';
import type { ResolvedAttribute } from '#scim/schema/lookup.ts';
import type { Range } from '#store/store.ts';
import { ABSENT } from './indexes.ts';

/** How a filter is answered: the range of an index to read, and what is left to test on each resource. */
export interface Plan {
  readonly range: Range | { readonly by: 'id'; readonly id: string };
  /** Undefined: whatever is in the range matches. */
  readonly rest: CompiledFilter | undefined;
}

/**
 * Chooses the narrowest index that one part of a filter can use. `eq` on an indexed attribute, alone
 * or inside `and`, costs the same however many resources there are. `others` are the types that are searched
 * besides. Throws ScimError invalidFilter.
 */
export function planFilter(
  type: ResourceType,
  filter: Filter | undefined,
  policy: Policy,
  others: readonly ResourceType[] = [],
): Plan {
  if (filter === undefined) return { range: EVERYTHING, rest: undefined };
  const whole = compileFilter(type, filter, policy, others);
  const { expression } = whole;
  const parts = expression.op === 'and' ? expression.of : [expression];
  let best: (Narrowing & { readonly place: number }) | undefined;
  for (const [place, part] of parts.entries()) {
    const found = narrowing(type, part);
    if (found !== undefined && (best === undefined || found.rank < best.rank)) {
      best = { ...found, place };
    }
  }
  if (best === undefined) return { range: EVERYTHING, rest: whole };
  return { range: best.range, rest: restOf(type, filter, best.place, whole, policy, others) };
}

const EVERYTHING: Range = { by: 'sequence' };
/** No resource has an empty id. */
const NOTHING = { by: 'id', id: '' } as const;

interface Narrowing {
  readonly range: Plan['range'];
  /** The lower, the fewer resources are expected in the range. */
  readonly rank: number;
}

function narrowing(type: ResourceType, part: Expression): Narrowing | undefined {
  if (part.op === 'nothing') return { range: NOTHING, rank: 0 };
  if (part.op === 'some') return narrowingOfElement(type, part.target, part.of);
  if (part.op !== 'compare' || typeof part.value === 'boolean') return undefined;
  const { target, operator, value } = part;
  const name = nameOf(target);
  if (name === 'meta.lastModified' && typeof value === 'number') {
    return narrowingOfTime(operator, value);
  }
  if (typeof value !== 'string') return undefined;
  if (operator === 'eq') return narrowingOfEquality(type, name, value);
  if (operator === 'sw' && type.name === 'User' && name === 'userName') {
    return { range: { by: 'index', index: 'userName', startsWith: foldCase(value) }, rank: 5 };
  }
  return undefined;
}

function narrowingOfEquality(
  type: ResourceType,
  name: string,
  value: string,
): Narrowing | undefined {
  const folded = foldCase(value);
  switch (`${type.name} ${name}`) {
    case 'Group members.value':
      return { range: { by: 'member', memberId: value }, rank: 1 };
    case 'User id':
    case 'Group id':
      return { range: { by: 'id', id: value }, rank: 2 };
    case 'User userName':
      return { range: { by: 'index', index: 'userName', equals: folded }, rank: 3 };
    case 'User externalId':
    case 'Group externalId':
      return { range: { by: 'index', index: 'externalId', equals: value }, rank: 3 };
    case 'User emails.value':
      return { range: { by: 'index', index: 'emails', equals: folded }, rank: 3 };
    case 'User displayName':
    case 'Group displayName':
      // Under this value stand those who have none.
      if (folded === ABSENT) return undefined;
      return { range: { by: 'index', index: 'displayName', equals: folded }, rank: 4 };
    default:
      return undefined;
  }
}

/** `emails[value eq "x"]`, also with more conditions on the same element: these are tested then. */
function narrowingOfElement(
  type: ResourceType,
  target: ResolvedAttribute,
  inside: Expression,
): Narrowing | undefined {
  const parts = inside.op === 'and' ? inside.of : [inside];
  for (const part of parts) {
    const found = narrowing(type, part);
    if (found !== undefined && target.sub === undefined) return found;
  }
  return undefined;
}

function narrowingOfTime(operator: string, timeMs: number): Narrowing | undefined {
  const ranges: Readonly<Record<string, Range>> = {
    eq: { by: 'modified', fromMs: timeMs, toMs: timeMs },
    gt: { by: 'modified', fromMs: timeMs + 1 },
    ge: { by: 'modified', fromMs: timeMs },
    lt: { by: 'modified', toMs: timeMs - 1 },
    le: { by: 'modified', toMs: timeMs },
  };
  const range = ranges[operator];
  return range === undefined ? undefined : { range, rank: 6 };
}

/** What the chosen part leaves to be tested; a value path with more than one condition is tested too. */
function restOf(
  type: ResourceType,
  filter: Filter,
  place: number,
  whole: CompiledFilter,
  policy: Policy,
  others: readonly ResourceType[],
): CompiledFilter | undefined {
  const parts = filter.op === 'and' ? filter.of : [filter];
  const chosen = parts[place];
  const isDecided = chosen !== undefined && (chosen.op !== 'some' || chosen.of.op === 'compare');
  const open = isDecided ? parts.filter((part) => part !== chosen) : parts;
  const [first] = open;
  if (first === undefined) return undefined;
  if (open.length === parts.length) return whole;
  return compileFilter(type, open.length === 1 ? first : { op: 'and', of: open }, policy, others);
}

function nameOf({ extension, attribute, sub }: ResolvedAttribute): string {
  const name = sub === undefined ? attribute.name : `${attribute.name}.${sub.name}`;
  return extension === undefined ? name : `${extension}:${name}`;
}
