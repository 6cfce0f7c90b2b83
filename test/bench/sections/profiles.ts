import type { ProfileAnswer } from '../bridge-probe.ts';
import type { Child } from '../child.ts';
import type { Scenario } from '../operations.ts';
import { topSelfTimes } from '../profile.ts';
import { type Bridge, measureRun } from '../servers.ts';
import { askBridge } from './ask-bridge.ts';

/** Loads the probe into a bridge. */
export const PROBE_ARGUMENT = `--import=${new URL('../bridge-probe.ts', import.meta.url).href}`;

/** For each operation, the functions of the bridge that use most CPU themselves. */
export async function printProfiles(
  load: Child,
  bridge: Bridge,
  scenarios: readonly Scenario[],
  people: number,
): Promise<string> {
  const parts: string[] = [];
  for (const scenario of scenarios) {
    // Beyond the runs that were measured before; the first of the two warms up.
    for (const run of [101, 102]) {
      for (const step of scenario) {
        const requests = step.requests(run, people, step.count);
        await askBridge(bridge, { kind: 'startProfile' });
        await measureRun(load, bridge, requests);
        const { profile } = await askBridge<ProfileAnswer>(bridge, { kind: 'stopProfile' });
        if (run === 101) continue;
        parts.push(
          `${step.name}: self time\n${topSelfTimes(profile, requests.length).join('\n')}\n`,
        );
      }
    }
  }
  return parts.join('\n');
}
