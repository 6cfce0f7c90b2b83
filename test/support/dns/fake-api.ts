import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ProviderParts } from '#tls/dns/provider-parts.ts';

/** A request as an API of a provider saw it. */
export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: NodeJS.Dict<string | string[]>;
  /** JSON or a form. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ApiReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string;
  /** Nothing is ever sent. */
  readonly hangs?: boolean;
}

/** A provider of DNS with one zone, which keeps TXT records as the real one does. */
export interface FakeProvider {
  /** In place of the provider's own. */
  readonly servers: Partial<ProviderParts['servers']>;
  /** Host and port. */
  readonly host: string;
  /** What the file of settings has to say. */
  readonly config: object;
  /** Texts that must never be shown. */
  readonly secrets: readonly string[];
  readonly calls: readonly ApiCall[];
  /** Called with the values of a name after each change. */
  onChange: ((name: string, values: readonly string[]) => Promise<void>) | undefined;
  values(name: string): readonly string[];
  /** Makes records of others. */
  seed(name: string, values: readonly string[]): void;
  /** Answers in place of the usual answer; undefined leaves that. */
  replyWith(change: (call: ApiCall) => ApiReply | undefined): void;
  /** Tokens that were given out are not taken any more. */
  endTokens(): void;
  close(): Promise<void>;
}

export interface FakeApi extends Pick<FakeProvider, 'host' | 'calls' | 'replyWith' | 'close'> {
  readonly url: string;
}

/** HTTP on 127.0.0.1. `handle` must answer every call that a provider may get. */
export async function startFakeApi(
  handle: (call: ApiCall) => ApiReply | Promise<ApiReply>,
): Promise<FakeApi> {
  const calls: ApiCall[] = [];
  let change: (call: ApiCall) => ApiReply | undefined = () => undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await readCall(request);
    calls.push(call);
    const reply = change(call) ?? (await handle(call));
    if (reply.hangs === true) return;
    const isText = typeof reply.body === 'string';
    response.writeHead(reply.status, { 'Content-Type': 'application/json', ...reply.headers });
    response.end(isText ? reply.body : JSON.stringify(reply.body ?? {}));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(599).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  const host = `127.0.0.1:${address.port}`;
  return {
    url: `http://${host}`,
    host,
    calls,
    replyWith(next) {
      change = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readCall(request: IncomingMessage): Promise<ApiCall> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form') === true;
  const body: unknown = isForm
    ? Object.fromEntries(new URLSearchParams(text))
    : JSON.parse(text || '{}');
  assert(typeof body === 'object' && body !== null);
  return {
    method: request.method ?? '',
    path: decodeURIComponent(pathname),
    query: Object.fromEntries(searchParams),
    headers: request.headers,
    body: { ...body },
  };
}

/** Access tokens as a provider gives them out. */
export class Tokens {
  readonly #prefix: string;
  #count = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  grant(): ApiReply {
    this.#count += 1;
    const access_token = `${this.#prefix}${this.#count}`;
    return { status: 200, body: { access_token, expires_in: 3_599, token_type: 'Bearer' } };
  }

  isCurrent({ headers }: ApiCall): boolean {
    return this.#count > 0 && headers['authorization'] === `Bearer ${this.#prefix}${this.#count}`;
  }

  end(): void {
    this.#count += 1;
  }
}
