import {
  COLLECTIONS,
  type Collection,
  type RestoreLine,
  type Store,
  type StoredRecord,
} from '#store/store.ts';
import { entriesOf, parseBody, textOf } from './indexes.ts';

/** Records read or written at a time. */
const BATCH = 500;
const FORMAT = 'op-scim-export';
const VERSION = 1;

/** A line of an export that can't be taken in; the message names the line and what to do. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
}

/**
 * All that the account holds as lines of JSON: a header, the records of each collection in create
 * order, then the members of each group. Ids, versions, sequences and times are kept.
 */
export async function* exportLines(store: Store, exportedAt: string): AsyncGenerator<string> {
  yield JSON.stringify({ format: FORMAT, version: VERSION, exportedAt });
  for (const collection of COLLECTIONS) {
    for await (const record of recordsOf(store, collection)) {
      const { id, sequence, version, createdMs, modifiedMs, body } = record;
      yield JSON.stringify({
        collection,
        id,
        sequence,
        version,
        createdMs,
        modifiedMs,
        body: parseBody(body),
      });
    }
  }
  for await (const { id } of recordsOf(store, 'groups')) {
    let slice = await store.members(id);
    while (slice !== undefined) {
      if (slice.ids.length > 0) yield JSON.stringify({ groupId: id, memberIds: slice.ids });
      slice = slice.next === undefined ? undefined : await store.members(id, slice.next);
    }
  }
}

/** Takes an export into an empty account. Resolves to the number of lines. Throws TransferError. */
export async function importLines(store: Store, lines: AsyncIterable<string>): Promise<number> {
  const counts = await store.counts();
  if (Object.values(counts).some((count) => count > 0)) {
    throw new TransferError(
      'The account is not empty. Import only into an empty store: nothing is merged or overwritten.',
    );
  }
  let batch: RestoreLine[] = [];
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    if (number === 1) {
      checkHeader(line);
      continue;
    }
    batch.push(restoreLine(line, number));
    if (batch.length < BATCH) continue;
    await store.restore(batch);
    batch = [];
  }
  if (batch.length > 0) await store.restore(batch);
  if (number === 0) throw new TransferError('The export is empty.');
  return number;
}

async function* recordsOf(store: Store, collection: Collection): AsyncGenerator<StoredRecord> {
  let after: string | undefined;
  do {
    const page = await store.query({
      collection,
      range: { by: 'sequence' },
      limit: BATCH,
      ...(after === undefined ? {} : { after }),
    });
    yield* page.records;
    after = page.next;
  } while (after !== undefined);
}

function checkHeader(line: string): void {
  const header = objectOf(line, 1);
  if (header['format'] === FORMAT && header['version'] === VERSION) return;
  throw new TransferError(
    `Line 1 is not the header of an export of version ${VERSION}. Use a file that "op-scim export" wrote.`,
  );
}

function restoreLine(line: string, number: number): RestoreLine {
  const fields = objectOf(line, number);
  const { groupId, memberIds } = fields;
  if (typeof groupId === 'string' && isListOfText(memberIds)) {
    return { kind: 'members', groupId, memberIds };
  }
  const { collection, id, sequence, version, createdMs, modifiedMs, body } = fields;
  const known = COLLECTIONS.find((name) => name === collection);
  if (
    known === undefined ||
    typeof id !== 'string' ||
    typeof sequence !== 'number' ||
    typeof version !== 'number' ||
    typeof createdMs !== 'number' ||
    typeof modifiedMs !== 'number' ||
    typeof body !== 'object' ||
    body === null
  ) {
    throw damaged(number);
  }
  const text = JSON.stringify(body);
  const document = parseBody(text);
  return {
    kind: 'record',
    collection: known,
    record: { id, sequence, version, createdMs, modifiedMs, body: text },
    indexes: entriesOf(known, document),
    ...(known === 'groups' ? { label: textOf(document, 'displayName') ?? '' } : {}),
  };
}

function objectOf(line: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch (cause) {
    throw damaged(number, cause);
  }
  throw damaged(number);
}

function isListOfText(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function damaged(number: number, cause?: unknown): TransferError {
  return new TransferError(
    `Line ${number} is not a line of an export. The file was cut or changed: make a new export.`,
    { cause },
  );
}
