import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';

/** Objects of the user's own, as they are. */
export function extraObjects(chart: ReleaseChart): void {
  chart.eachObject('extra', values.extraObjects);
}
