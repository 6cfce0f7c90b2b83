import type { EventFacts } from '#directory/event.ts';
import type { Bridge, ScimContext } from './context.ts';
import { appendEvent } from './refusals.ts';

const NAMED_MAX = 20;

/**
 * One member that is not there must not void a whole push (fleetdm/fleet#52600): the others are
 * added, and this one is named in a header, in the log and in an event of its own.
 */
export async function noteUnknownMembers(
  bridge: Bridge,
  ctx: ScimContext,
  operation: EventFacts['operation'],
  groupId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const named = ids.slice(0, NAMED_MAX).map((id) => id.replace(/[^\w.~@-]/g, '?'));
  const more = ids.length > NAMED_MAX ? [`and ${ids.length - NAMED_MAX} more`] : [];
  const text = [...named, ...more].join(', ');
  const { requestId } = ctx.state;
  ctx.res.setHeader('Op-Scim-Unknown-Members', text);
  bridge.log.warn(
    {
      reqId: requestId,
      resourceType: 'Group',
      id: groupId,
      unknownMembers: named,
      count: ids.length,
    },
    'members were left out of a group because no user has their id',
  );
  const facts = { operation, resourceType: 'Group', id: groupId, unknownMembers: named } as const;
  await appendEvent(bridge, ctx, facts, 'No user has these ids: they were left out.');
}
