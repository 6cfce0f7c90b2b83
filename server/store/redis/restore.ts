import { MAX_PAIR_CHANGES, type RestoreLine } from '../store.ts';
import { cleanLabel, packEntries } from './commit.ts';
import type { Script } from './scripts/shared.ts';
import { RESTORE_MEMBERS, RESTORE_RECORDS } from './scripts/upkeep.ts';

/** Records in one script: bodies of a few KiB, so a few milliseconds of Redis. */
const RECORD_SLICE = 200;

/**
 * Writes lines in their order, in slices that do not hold Redis up. Each slice may be repeated: a
 * restore that broke off is begun again from the start.
 */
export async function restoreLines(
  lines: readonly RestoreLine[],
  run: (script: Script, args: readonly string[]) => Promise<unknown>,
): Promise<void> {
  let records: string[] = [];
  let recordCount = 0;
  const flush = async () => {
    if (recordCount > 0) await run(RESTORE_RECORDS, records);
    records = [];
    recordCount = 0;
  };
  for (const line of lines) {
    if (line.kind === 'record') {
      records.push(...recordArguments(line));
      recordCount += 1;
      if (recordCount === RECORD_SLICE) await flush();
      continue;
    }
    await flush();
    for (let from = 0; from < line.memberIds.length; from += MAX_PAIR_CHANGES) {
      const slice = line.memberIds.slice(from, from + MAX_PAIR_CHANGES);
      const missing = await run(RESTORE_MEMBERS, [line.groupId, ...slice]);
      if (missing === '') continue;
      throw new Error(
        `The members of group ${line.groupId} can not be restored: ${missing} is not there. Restore people and groups before members.`,
      );
    }
  }
  await flush();
}

function recordArguments(line: RestoreLine & { kind: 'record' }): string[] {
  const { id, version, sequence, createdMs, modifiedMs, body } = line.record;
  const numbers = [version, sequence, createdMs, modifiedMs].map(String);
  return [
    line.collection,
    id,
    ...numbers,
    body,
    cleanLabel(line.label ?? ''),
    packEntries(line.indexes),
  ];
}
