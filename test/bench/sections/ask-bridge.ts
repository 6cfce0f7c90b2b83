import { once } from 'node:events';
import type { ProbeOrder } from '../bridge-probe.ts';
import type { Bridge } from '../servers.ts';

/** Asks the probe inside a bridge that was started with it. */
export async function askBridge<Answer = object>(
  bridge: Bridge,
  order: ProbeOrder,
): Promise<Answer> {
  const { child } = bridge.bridge;
  const answered = once(child, 'message', { signal: AbortSignal.timeout(30_000) });
  child.send(order);
  const [answer] = await answered;
  return answer as Answer; // bridge-probe.ts answers each order with its own type.
}
