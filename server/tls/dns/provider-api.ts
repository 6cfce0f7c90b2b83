import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '#base/error-code.ts';
import type { AcmeError } from '../acme/acme-engine.ts';
import {
  asObject,
  type JsonObject,
  listAt,
  objectAt,
  parseObject,
  retryAfterMsOf,
  sentence,
  textAt,
} from '../http-answer.ts';
import { providerError } from './dns-provider.ts';

export interface ApiTimes {
  /** For one request and its answer. */
  readonly requestMs: number;
  /** Before the first repetition; doubled for each further one. */
  readonly pauseMs: number;
}

export interface ApiOptions {
  /** Of the provider. */
  readonly title: string;
  /** Origin and first part of the path, without a slash at the end. */
  readonly baseUrl: string;
  readonly times: ApiTimes;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the base URL, each part encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly bearer?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: object;
  /** Sent as a form. Its values are secret. */
  readonly form?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly json: JsonObject | undefined;
  /** What the provider says of it: one sentence on one line, without a secret. */
  readonly detail: string;
}

const TRIES = 4;
const ANSWER_BYTES_MAX = 1_000_000;
/** A longer Retry-After is kept by the schedule of orders, not by a request that waits. */
const PAUSE_MAX_MS = 30_000;
const HIDDEN_MIN_CHARACTERS = 8;

/** Speaks HTTPS with one server of a provider. Redirects are not followed. */
export class ProviderApi {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  get title(): string {
    return this.#options.title;
  }

  /**
   * Tries again when no answer comes, for 429 and from 500 on; resolves to every other answer.
   * Rejects with AcmeError `dnsProvider`, or with the reason of the signal.
   */
  async send(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const { pauseMs } = this.#options.times;
    for (let tries = 1; ; tries += 1) {
      const result = await this.#try(request, signal);
      if (!('error' in result)) return result;
      const waitMs = result.error.retryAfterMs ?? pauseMs * 2 ** (tries - 1);
      if (tries === TRIES || waitMs > PAUSE_MAX_MS) throw result.error;
      await sleep(waitMs, undefined, { signal });
    }
  }

  /** `what` completes "… was refused". */
  refusal(what: string, { status, detail }: ApiAnswer, advice: string): AcmeError {
    return providerError(`${this.title}: ${what} was refused (${status}): ${detail} ${advice}`);
  }

  senseless(what: string): AcmeError {
    return providerError(
      `${this.title} answered without a usable ${what}. If that stays, something stands between the bridge and the provider, or the provider has an error.`,
    );
  }

  async #try(
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<ApiAnswer | { readonly error: AcmeError }> {
    const { title, baseUrl, times } = this.#options;
    const { host } = new URL(baseUrl);
    signal.throwIfAborted();
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(times.requestMs)]);
      const response = await this.#fetch(request, limit);
      const answer = answerOf(response.status, await textOf(response), request);
      if (response.status !== 429 && response.status < 500) return answer;
      const retryAfterMs = retryAfterMsOf(response.headers.get('retry-after') ?? undefined);
      const message = `${title} (${host}) does not serve now (${response.status}): ${answer.detail}`;
      return { error: providerError(message, { retryAfterMs }) };
    } catch (cause) {
      signal.throwIfAborted();
      const message = `${title} (${host}) can not be reached: ${sentence(reasonOf(cause))} Outgoing HTTPS to it must be allowed.`;
      return { error: providerError(message, { cause }) };
    }
  }

  #fetch(request: ApiRequest, signal: AbortSignal): Promise<Response> {
    const { method, path, query, bearer, headers, json, form } = request;
    const search = query === undefined ? '' : `?${new URLSearchParams(query)}`;
    return fetch(`${this.#options.baseUrl}${path}${search}`, {
      method,
      signal,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        'user-agent': `op-scim (Node.js ${process.versions.node})`,
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    });
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop closes the connection.
    if (length > ANSWER_BYTES_MAX) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function answerOf(status: number, text: string, request: ApiRequest): ApiAnswer {
  const json = parseObject(text);
  return { status, json, detail: sentence(hideSecrets(detailOf(json) ?? text, request)) };
}

/** The error texts of Google (`error.message`), Azure (also `error_description`) and Cloudflare (`errors`). */
function detailOf(json: JsonObject | undefined): string | undefined {
  const error = objectAt(json, 'error');
  const parts = [
    textAt(json, 'error'),
    textAt(error, 'code'),
    textAt(error, 'message'),
    textAt(json, 'error_description'),
    ...listAt(json, 'errors').map((each) => cloudflareError(asObject(each))),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(': ');
}

function cloudflareError(error: JsonObject | undefined): string | undefined {
  const code = error?.['code'];
  const message = textAt(error, 'message');
  if (message === undefined) return undefined;
  return typeof code === 'number' ? `${code} ${message}` : message;
}

/** Nobody promises that an answer does not repeat what it was sent, also as it was written then. */
function hideSecrets(text: string, { bearer, form }: ApiRequest): string {
  return [bearer ?? '', ...Object.values(form ?? {})]
    .filter((secret) => secret.length >= HIDDEN_MIN_CHARACTERS)
    .flatMap((secret) => [secret, inForm(secret), encodeURIComponent(secret), inJson(secret)])
    .reduce((rest, secret) => rest.replaceAll(secret, '(hidden)'), text);
}

function inForm(secret: string): string {
  return new URLSearchParams({ '': secret }).toString().slice(1);
}

function inJson(secret: string): string {
  return JSON.stringify(secret).slice(1, -1);
}

/** fetch says "fetch failed", and why in the cause. */
function reasonOf(thrown: unknown): string {
  const inner = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  if (!(inner instanceof Error)) return String(inner);
  if (inner.name === 'TimeoutError') return 'no answer came in time';
  return inner.message || (errorCode(inner) ?? '');
}
