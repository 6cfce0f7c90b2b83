import { setTimeout as sleep } from 'node:timers/promises';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Keyring } from '#session/keyring.ts';
import type { StoreBackend } from '#store/store.ts';
import type { CertificateStatus } from '#tls/status.ts';
import { registerCertificate } from './certificate-metrics.ts';
import { RequestMetric } from './request-metric.ts';

export interface Metrics {
  readonly requests: RequestMetric;
  readonly contentType: string;
  /** Everything that /metrics shows, in the text format of Prometheus. */
  text(): Promise<string>;
}

/** Scrapes give up after 10 s by default: what doesn't answer sooner counts as down. */
const STORE_PATIENCE_MS = 3_000;

/** Names begin with op_scim_, those of Node with nodejs_ and process_. */
export function createMetrics(
  backend: StoreBackend,
  keyring: Keyring,
  tls?: { status(): CertificateStatus },
): Metrics {
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
  if (tls !== undefined) registerCertificate(registry, () => tls.status(), Date.now);
  const requests = new RequestMetric();
  return {
    requests,
    contentType: registry.contentType,
    text: async () => `${await registry.metrics()}\n${requests.draw()}`,
  };
}

async function isUp(backend: StoreBackend): Promise<0 | 1> {
  const answers = backend.health().then(
    () => 1 as const,
    () => 0 as const,
  );
  return Promise.race([answers, sleep(STORE_PATIENCE_MS, 0 as const, { ref: false })]);
}
