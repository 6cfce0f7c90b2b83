import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Keyring } from '#session/keyring.ts';
import type { StoreBackend } from '#store/store.ts';
import { RequestMetric } from './request-metric.ts';

export interface Metrics {
  readonly registry: Registry;
  readonly requests: RequestMetric;
}

/** Everything that /metrics shows. Names begin with op_scim_, those of Node with nodejs_ and process_. */
export function createMetrics(backend: StoreBackend, keyring: Keyring): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(
    new Gauge({
      name: 'op_scim_locked',
      help: '1 while the bridge waits for the bearer token that unlocks it.',
      registers: [],
      collect() {
        this.set(keyring.unlocked === undefined ? 1 : 0);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: 'op_scim_store_up',
      help: '1 when the store answers.',
      registers: [],
      async collect() {
        this.set(await isUp(backend));
      },
    }),
  );
  const requests = new RequestMetric();
  registry.registerMetric(requests);
  return { registry, requests };
}

async function isUp(backend: StoreBackend): Promise<0 | 1> {
  try {
    await backend.health();
    return 1;
  } catch {
    return 0;
  }
}
