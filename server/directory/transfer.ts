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

export interface Imported {
  readonly users: number;
  readonly groups: number;
  readonly memberships: number;
  /** Memberships of people or groups that came while the export was written, after their turn. */
  readonly leftOut: number;
  /** The account that the export was made of; undefined: it does not say so. */
  readonly exportedOf: string | undefined;
}

/**
 * All that the account holds as lines of JSON: a header, the records of each collection in create
 * order, then the members of each group, and an end that counts them, by which a file that was cut
 * is known. Ids, versions, sequences and times are kept.
 */
export async function* exportLines(
  store: Store,
  accountId: string,
  exportedAt: string,
): AsyncGenerator<string> {
  let lines = 0;
  for await (const line of contentLines(store, { exportedAt, accountId })) {
    lines += 1;
    yield line;
  }
  yield JSON.stringify({ end: lines });
}

async function* contentLines(
  store: Store,
  about: Readonly<Record<string, string>>,
): AsyncGenerator<string> {
  yield JSON.stringify({ format: FORMAT, version: VERSION, ...about });
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

/** Takes an export into an empty account. Throws TransferError. */
export async function importLines(store: Store, lines: AsyncIterable<string>): Promise<Imported> {
  const counts = await store.counts();
  if (Object.values(counts).some((count) => count > 0)) {
    throw new TransferError(
      'The account is not empty. Import only into an empty store: nothing is merged or overwritten.',
    );
  }
  const intake = new Intake(store);
  try {
    for await (const line of lines) await intake.take(line);
    return await intake.finish();
  } catch (thrown) {
    if (!(thrown instanceof TransferError) || !intake.hasWritten) throw thrown;
    throw new TransferError(
      `${thrown.message} The account holds a part of the file now: empty the store before you try again.`,
      { cause: thrown },
    );
  }
}

class Intake {
  readonly #store: Store;
  /** Ids that members may name. */
  readonly #known = { users: new Set<string>(), groups: new Set<string>() };
  #batch: RestoreLine[] = [];
  #lines = 0;
  #memberships = 0;
  #leftOut = 0;
  #exportedOf: string | undefined;
  #hasEnded = false;
  hasWritten = false;

  constructor(store: Store) {
    this.#store = store;
  }

  async take(line: string): Promise<void> {
    this.#lines += 1;
    if (this.#lines === 1) {
      this.#exportedOf = checkedHeader(line);
      return;
    }
    if (this.#hasEnded) throw damaged(this.#lines);
    const fields = objectOf(line, this.#lines);
    if (fields['end'] !== undefined) {
      if (fields['end'] !== this.#lines - 1) throw damaged(this.#lines);
      this.#hasEnded = true;
      return;
    }
    this.#batch.push(this.#checked(restoreLine(fields, this.#lines)));
    if (this.#batch.length === BATCH) await this.#flush();
  }

  async finish(): Promise<Imported> {
    if (!this.#hasEnded) throw cutShort(this.#lines);
    await this.#flush();
    return {
      users: this.#known.users.size,
      groups: this.#known.groups.size,
      memberships: this.#memberships,
      leftOut: this.#leftOut,
      exportedOf: this.#exportedOf,
    };
  }

  #checked(line: RestoreLine): RestoreLine {
    if (line.kind === 'members') {
      const isKnown = this.#known.groups.has(line.groupId);
      const memberIds = line.memberIds.filter((id) => isKnown && this.#known.users.has(id));
      this.#memberships += memberIds.length;
      this.#leftOut += line.memberIds.length - memberIds.length;
      return { ...line, memberIds };
    }
    const { collection, record } = line;
    if (collection === 'users' || collection === 'groups') {
      if (this.#known[collection].has(record.id)) throw damaged(this.#lines);
      this.#known[collection].add(record.id);
    }
    return line;
  }

  async #flush(): Promise<void> {
    const lines = this.#batch.filter((line) => line.kind === 'record' || line.memberIds.length > 0);
    this.#batch = [];
    this.hasWritten ||= lines.length > 0;
    await this.#store.restore(lines);
  }
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

/** The account that it names, which earlier exports do not. */
function checkedHeader(line: string): string | undefined {
  const header = objectOf(line, 1);
  if (header['format'] === FORMAT && header['version'] === VERSION) {
    return typeof header['accountId'] === 'string' ? header['accountId'] : undefined;
  }
  throw new TransferError(
    `Line 1 is not the header of an export of version ${VERSION}. Use a file that "op-scim export" wrote.`,
  );
}

function restoreLine(fields: Record<string, unknown>, number: number): RestoreLine {
  const { groupId, memberIds } = fields;
  if (typeof groupId === 'string' && isListOfText(memberIds)) {
    return { kind: 'members', groupId, memberIds };
  }
  const { collection, id, sequence, version, createdMs, modifiedMs, body } = fields;
  const known = COLLECTIONS.find((name) => name === collection);
  if (
    known === undefined ||
    typeof id !== 'string' ||
    !isCount(sequence) ||
    !isCount(version) ||
    !isCount(createdMs) ||
    !isCount(modifiedMs) ||
    typeof body !== 'object' ||
    body === null ||
    Array.isArray(body)
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

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isListOfText(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function cutShort(lines: number): TransferError {
  const what = lines === 0 ? 'is empty' : `was cut after line ${lines}`;
  return new TransferError(`The export ${what}. Make a new export, or use another backup.`);
}

function damaged(number: number, cause?: unknown): TransferError {
  return new TransferError(
    `Line ${number} is not a line of an export. The file was cut or changed: make a new export.`,
    { cause },
  );
}
