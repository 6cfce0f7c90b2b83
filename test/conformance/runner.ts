/** Plays a conversation against a bridge, over real HTTP. */
import assert from 'node:assert/strict';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Conversation, Expectation, Json, RequestLine, Step } from './conversation.ts';
import { houseRuleViolations } from './house-rules.ts';
import { differences, valueAt } from './match.ts';

/** A bridge with an empty account. */
export interface Bridge {
  /** Origin without a slash at the end. */
  readonly url: string;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Undefined when the answer has no body, or one that is not JSON. */
  readonly body: Json | undefined;
}

const ANSWER_TIMEOUT_MS = 20_000;

/**
 * Rejects with an AssertionError that names the step and everything that differs. Steps can name
 * `${url}`, `${token}`, `${n}`, what was remembered, and texts too big to write down.
 */
export async function play(bridge: Bridge, conversation: Conversation): Promise<void> {
  const names = new Map<string, Json>([
    ['url', bridge.url],
    ['token', bridge.token],
    ['kilobyte', 'k'.repeat(1_024)],
    ['megabyte', 'm'.repeat(1_048_576)],
    ['deepArray', '['.repeat(5_000) + ']'.repeat(5_000)],
    ['deepFilter', `${'('.repeat(500)}title pr${')'.repeat(500)}`],
  ]);
  const agent = new Agent({ keepAlive: true });
  try {
    for (const [index, step] of conversation.given.entries()) {
      const where = `${conversation.name} given ${index + 1}`;
      await playStep(bridge, agent, step, undefined, names, where);
    }
    for (const [index, step] of conversation.conversation.entries()) {
      const where = `${conversation.name} step ${index + 1}`;
      await playStep(bridge, agent, step, step.expect, names, where);
    }
  } finally {
    agent.destroy();
  }
}

/** Sends one request as the runner does: with the bearer token and SCIM's media type, unless told. */
export async function send(bridge: Bridge, agent: Agent, line: RequestLine): Promise<Answer> {
  const payload =
    line.body === undefined
      ? undefined
      : 'text' in line.body
        ? line.body.text
        : JSON.stringify(line.body.json);
  const headers: Record<string, string> = {};
  const proposed: Record<string, string | null> = {
    authorization: `Bearer ${bridge.token}`,
    accept: 'application/scim+json',
    'content-type': payload === undefined ? null : 'application/scim+json',
    'content-length': payload === undefined ? null : String(Buffer.byteLength(payload)),
    ...line.headers,
  };
  for (const [name, value] of Object.entries(proposed)) {
    if (value !== null) {
      headers[name] = value;
    }
  }
  const { hostname, port } = new URL(bridge.url);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpRequest(
    { agent, hostname, port, method: line.method, path: requestTarget(line.path), headers },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const status = response.statusCode ?? 0;
        resolve({ status, headers: response.headers, text, body: parsedOrUndefined(text) });
      });
    },
  );
  request.setTimeout(ANSWER_TIMEOUT_MS, () => {
    request.destroy(
      new Error(`${line.method} ${line.path}: no answer for ${ANSWER_TIMEOUT_MS} ms`),
    );
  });
  request.on('error', reject);
  request.end(payload);
  return await promise;
}

async function playStep(
  bridge: Bridge,
  agent: Agent,
  step: Step,
  expect: Expectation | undefined,
  names: Map<string, Json>,
  where: string,
): Promise<void> {
  for (let n = 1; n <= step.repeat; n += 1) {
    names.set('n', n);
    const line = substituteRequest(step.request, names);
    const answer = await send(bridge, agent, line);
    const missing = remember(step, answer, names);
    const found =
      expect === undefined
        ? preparationDifferences(answer)
        : expectationDifferences(expect, answer, names);
    found.push(...missing, ...houseRuleViolations(line, answer, bridge, expect?.status));
    if (found.length > 0) {
      const story = `${line.method} ${line.path} → ${answer.status} ${answer.text.slice(0, 600)}`;
      assert.fail(`${where}: ${story}\n- ${found.join('\n- ')}`);
    }
  }
}

/** Before the expectations are looked at, so that they can name what this very answer brought. */
function remember(step: Step, answer: Answer, names: Map<string, Json>): string[] {
  const missing: string[] = [];
  for (const [name, place] of Object.entries(step.remember)) {
    const value = place.startsWith('header:')
      ? headerOf(answer, place.slice('header:'.length))
      : valueAt(answer.body, place);
    if (value === undefined) {
      missing.push(`nothing at ${place} to remember as ${name}`);
    } else {
      names.set(name, value);
    }
  }
  return missing;
}

function preparationDifferences(answer: Answer): string[] {
  return answer.status >= 200 && answer.status < 300 ? [] : ['expected a status from 200 to 299'];
}

function expectationDifferences(
  expect: Expectation,
  answer: Answer,
  names: ReadonlyMap<string, Json>,
): string[] {
  const found = differences(expect.status, answer.status, 'status');
  for (const [name, matcher] of Object.entries(expect.headers)) {
    found.push(...differences(substitute(matcher, names), headerOf(answer, name), name));
  }
  if (expect.body !== undefined) {
    found.push(...differences(substitute(expect.body, names), answer.body));
  }
  for (const place of expect.absent) {
    if (valueAt(answer.body, place) !== undefined) {
      found.push(`/${place}: expected nothing`);
    }
  }
  return found;
}

function headerOf(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : value;
}

function substituteRequest(line: RequestLine, names: ReadonlyMap<string, Json>): RequestLine {
  const headers = Object.entries(line.headers).map(([name, value]): [string, string | null] => [
    name,
    value === null ? null : substituteText(value, names),
  ]);
  const { body } = line;
  return {
    method: line.method,
    path: substituteText(line.path, names),
    headers: Object.fromEntries(headers),
    body:
      body === undefined
        ? undefined
        : 'text' in body
          ? { text: substituteText(body.text, names) }
          : { json: substitute(body.json, names) },
  };
}

/** `"${name}"` alone keeps the type of what was remembered. */
function substitute(value: Json, names: ReadonlyMap<string, Json>): Json {
  if (typeof value === 'string') {
    const alone = /^\$\{(\w+)\}$/u.exec(value)?.[1];
    return alone === undefined ? substituteText(value, names) : remembered(alone, names);
  }
  if (Array.isArray(value)) {
    return value.map((item) => substitute(item, names));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([name, member]) => [substituteText(name, names), substitute(member, names)]),
    );
  }
  return value;
}

function substituteText(text: string, names: ReadonlyMap<string, Json>): string {
  return text.replace(/\$\{(\w+)\}/gu, (_, name: string) => String(remembered(name, names)));
}

function remembered(name: string, names: ReadonlyMap<string, Json>): Json {
  const value = names.get(name);
  assert.ok(value !== undefined, `\${${name}} was never remembered`);
  return value;
}

/** Escapes only what may not be in a request line, so that files can write `filter=id eq "1"`. */
function requestTarget(path: string): string {
  return path.replace(/[^!#-;=?-Z_a-z~]/gu, encodeURIComponent);
}

function parsedOrUndefined(text: string): Json | undefined {
  try {
    const parsed: Json = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}
