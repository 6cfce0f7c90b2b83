/** Recorded-style conversations: their form, reading them from disk, and refusing mistaken ones. */
import { readdirSync, readFileSync } from 'node:fs';

/** Folders of test/conformance: one for each identity provider, `rfc` for the RFCs, `interop` for strict mode. */
export const FOLDERS = [
  'rfc',
  'entra',
  'okta',
  'onelogin',
  'jumpcloud',
  'rippling',
  'google',
  'ping',
  'keycloak',
  'interop',
] as const;

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

export interface Conversation {
  /** Folder and file name without extension: `okta/create`. */
  readonly name: string;
  readonly title: string;
  /** The public page, issue or RFC section that says so. */
  readonly source: string;
  /** Ids of rows.ts. */
  readonly rows: readonly string[];
  readonly settings: Settings;
  /** Prepares: each answer only has to be 2xx. */
  readonly given: readonly Step[];
  readonly conversation: readonly ExpectingStep[];
}

export interface Settings {
  /** The bearer token is one of strict mode. */
  readonly strict: boolean;
  /** Settings of the bridge, `OP_*`. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Step {
  /** Why this step is there, where it is not plain. */
  readonly note: string | undefined;
  readonly request: RequestLine;
  /** Plays the step so many times; `${n}` counts from 1. */
  readonly repeat: number;
  /** Name → place in the answer: `id`, `Resources/0/id`, `header:etag`. */
  readonly remember: Readonly<Record<string, string>>;
}

export interface ExpectingStep extends Step {
  readonly expect: Expectation;
}

export interface RequestLine {
  readonly method: string;
  /** Sent as it is, so `PUT /Users/1?` and plus signs reach the server. */
  readonly path: string;
  /** null takes a header away that the runner would send. */
  readonly headers: Readonly<Record<string, string | null>>;
  /** JSON, or text that is sent as it is. */
  readonly body: { readonly json: Json } | { readonly text: string } | undefined;
}

export interface Expectation {
  readonly status: number;
  /** Matchers, see match.ts. */
  readonly headers: JsonObject;
  readonly body: Json | undefined;
  /** Places that must not be in the answer, written as in `remember`. */
  readonly absent: readonly string[];
}

/** All conversations on disk, sorted by name. Throws on the first mistaken file. */
export function loadConversations(): Conversation[] {
  const loaded: Conversation[] = [];
  for (const folder of FOLDERS) {
    const url = new URL(`./${folder}/`, import.meta.url);
    for (const file of readdirSync(url).sort()) {
      if (file.endsWith('.json')) {
        const name = `${folder}/${file.slice(0, -'.json'.length)}`;
        loaded.push(parseConversation(name, readFileSync(new URL(file, url), 'utf8')));
      }
    }
  }
  return loaded;
}

/** Refuses unknown members: a misspelt expectation would otherwise expect nothing. */
export function parseConversation(name: string, text: string): Conversation {
  const parsed: Json = JSON.parse(text);
  const root = objectAt(parsed, name);
  only(root, ['title', 'source', 'rows', 'settings', 'given', 'conversation'], name);
  const steps = listAt(root['conversation'], `${name} conversation`);
  if (steps.length === 0) {
    throw new Error(`${name}: the conversation is empty`);
  }
  return {
    name,
    title: textAt(root['title'], `${name} title`),
    source: textAt(root['source'], `${name} source`),
    rows: textsAt(root['rows'], `${name} rows`),
    settings: parseSettings(root['settings'] ?? {}, `${name} settings`),
    given: listAt(root['given'] ?? [], `${name} given`).map((step, index) =>
      parseStep(step, `${name} given ${index + 1}`, []),
    ),
    conversation: steps.map((step, index) => {
      const where = `${name} step ${index + 1}`;
      const { expect } = objectAt(step, where);
      return {
        ...parseStep(step, where, ['expect']),
        expect: parseExpectation(expect, `${where} expect`),
      };
    }),
  };
}

function parseSettings(value: Json, where: string): Settings {
  const settings = objectAt(value, where);
  only(settings, ['strict', 'env'], where);
  const strict = settings['strict'] ?? false;
  if (typeof strict !== 'boolean') {
    throw new Error(`${where}: strict is not a boolean`);
  }
  return { strict, env: textMapAt(settings['env'] ?? {}, `${where} env`) };
}

function parseStep(value: Json, where: string, more: readonly string[]): Step {
  const step = objectAt(value, where);
  only(step, ['note', 'request', 'repeat', 'remember', ...more], where);
  const { note, repeat = 1 } = step;
  if (typeof repeat !== 'number' || !Number.isInteger(repeat) || repeat < 1 || repeat > 2_000) {
    throw new Error(`${where}: repeat is not a count from 1 to 2000`);
  }
  return {
    note: note === undefined ? undefined : textAt(note, `${where} note`),
    request: parseRequest(step['request'], `${where} request`),
    repeat,
    remember: textMapAt(step['remember'] ?? {}, `${where} remember`),
  };
}

function parseRequest(value: Json | undefined, where: string): RequestLine {
  const request = objectAt(value, where);
  only(request, ['method', 'path', 'headers', 'body', 'rawBody'], where);
  const { body, rawBody } = request;
  const headers: Record<string, string | null> = {};
  for (const [name, header] of Object.entries(objectAt(request['headers'] ?? {}, where))) {
    if (typeof header !== 'string' && header !== null) {
      throw new Error(`${where}: header ${name} is neither text nor null`);
    }
    headers[name.toLowerCase()] = header;
  }
  return {
    method: textAt(request['method'], `${where} method`),
    path: textAt(request['path'], `${where} path`),
    headers,
    body:
      body !== undefined
        ? { json: body }
        : typeof rawBody === 'string'
          ? { text: rawBody }
          : undefined,
  };
}

function parseExpectation(value: Json | undefined, where: string): Expectation {
  const expect = objectAt(value, where);
  only(expect, ['status', 'headers', 'body', 'absent'], where);
  const { status } = expect;
  if (typeof status !== 'number') {
    throw new Error(`${where}: status is not a number`);
  }
  return {
    status,
    headers: objectAt(expect['headers'] ?? {}, `${where} headers`),
    body: expect['body'],
    absent: textsAt(expect['absent'] ?? [], `${where} absent`),
  };
}

function only(object: JsonObject, known: readonly string[], where: string): void {
  for (const name of Object.keys(object)) {
    if (!known.includes(name)) {
      throw new Error(`${where}: unknown member "${name}", known are ${known.join(', ')}`);
    }
  }
}

function objectAt(value: Json | undefined, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where}: not an object`);
  }
  return value;
}

function listAt(value: Json | undefined, where: string): Json[] {
  if (!Array.isArray(value)) {
    throw new Error(`${where}: not a list`);
  }
  return value;
}

function textAt(value: Json | undefined, where: string): string {
  if (typeof value !== 'string' || value === '') {
    throw new Error(`${where}: not a text`);
  }
  return value;
}

function textsAt(value: Json | undefined, where: string): string[] {
  return listAt(value, where).map((item) => textAt(item, where));
}

function textMapAt(value: Json, where: string): Record<string, string> {
  const entries = Object.entries(objectAt(value, where));
  return Object.fromEntries(
    entries.map(([name, text]) => [name, textAt(text, `${where} ${name}`)]),
  );
}
