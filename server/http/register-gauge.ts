import { Gauge, type Registry } from 'prom-client';

/**
 * A gauge that is read when it is scraped. What is not known has no sample, so that a rule does not
 * take it for 0. `name` goes without the prefix of all our metrics.
 */
export function registerGauge(
  registry: Registry,
  name: string,
  help: string,
  value: () => number | undefined,
): void {
  const gauge = new Gauge({
    name: `op_scim_${name}`,
    help,
    registers: [],
    collect() {
      const number = value();
      this.remove();
      if (number !== undefined) this.set(number);
    },
  });
  registry.registerMetric(gauge);
}
