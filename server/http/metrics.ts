import { setTimeout as sleep } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Keyring } from '#session/keyring.ts';
import type { StoreBackend, StoreHealth } from '#store/store.ts';
import type { CertificateStatus } from '#tls/status.ts';
import { registerCertificate } from './certificate-metrics.ts';
import { registerGauge } from './register-gauge.ts';
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
  registerGauge(
    registry,
    'locked',
    '1 while the bridge waits for the bearer token that unlocks it.',
    () => (keyring.unlocked === undefined ? 1 : 0),
  );
  let store: StoreHealth | undefined;
  registerStore(registry, () => store);
  if (tls !== undefined) registerCertificate(registry, () => tls.status(), Date.now);
  const requests = new RequestMetric();
  return {
    requests,
    contentType: registry.contentType,
    async text() {
      store = await healthOf(backend);
      return `${await registry.metrics()}\n${requests.draw()}`;
    },
  };
}

function registerStore(registry: Registry, health: () => StoreHealth | undefined): void {
  registerGauge(registry, 'store_up', '1 when the store answers.', () =>
    health() === undefined ? 0 : 1,
  );
  registerGauge(
    registry,
    'store_durable',
    '1 when a crash of the store loses nothing that was answered.',
    () => {
      const known = health();
      return known === undefined ? undefined : Number(known.durability === 'durable');
    },
  );
  registerGauge(
    registry,
    'store_memory_ratio',
    'Part of its memory limit that the store uses, where it has one.',
    () => health()?.memoryUse,
  );
}

/** Undefined when the store does not answer in time. */
async function healthOf(backend: StoreBackend): Promise<StoreHealth | undefined> {
  const answer = backend.health().catch(() => undefined);
  return Promise.race([answer, sleep(STORE_PATIENCE_MS, undefined, { ref: false })]);
}
