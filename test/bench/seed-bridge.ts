import { join } from 'node:path';
import { indexEntriesOf } from '#directory/indexes.ts';
import { openRedisBackend } from '#store/redis/backend.ts';
import { openSqliteBackend } from '#store/sqlite/backend.ts';
import type { RestoreLine, StoreBackend } from '#store/store.ts';
import type { BridgeStore } from '../support/bridge-process.ts';
import {
  groupCount,
  groupId,
  groupNameOf,
  membersOf,
  personId,
  storedGroup,
  storedPerson,
} from './people.ts';

/** Lines of one call of `Store.restore`, and member ids of one line. */
const SLICE = 1_000;

/** Fills the bridge's store as an import would, while no bridge runs on it. */
export async function seedBridge(
  store: BridgeStore,
  accountId: string,
  people: number,
): Promise<void> {
  await restore(store, accountId, directoryLines(people));
}

/** A group of the first `size` people. Its index is beyond those that `people.ts` gives out. */
export interface ExtraGroup {
  readonly index: number;
  readonly name: string;
  readonly size: number;
}

export async function seedGroups(
  store: BridgeStore,
  accountId: string,
  groups: readonly ExtraGroup[],
): Promise<void> {
  await restore(
    store,
    accountId,
    groups.flatMap((group) => [...extraGroupLines(group)]),
  );
}

async function restore(
  store: BridgeStore,
  accountId: string,
  lines: Iterable<RestoreLine>,
): Promise<void> {
  const backend = await open(store);
  try {
    const account = backend.account(accountId);
    let slice: RestoreLine[] = [];
    let memberIds = 0;
    for (const line of lines) {
      slice.push(line);
      if (line.kind === 'members') memberIds += line.memberIds.length;
      if (slice.length < SLICE && memberIds < SLICE) continue;
      await account.restore(slice);
      slice = [];
      memberIds = 0;
    }
    if (slice.length > 0) await account.restore(slice);
  } finally {
    await backend.close();
  }
}

function open(store: BridgeStore): Promise<StoreBackend> {
  return store.kind === 'redis'
    ? openRedisBackend({ url: store.url })
    : openSqliteBackend({ file: join(store.dataDir, 'directory.sqlite') });
}

function* directoryLines(people: number): Generator<RestoreLine> {
  for (let index = 0; index < people; index += 1) {
    const body = storedPerson(index);
    const record = recordOf(personId(index), index + 1, body);
    yield { kind: 'record', collection: 'users', record, indexes: indexEntriesOf('users', body) };
  }
  for (let group = 0; group < groupCount(people); group += 1) {
    yield groupLine(group, people + group + 1, groupNameOf(group));
  }
  for (let group = 0; group < groupCount(people); group += 1) {
    const memberIds = membersOf(group).map(personId);
    yield { kind: 'members', groupId: groupId(group), memberIds };
  }
}

function* extraGroupLines(group: ExtraGroup): Generator<RestoreLine> {
  yield groupLine(group.index, group.index, group.name);
  for (let first = 0; first < group.size; first += SLICE) {
    const length = Math.min(SLICE, group.size - first);
    const memberIds = Array.from({ length }, (_, place) => personId(first + place));
    yield { kind: 'members', groupId: groupId(group.index), memberIds };
  }
}

function groupLine(index: number, sequence: number, name: string): RestoreLine {
  const body = storedGroup(index, name);
  const record = recordOf(groupId(index), sequence, body);
  const indexes = indexEntriesOf('groups', body);
  return { kind: 'record', collection: 'groups', record, indexes, label: name };
}

function recordOf(id: string, sequence: number, body: string) {
  const createdMs = Date.UTC(2026, 0, 1) + sequence;
  return { id, sequence, version: 1, createdMs, modifiedMs: createdMs, body };
}
