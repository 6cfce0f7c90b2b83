import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProvisioningEvent } from '#directory/event.ts';
import { parseBody, textOf } from '#directory/indexes.ts';
import type { Store, StoredRecord } from '#store/store.ts';
import { directoryOn, eventsOf, membersOf, problemsOf } from './directory.ts';
import { type Answer, assertScimError, bodyOf, call, idOf, type Target } from './http-client.ts';

/** What was answered of one person, and the write that was not answered yet. */
interface Person {
  readonly userName: string;
  id?: string;
  title?: string;
  isMember: boolean;
  isDeleted: boolean;
  /** Writes of this person, not of its membership, that were answered as done. */
  writes: number;
  pending?: 'create' | 'patch' | 'join' | 'delete';
  pendingTitle?: string;
}

const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** A client with one connection: creates, changes, adds to a group, deletes, one after the other. */
export class Client {
  readonly people: Person[] = [];
  readonly #name: string;
  readonly #groupId: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  /** Answers that put a write off. */
  putOff = 0;
  done = 0;

  constructor(name: string, groupId: string) {
    this.#name = name;
    this.#groupId = groupId;
  }

  /**
   * Writes until `isOver`, or until the connection breaks. What is put off (503) is sent again, as
   * identity providers do.
   */
  async run(target: Target, isOver: () => boolean, onDone: () => void): Promise<void> {
    for (let n = 0; !isOver(); n += 1) {
      try {
        await this.#write(target, n);
      } catch (thrown) {
        if (thrown instanceof assert.AssertionError) throw thrown;
        return;
      }
      this.done += 1;
      onDone();
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #write(target: Target, n: number): Promise<void> {
    const known = this.people.filter(({ id, isDeleted }) => id !== undefined && !isDeleted);
    const last = known.at(-1);
    const kind = n % 10;
    if (last === undefined || kind < 4) return this.#create(target, n);
    if (kind < 7) return this.#patch(target, last, `t${n}`);
    if (kind < 9) return this.#join(target, known[known.length - 1 - (kind % 2)] ?? last);
    return this.#delete(target, known[0] ?? last);
  }

  async #create(target: Target, n: number): Promise<void> {
    const userName = `${this.#name}-${n}`;
    const person: Person = {
      userName,
      isMember: false,
      isDeleted: false,
      writes: 0,
      pending: 'create',
    };
    this.people.push(person);
    const answer = await this.#send(target, 'POST', '/Users', { userName });
    // It was put off, but had been done.
    person.id = answer.status === 409 ? await this.#find(target, userName) : idOf(answer);
    assert.ok(answer.status === 201 || this.putOff > 0, answer.text);
    person.writes += 1;
    delete person.pending;
  }

  async #patch(target: Target, person: Person, title: string): Promise<void> {
    Object.assign(person, { pending: 'patch', pendingTitle: title });
    const operation = { op: 'replace', path: 'title', value: title };
    const answer = await this.#send(target, 'PATCH', `/Users/${person.id}`, patchOf(operation));
    assert.equal(answer.status, 200, answer.text);
    person.title = title;
    person.writes += 1;
    delete person.pending;
  }

  async #join(target: Target, person: Person): Promise<void> {
    person.pending = 'join';
    const operation = { op: 'add', path: 'members', value: [{ value: person.id }] };
    const answer = await this.#send(
      target,
      'PATCH',
      `/Groups/${this.#groupId}`,
      patchOf(operation),
    );
    assert.equal(answer.status, 204, answer.text);
    person.isMember = true;
    delete person.pending;
  }

  async #delete(target: Target, person: Person): Promise<void> {
    person.pending = 'delete';
    const answer = await this.#send(target, 'DELETE', `/Users/${person.id}`);
    assert.ok(answer.status === 204 || (answer.status === 404 && this.putOff > 0), answer.text);
    person.isDeleted = true;
    person.writes += 1;
    delete person.pending;
  }

  async #find(target: Target, userName: string): Promise<string> {
    const filter = encodeURIComponent(`userName eq "${userName}"`);
    const answer = await this.#send(target, 'GET', `/Users?filter=${filter}`);
    const { Resources } = bodyOf(answer);
    assert.ok(Array.isArray(Resources), answer.text);
    return String(Resources[0]?.id);
  }

  async #send(target: Target, method: string, path: string, body?: object): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const untilMs = Date.now() + 20_000;
    while (Date.now() < untilMs) {
      const answer = await call(target, method, path, { body: text, agent: this.#agent });
      if (answer.status !== 503) return answer;
      assertScimError(answer, 503);
      assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/);
      this.putOff += 1;
      await sleep(50);
    }
    assert.fail(`${method} ${path} was put off for too long.`);
  }
}

/**
 * Fails unless the store holds each write that was answered, of the others all or nothing, and
 * nothing that is half there.
 */
export async function assertKept(
  store: Store,
  groupId: string,
  clients: readonly Client[],
): Promise<void> {
  assert.deepEqual(await problemsOf({ store }), []);
  const directory = directoryOn(store);
  const events = await eventsOf(directory);
  const members = new Set(await membersOf(directory, groupId));
  const records = await recordsByName(store);
  for (const { people } of clients) {
    for (const person of people) {
      const record = records.get(person.userName);
      checkPresence(person, record);
      if (record !== undefined) {
        checkRecord(person, record, events);
        checkMembership(person, record, members, groupId);
      }
      checkEvents(person, events);
      records.delete(person.userName);
    }
  }
  assert.deepEqual([...records.keys()], [], 'people whom nobody asked for');
}

function checkPresence(person: Person, record: StoredRecord | undefined): void {
  const { userName, id, pending, isDeleted } = person;
  if (pending === 'create' || pending === 'delete') return;
  assert.equal(record !== undefined, !isDeleted, `${userName} is ${record ? '' : 'not '}there`);
  if (record !== undefined) assert.equal(record.id, id);
}

function checkRecord(
  person: Person,
  record: StoredRecord,
  events: readonly ProvisioningEvent[],
): void {
  const { userName, title, pending, pendingTitle } = person;
  const stored = textOf(parseBody(record.body), 'title');
  const isPending = pending === 'patch' && stored === pendingTitle;
  assert.ok(stored === title || isPending, `${userName} has ${stored}, was answered ${title}`);
  // Each change of the record and its event were written together, or neither was.
  const written = events.filter(({ id, result }) => id === record.id && result === 'done');
  assert.equal(record.version, written.length, `${userName} has another number of events`);
}

function checkMembership(
  { userName, isMember, pending }: Person,
  { id, groups = [] }: StoredRecord,
  members: ReadonlySet<string>,
  groupId: string,
): void {
  const isIn = members.has(id);
  const isShown = groups.some((group) => group.id === groupId);
  assert.equal(isIn, isShown, `${userName}: the two directions differ`);
  if (pending !== 'join') assert.equal(isIn, isMember, `${userName}: membership`);
}

function checkEvents({ id, userName, writes }: Person, events: readonly ProvisioningEvent[]): void {
  if (id === undefined) return;
  const own = events.filter((event) => event.id === id && event.result === 'done');
  assert.equal(own[0]?.operation, 'create', `${userName}: the event of the creation`);
  assert.ok(own.length >= writes, `${userName}: ${own.length} events of ${writes} writes`);
}

async function recordsByName(store: Store): Promise<Map<string, StoredRecord>> {
  const records = new Map<string, StoredRecord>();
  let after: string | undefined;
  do {
    const page = await store.query({
      collection: 'users',
      range: { by: 'sequence' },
      limit: 500,
      include: { groups: true },
      ...(after === undefined ? {} : { after }),
    });
    for (const record of page.records) {
      records.set(textOf(parseBody(record.body), 'userName') ?? '', record);
    }
    after = page.next;
  } while (after !== undefined);
  return records;
}

function patchOf(operation: object): object {
  return { schemas: [PATCH_OP], Operations: [operation] };
}
