import { setTimeout as sleep } from 'node:timers/promises';
import { type DnsProvider, providerError } from './dns-provider.ts';

/** A provider that writes all records of a name at once, and only over what was read before. */
export interface RecordSets<Zone, Entry, Found extends FoundSet<Entry>> {
  readonly title: string;
  readonly spreadMs: number;
  /** After a conflict. */
  readonly pauseMs: number;
  zoneOf(name: string, signal: AbortSignal): Promise<Zone>;
  /** Undefined: there is none. */
  read(zone: Zone, name: string, signal: AbortSignal): Promise<Found | undefined>;
  /**
   * Nothing in `entries` removes the set. Resolves to undefined when that is done, else to what is in
   * its way: the set is not as `before` says any more.
   */
  write(
    zone: Zone,
    name: string,
    change: { readonly before: Found | undefined; readonly entries: readonly Entry[] },
    signal: AbortSignal,
  ): Promise<string | undefined>;
  entryOf(value: string): Entry;
  isOf(entry: Entry, value: string): boolean;
}

export interface FoundSet<Entry> {
  readonly entries: readonly Entry[];
}

const CONFLICT_TRIES = 5;

export function providerOfSets<Zone, Entry, Found extends FoundSet<Entry>>(
  sets: RecordSets<Zone, Entry, Found>,
): DnsProvider {
  const { title, spreadMs, pauseMs } = sets;
  const change = async (
    name: string,
    signal: AbortSignal,
    next: (entries: readonly Entry[]) => readonly Entry[],
  ): Promise<void> => {
    const zone = await sets.zoneOf(name, signal);
    let conflict: string | undefined;
    for (let tries = 1; tries <= CONFLICT_TRIES; tries += 1) {
      if (tries > 1) await sleep(pauseMs, undefined, { signal });
      const before = await sets.read(zone, name, signal);
      const entries = next(before?.entries ?? []);
      if (entries.length === (before?.entries.length ?? 0)) return;
      conflict = await sets.write(zone, name, { before, entries }, signal);
      if (conflict === undefined) return;
    }
    throw providerError(
      `${title}: the records at ${name} are in conflict with something else there: ${conflict} Look for a CNAME record, and for what else writes there.`,
    );
  };
  return {
    title,
    spreadMs,
    put: (name, value, signal) =>
      change(name, signal, (entries) =>
        entries.some((each) => sets.isOf(each, value))
          ? entries
          : [...entries, sets.entryOf(value)],
      ),
    remove: (name, value, signal) =>
      change(name, signal, (entries) => entries.filter((each) => !sets.isOf(each, value))),
  };
}
