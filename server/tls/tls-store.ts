import { hash, randomUUID } from 'node:crypto';
import type { Lease, RecordWrite, Store, StoreBackend } from '#store/store.ts';

/**
 * What replicas share about the certificate of one domain from one directory. Other domains and
 * directories have records of their own, so a way back costs no order. A locked bridge reads it.
 *
 * Every method rejects with StoreUnavailable when the store can't be reached or takes no write.
 */
export interface TlsStore extends TlsView {
  /**
   * Writes all or nothing. False: a record has another version by now, or another replica holds the
   * lease. Tells the other replicas.
   */
  write(changes: readonly TlsChange[], options?: WriteOptions): Promise<boolean>;
  /** The right to order. Called again, it is renewed; with another `fence` it was another's between. */
  takeLease(holder: string, ttlMs: number): Promise<Lease | undefined>;
  releaseLease(lease: Lease): Promise<void>;
  /** Calls back when another replica may have changed something. Returns what ends that. */
  onChange(listener: () => void): () => void;
  /** Removes what old writes left behind. */
  sweep(): Promise<void>;
}

/** The reading half. */
export interface TlsView {
  /** Everything there is, as of one moment. `sealId` names the ACME account's record. */
  read(sealId: string): Promise<TlsRecords>;
  /** Binds what is sealed to its record. */
  contextOf(name: TlsRecordName, sealId: string): string;
}

/** Whose records: other domains and directories have their own. */
export interface TlsPlace {
  readonly domain: string;
  readonly directoryUrl: string;
}

export type TlsRecordName = (typeof NAMES)[number];

export interface TlsRecord {
  readonly body: string;
  readonly version: number;
}

export type TlsRecords = Readonly<Partial<Record<TlsRecordName, TlsRecord>>>;

export interface TlsChange {
  readonly name: TlsRecordName;
  /** As it was read; undefined: it must not be there. */
  readonly before: TlsRecord | undefined;
  /** Undefined deletes. */
  readonly body: string | undefined;
}

export interface WriteOptions {
  readonly sealId?: string;
  readonly fence?: Lease;
  /** JSON for the bridge's own history. */
  readonly event?: string;
}

const NAMES = ['certificate', 'challenge', 'failure', 'renewal', 'account'] as const;
/** Where the bridge keeps what is of no account: ids of accounts never begin with a dot. */
export const BRIDGE = '.bridge';
const TOPIC = 'tls';
const SWEEPS_MAX = 100;

export function openTlsStore(backend: StoreBackend, place: TlsPlace): TlsStore {
  const store: Store = backend.account(BRIDGE);
  const idOf = recordIds(place);
  const leaseName = `order:${place.domain}:${directoryIdOf(place)}`;
  return {
    ...openTlsView(store, place),
    async write(changes, { sealId = '', fence, event } = {}) {
      const writes = changes
        .filter(({ before, body }) => before !== undefined || body !== undefined)
        .map(
          ({ name, before, body }): RecordWrite => ({
            collection: 'tls',
            id: idOf(name, sealId),
            expectedVersion: before?.version,
            body,
            added: [],
            removed: [],
          }),
        );
      const { outcome } = await store.commit({
        operationId: randomUUID(),
        writes,
        ...(fence === undefined ? {} : { fence }),
        ...(event === undefined ? {} : { events: [event] }),
      });
      if (outcome === 'done') backend.announce(TOPIC);
      return outcome === 'done';
    },
    takeLease: (holder, ttlMs) => store.takeLease(leaseName, holder, ttlMs),
    releaseLease: (lease) => store.releaseLease(lease),
    onChange: (listener) => backend.listen(TOPIC, listener),
    async sweep() {
      for (let swept = 0; swept < SWEEPS_MAX; swept += 1) {
        if (!(await store.sweep())) return;
      }
    },
  };
}

/** `store` is that of BRIDGE. */
export function openTlsView(store: Pick<Store, 'get'>, place: TlsPlace): TlsView {
  const idOf = recordIds(place);
  return {
    async read(sealId) {
      const ids = NAMES.map((name) => idOf(name, sealId));
      const found = await store.get('tls', ids);
      const records: Partial<Record<TlsRecordName, TlsRecord>> = {};
      for (const [n, name] of NAMES.entries()) {
        const record = found[n];
        if (record !== undefined) records[name] = { body: record.body, version: record.version };
      }
      return records;
    },
    contextOf: (name, sealId) => `${BRIDGE}/tls/${idOf(name, sealId)}`,
  };
}

/** An account is for all domains. Each seal has its own: none can use another's key. */
function recordIds(place: TlsPlace): (name: TlsRecordName, sealId: string) => string {
  const directoryId = directoryIdOf(place);
  return (name, sealId) =>
    name === 'account'
      ? `account:${directoryId}:${sealId}`
      : `${name}:${place.domain}:${directoryId}`;
}

function directoryIdOf({ directoryUrl }: TlsPlace): string {
  return hash('sha256', directoryUrl, 'hex').slice(0, 8);
}
