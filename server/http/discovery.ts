import { CURSOR_LIFE_SECONDS } from '#directory/cursor.ts';
import { createDiscovery, type Discovery } from '#scim/discovery.ts';
import { ScimError } from '#scim/errors.ts';
import { send } from './answer.ts';
import type { Bridge, Endpoint, ScimContext } from './context.ts';
import { PAGE_DEFAULT, PAGE_MAX } from './limits.ts';

/** What the bridge can do, in its lenient and in its strict form (RFC 7644 §4). */
export interface DiscoveryTexts {
  of(ctx: ScimContext): Discovery;
}

export function createDiscoveryTexts({ limits }: Bridge): DiscoveryTexts {
  const common = {
    defaultPageSize: PAGE_DEFAULT,
    maxPageSize: PAGE_MAX,
    cursorTimeoutSeconds: CURSOR_LIFE_SECONDS,
    bulkMaxOperations: limits.bulkOperations,
    bulkMaxPayloadBytes: limits.bulkBodyBytes,
  };
  const lenient = createDiscovery({ ...common, strict: false });
  const strict = createDiscovery({ ...common, strict: true });
  return { of: (ctx) => (ctx.state.caller.strict ? strict : lenient) };
}

/** One endpoint of discovery. A filter is forbidden there: the answer is always the whole. */
export function discover(
  texts: DiscoveryTexts,
  read: (discovery: Discovery, baseUrl: string, id: string) => string,
): Endpoint {
  return function discover(ctx, id) {
    if (ctx.querystring.includes('filter=')) {
      throw new ScimError(
        'forbidden',
        'Discovery endpoints take no filter (RFC 7644 §4). Ask without it.',
      );
    }
    send(ctx, 200, read(texts.of(ctx), ctx.state.baseUrl, id));
  };
}
