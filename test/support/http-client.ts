import assert from 'node:assert/strict';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';

/** Where to send requests, and with which bearer token. */
export interface Target {
  readonly url: string;
  readonly token?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface RequestOptions {
  readonly body?: string | Uint8Array | undefined;
  /** Win over those made here; the empty text leaves one out. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

const ANSWER_TIMEOUT_MS = 20_000;
const sharedAgent = new Agent({ keepAlive: true, maxSockets: 32 });

/** One request with the bearer token and SCIM's media type. The path is sent as it is. */
export function call(
  { url, token }: Target,
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const given = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(options.body === undefined
      ? {}
      : {
          'content-type': 'application/scim+json',
          'content-length': String(Buffer.byteLength(options.body)),
        }),
    ...options.headers,
  };
  const headers = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        hostname,
        port,
        method,
        path,
        headers,
        agent: options.agent ?? sharedAgent,
        timeout: ANSWER_TIMEOUT_MS,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      },
    );
    sent.once('error', reject);
    sent.once('timeout', () =>
      sent.destroy(new Error(`no answer to ${method} ${path.slice(0, 80)}`)),
    );
    sent.end(options.body);
  });
}

/** The body as the object that it must be. */
export function bodyOf(answer: Answer): Record<string, unknown> {
  const value: unknown = JSON.parse(answer.text);
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), answer.text);
  return { ...value };
}

export function idOf(answer: Answer): string {
  return String(bodyOf(answer)['id']);
}

/**
 * Fails unless the answer is an error of RFC 7644 §3.12 with a sentence for an administrator and the
 * reference to the log. `status` undefined: any of 4xx.
 */
export function assertScimError(answer: Answer, status?: number | readonly number[]): string {
  const shown = `${answer.status} ${answer.text.slice(0, 300)}`;
  const wanted = typeof status === 'number' ? [status] : status;
  if (wanted === undefined) assert.ok(answer.status >= 400 && answer.status < 500, shown);
  else assert.ok(wanted.includes(answer.status), `${wanted.join(' or ')} expected, got ${shown}`);
  assert.match(answer.headers['content-type'] ?? '', /^application\/(?:scim\+)?json/, shown);
  const { schemas, status: written, detail } = bodyOf(answer);
  assert.deepEqual(schemas, ['urn:ietf:params:scim:api:messages:2.0:Error'], shown);
  assert.equal(written, String(answer.status), shown);
  assert.ok(typeof detail === 'string', shown);
  // What is refused before it is a request is not logged.
  const reference = answer.status === 431 ? '' : ' \\(ref [0-9a-f-]{13}\\)';
  assert.match(detail, new RegExp(`^[^\\n]{20,1200}${reference}$`), shown);
  assert.doesNotMatch(detail, / at \S+:\d+|TypeError|RangeError|undefined|\[object/, shown);
  return detail;
}

/** Sends bytes that may not be HTTP; resolves to what came until the server closed. */
export function exchange(url: string, pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => {
      for (const piece of pieces) socket.write(piece);
    });
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')));
    // A reset after the answer is the server's way to say that it read enough.
    socket.once('error', (error) => {
      if (received === '') reject(error);
    });
    socket.once('close', () => resolve(received));
  });
}

/** What `exchange` received, taken apart. Fails when it is not one whole answer. */
export function parseAnswer(received: string): Answer {
  const end = received.indexOf('\r\n\r\n');
  const [start = '', ...lines] = received.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1]);
  assert.ok(end > 0 && status > 0, `not an HTTP answer: ${JSON.stringify(received.slice(0, 200))}`);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status, headers, text: received.slice(end + 4) };
}
