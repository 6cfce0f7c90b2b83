import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { ScimError } from '#scim/errors.ts';
import { parseLargeJson } from './large-json.ts';

/**
 * How long the rest of a refused body is read and thrown away before the answer. A client that reads
 * only once it has sent everything would otherwise see a broken connection instead of the reason.
 */
const LINGER_MS = 5_000;
/** Longer texts are parsed in slices, and make more work than their length. */
const LARGE_FROM_CHARACTERS = 16_384;

/**
 * The body as JSON. Never holds more than `limitBytes`: what is larger is refused while it comes,
 * and the connection is closed after the answer. Throws ScimError.
 */
export async function readJson(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  checkMediaType(request.headers['content-type']);
  const bytes = await readBytes(request, limitBytes);
  if (bytes.length === 0) {
    throw new ScimError('invalidSyntax', 'The request has no body. Send a JSON object.');
  }
  if (!isUtf8(bytes)) {
    throw new ScimError(
      'invalidSyntax',
      'The body is not UTF-8. Send JSON in UTF-8 (RFC 8259 §8.1).',
    );
  }
  const text = bytes.toString('utf8');
  try {
    return text.length < LARGE_FROM_CHARACTERS ? JSON.parse(text) : await parseLargeJson(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ScimError(
      'invalidSyntax',
      `The body is not valid JSON${placeOf(cause)}. Check what the identity provider's mapping makes of the attributes.`,
      { cause },
    );
  }
}

function checkMediaType(header: string | undefined): void {
  if (header === undefined) return;
  const end = header.indexOf(';');
  const mediaType = (end === -1 ? header : header.slice(0, end)).trim().toLowerCase();
  if (mediaType === 'application/scim+json' || mediaType === 'application/json') return;
  throw new ScimError(
    'unsupportedMediaType',
    'The body must be application/scim+json or application/json: set the Content-Type header.',
  );
}

function readBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isRefused = false;
    const refuse = () => {
      isRefused = true;
      request.off('data', onData);
      chunks.length = 0;
      discardRest(request, () => reject(tooLarge(limitBytes)));
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) refuse();
      else chunks.push(chunk);
    };
    // The client went away: there is nobody to answer, and nothing of ours is wrong.
    const endedEarly = () => reject(new ScimError('badRequest', 'The body ended too early.'));
    request.once('error', endedEarly);
    if (announced > limitBytes) {
      refuse();
      return;
    }
    request.on('data', onData);
    request.once('close', endedEarly);
    request.once('end', () => {
      // Each request is closed at its end: an error made for nothing costs a stack trace.
      request.off('close', endedEarly);
      if (isRefused) return;
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
    });
  });
}

/** Reads on without keeping anything, to the end or for `LINGER_MS`, then calls back. */
function discardRest(request: IncomingMessage, done: () => void): void {
  const timer = setTimeout(done, LINGER_MS);
  timer.unref();
  request.once('end', () => {
    clearTimeout(timer);
    done();
  });
  request.resume();
}

function tooLarge(limitBytes: number): ScimError {
  return new ScimError(
    'tooLarge',
    `The body is larger than ${limitBytes.toLocaleString('en')} bytes. Send less at once, or raise OP_MAX_BODY; for groups OP_MAX_GROUP_BODY, for bulk requests OP_MAX_BULK_BODY.`,
  );
}

/** "at position N" of the parser's message; the rest of it may quote the body. */
function placeOf(cause: unknown): string {
  const place = cause instanceof Error ? / at position \d+/.exec(cause.message) : null;
  return place === null ? '' : place[0];
}
