import { Agent, request } from 'node:https';
import { errorCode } from '#base/error-code.ts';
import {
  type JsonObject,
  oneLine,
  parseObject,
  retryAfterMsOf,
  sentence,
  textAt,
} from '../http-answer.ts';
import { type AcmeDirectory, AcmeError } from './acme-engine.ts';

const ANSWER_BYTES_MAX = 1_000_000;
const REQUEST_MS = 20_000;
const PROBLEM_PREFIX = 'urn:ietf:params:acme:error:';

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly location: string | undefined;
  readonly nonce: string | undefined;
  /** Milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  /** When the server sent it, in milliseconds since 1970. */
  readonly dateMs: number | undefined;
  /** Of an answer in JSON. */
  readonly json: JsonObject | undefined;
}

/**
 * Speaks HTTPS with the directory's server and with no other: an address elsewhere is refused,
 * redirects are not followed. One connection is kept until `close`.
 */
export class DirectoryServer {
  readonly #directory: AcmeDirectory;
  readonly #agent: Agent;
  readonly #signal: AbortSignal;

  constructor(directory: AcmeDirectory, signal: AbortSignal) {
    this.#directory = directory;
    this.#signal = signal;
    const { caPem } = directory;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 1,
      ...(caPem === undefined ? {} : { ca: caPem }),
    });
  }

  get url(): string {
    return this.#directory.url;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects with AcmeError `network` when there is no answer, or with the signal's reason. */
  async send(method: 'GET' | 'HEAD' | 'POST', url: string, body?: string, accept?: string) {
    this.#refuseOthers(url);
    this.#signal.throwIfAborted();
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_MS)]);
    try {
      return await this.#exchange(method, url, body, accept, signal);
    } catch (cause) {
      this.#signal.throwIfAborted();
      throw new AcmeError('network', unreachable(this.#directory.url, cause), { cause });
    }
  }

  #exchange(
    method: string,
    url: string,
    body: string | undefined,
    accept: string | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const headers = {
      'user-agent': `op-scim (Node.js ${process.versions.node})`,
      ...(accept === undefined ? {} : { accept }),
      ...(body === undefined
        ? {}
        : {
            'content-type': 'application/jose+json',
            'content-length': String(Buffer.byteLength(body)),
          }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, headers, agent: this.#agent, signal }, (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          chunks.push(chunk);
          if (length > ANSWER_BYTES_MAX) response.destroy(new Error('the answer is too long'));
        });
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve(answerOf(response.statusCode ?? 0, response.headers, text));
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  #refuseOthers(url: string): void {
    const wanted = URL.parse(url);
    const { origin, protocol } = new URL(this.#directory.url);
    if (wanted !== null && protocol === 'https:' && wanted.origin === origin) return;
    throw new AcmeError(
      'protocol',
      `The certificate authority names an address on another server than its directory: ${oneLine(url)}. Set OP_ACME_DIRECTORY_URL to the name by which the authority knows itself.`,
    );
  }
}

/** What an answer with status 400 or above says, as an error. `what` completes "… was refused". */
export function refusal(what: string, { status, json, text, retryAfterMs }: Answer): AcmeError {
  const type = textAt(json, 'type') ?? '';
  const problem = type.startsWith(PROBLEM_PREFIX)
    ? type.slice(PROBLEM_PREFIX.length)
    : status === 429
      ? 'rateLimited'
      : status >= 500
        ? 'network'
        : 'protocol';
  const detail = sentence(textAt(json, 'detail') ?? text);
  return new AcmeError(problem, `${what} was refused (${status} ${problem}): ${detail}`, {
    status,
    retryAfterMs,
  });
}

/** The error of an authorization or order that became invalid: a problem document (RFC 7807). */
export function failedCheck(what: string, problem: JsonObject | undefined): AcmeError {
  const type = (textAt(problem, 'type') ?? '').replace(PROBLEM_PREFIX, '') || 'unauthorized';
  const detail = sentence(textAt(problem, 'detail') ?? '');
  return new AcmeError(type, `${what} (${type}): ${detail}`);
}

function answerOf(status: number, headers: NodeJS.Dict<string | string[]>, text: string): Answer {
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const isJson = /json/.test(header('content-type') ?? '');
  return {
    status,
    text,
    location: header('location'),
    nonce: header('replay-nonce'),
    retryAfterMs: retryAfterMsOf(header('retry-after')),
    dateMs: dateOf(header('date')),
    json: isJson ? parseObject(text) : undefined,
  };
}

function dateOf(text: string | undefined): number | undefined {
  const dateMs = Date.parse(text ?? '');
  return Number.isNaN(dateMs) ? undefined : dateMs;
}

const TIMES = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
const TRUST = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function unreachable(url: string, cause: unknown): string {
  const { host } = new URL(url);
  const code = errorCode(cause) ?? '';
  const reason = cause instanceof Error ? cause.message || code : String(cause);
  const begin = `The certificate authority ${host} can not be reached: ${oneLine(reason)}.`;
  if (TIMES.has(code)) return `${begin} Check the clock of this machine.`;
  if (TRUST.has(code)) {
    return `${begin} Set OP_ACME_CA_FILE to the certificate of the authority that signed for that server.`;
  }
  return `${begin} Outgoing HTTPS to it must be allowed.`;
}
