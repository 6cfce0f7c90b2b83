import { setTimeout as sleep } from 'node:timers/promises';
import type { Keyring } from '#session/keyring.ts';
import { type StoreBackend, StoreUnavailable } from '#store/store.ts';
import type { Accounts } from './accounts.ts';
import type { Finding, HealthSource } from './health.ts';

const STORE_PATIENCE_MS = 3_000;
const MEMORY_WARNING = 0.8;

/** What the bridge reports of itself: the vendor's names where the part is the same. */
export function healthSources(
  backend: StoreBackend,
  keyring: Keyring,
  accounts: Pick<Accounts, 'problem' | 'look'>,
  tls?: { finding(): Finding },
): readonly HealthSource[] {
  return [
    { source: 'SCIMServer', check: () => sessionFinding(keyring, accounts) },
    {
      source: backend.kind === 'redis' ? 'RedisCache' : 'SqliteStore',
      check: () => storeFinding(backend),
    },
    ...(tls === undefined ? [] : [{ source: 'CertificateManager', check: () => tls.finding() }]),
  ];
}

async function sessionFinding(
  keyring: Keyring,
  accounts: Pick<Accounts, 'problem' | 'look'>,
): Promise<Finding> {
  if (keyring.unlocked === undefined) {
    return {
      state: 'locked',
      reason:
        'The bridge waits for the first request with the SCIM bearer token, which unlocks it.',
    };
  }
  await Promise.race([accounts.look(), sleep(STORE_PATIENCE_MS, undefined, { ref: false })]);
  const { problem } = accounts;
  if (problem !== undefined) return { state: 'unhealthy', reason: problem };
  if (!keyring.isUnlockedByFile) return { state: 'healthy' };
  return {
    state: 'healthy',
    reason:
      'OP_BEARER_TOKEN_FILE unlocks the bridge: whoever reads its files has both halves of the session.',
  };
}

async function storeFinding(backend: StoreBackend): Promise<Finding> {
  try {
    const health = await Promise.race([backend.health(), late()]);
    const { warning, memoryUse } = health;
    if (memoryUse !== undefined && memoryUse > MEMORY_WARNING) {
      const percent = Math.round(memoryUse * 100);
      return {
        state: 'degraded',
        reason: `The store uses ${percent} % of its memory. Give it more. ${warning ?? ''}`.trim(),
      };
    }
    return warning === undefined ? { state: 'healthy' } : { state: 'degraded', reason: warning };
  } catch (thrown) {
    if (thrown instanceof StoreUnavailable) return { state: 'unhealthy', reason: thrown.reason };
    throw thrown;
  }
}

async function late(): Promise<never> {
  await sleep(STORE_PATIENCE_MS, undefined, { ref: false });
  throw new StoreUnavailable('The store does not answer.');
}
