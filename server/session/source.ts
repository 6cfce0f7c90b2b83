import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '#base/error-code.ts';
import { OperatorError } from '#base/operator-error.ts';
import { jsonOf, MAX_SESSION_BYTES, parseSession, type SessionFile } from './format.ts';

/** The part of pino's Logger that a session needs. */
export interface SessionLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** Where the session comes from. A file is read again and again, an inline one once. */
export interface SessionSource {
  /** For messages: the path, or "OP_SESSION" when that holds the session itself. */
  readonly origin: string;
  /** The last one that could be read. */
  readonly session: SessionFile;
  onChange(listener: (session: SessionFile) => void): void;
  close(): void;
}

/** A bearer token in a file: read at start, then polled. */
export interface TokenSource {
  /** Called at once and with each new content. */
  onToken(listener: (bearerToken: string) => void): void;
  /** Reads the file and calls the listener again though nothing has changed. */
  repeat(): void;
  close(): void;
}

export interface SourceOptions {
  readonly log?: SessionLog;
  /** Watching would miss the symlink swaps by which Kubernetes updates a mounted Secret. */
  readonly pollMs?: number;
}

/**
 * Opens what OP_SESSION says: a path, or the session itself as JSON or base64, told apart by
 * looking. Throws OperatorError when nothing can be read there; a later bad file only warns.
 */
export function openSessionSource(opSession: string, options: SourceOptions = {}): SessionSource {
  if (isInline(opSession)) {
    const session = parseSession(opSession, 'OP_SESSION');
    return { origin: 'OP_SESSION', session, onChange() {}, close() {} };
  }
  const path = opSession.trim();
  checkPath(path);
  const listeners: ((session: SessionFile) => void)[] = [];
  const first = readSmallFile(path, 'session');
  warnOfMode(path, first.mode, 'session', options.log);
  let session = parseSession(first.text, path);
  const poll = pollFile(path, 'session', first.text, options, (text, mode) => {
    session = parseSession(text, path);
    warnOfMode(path, mode, 'session', options.log);
    for (const listener of listeners) {
      listener(session);
    }
  });
  return {
    origin: path,
    get session() {
      return session;
    },
    onChange: (listener) => void listeners.push(listener),
    close: poll.close,
  };
}

/** Opens OP_BEARER_TOKEN_FILE. Throws OperatorError when there is no file. */
export function openTokenSource(path: string, options: SourceOptions = {}): TokenSource {
  const listeners: ((bearerToken: string) => void)[] = [];
  const first = readSmallFile(path, 'bearer token');
  warnOfMode(path, first.mode, 'bearer token', options.log);
  const tell = (text: string) => {
    for (const listener of listeners) {
      listener(text.trim());
    }
  };
  const poll = pollFile(path, 'bearer token', first.text, options, tell);
  return {
    onToken(listener) {
      listeners.push(listener);
      poll.repeat();
    },
    repeat: poll.repeat,
    close: poll.close,
  };
}

function isInline(opSession: string): boolean {
  const json = jsonOf(opSession);
  // A short file name may be base64 of something that begins with a brace.
  return json !== undefined && (opSession.trim().startsWith('{') || opSession.length > 64);
}

function checkPath(path: string): void {
  if (path === '') {
    throw new OperatorError('OP_SESSION is empty: set it to the path of the scimsession file.');
  }
  if (path.length > 1_024 || /[\n\0]/.test(path)) {
    // Not printed: it may be a session in a form that is not known here.
    throw new OperatorError(
      `OP_SESSION (${path.length} characters, not shown) is neither a path nor the base64 of a scimsession file. Set it to the file's path, or to the output of "base64 -w0 scimsession".`,
    );
  }
}

interface Poll {
  /** Reports the content as it is now, changed or not. */
  repeat(): void;
  close(): void;
}

const DEFAULT_POLL_MS = 10_000;

/** `changed` may throw OperatorError: then the content before stays in use and one warning is logged. */
function pollFile(
  path: string,
  what: string,
  firstText: string,
  { log, pollMs = DEFAULT_POLL_MS }: SourceOptions,
  changed: (text: string, mode: number) => void,
): Poll {
  // Digests: the text may be a token, which is kept nowhere.
  let seen = digestOf(firstText);
  let lastWarning = '';
  function look(always: boolean): void {
    try {
      const { text, mode } = readSmallFile(path, what);
      const digest = digestOf(text);
      if (always || digest !== seen) {
        seen = digest;
        changed(text, mode);
      }
      lastWarning = '';
    } catch (thrown) {
      const warning = thrown instanceof OperatorError ? thrown.message : undefined;
      if (warning === undefined) {
        throw thrown;
      }
      if (warning !== lastWarning) {
        lastWarning = warning;
        log?.warn({ path }, `${warning} Until then the ${what} read before stays in use.`);
      }
    }
  }
  const timer = setInterval(look, pollMs, false);
  timer.unref();
  return { repeat: () => look(true), close: () => clearInterval(timer) };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** Text and mode of a session or token file. Follows symlinks anew on each call. Throws OperatorError. */
export function readSmallFile(path: string, what: string): { text: string; mode: number } {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > MAX_SESSION_BYTES) {
      const found = stat.isFile() ? `too big (${stat.size} bytes)` : 'not a file';
      throw new OperatorError(
        `The ${what} ${path} is ${found}. Give the path of the ${what} file.`,
      );
    }
    return { text: readFileSync(file, 'utf8'), mode: stat.mode & 0o777 };
  } catch (thrown) {
    if (thrown instanceof OperatorError) {
      throw thrown;
    }
    throw new OperatorError(unreadable(path, what, errorCode(thrown) ?? String(thrown)), {
      cause: thrown,
    });
  } finally {
    if (file !== undefined) {
      closeSync(file);
    }
  }
}

/** Where `npm start` keeps its own, from the working directory. */
export const NEWCOMER_SESSION = join('.op-scim', 'scimsession');

function unreadable(path: string, what: string, code: string): string {
  const make =
    what === 'session' ? `, or make one with "op-scim session create --out ${path}"` : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const hint =
      what === 'session' && existsSync(NEWCOMER_SESSION)
        ? ` That of "npm start" is here: OP_SESSION=${NEWCOMER_SESSION}.`
        : '';
    return `There is no ${what} file at ${path}. Mount it there or correct the path${make}.${hint}`;
  }
  if (code === 'EACCES') {
    return `The ${what} file ${path} can not be read by user ${process.getuid?.()}. Change its owner or group, with mode 0600 or 0440.`;
  }
  return `The ${what} file ${path} can not be read (${code}). Check the volume it is on.`;
}

const QUIET_MODES = [0o600, 0o400, 0o440, 0o444];

function warnOfMode(path: string, mode: number, what: string, log: SessionLog | undefined): void {
  if (!QUIET_MODES.includes(mode)) {
    const shown = mode.toString(8).padStart(4, '0');
    log?.warn(
      { path },
      `The ${what} file has mode ${shown}: others may read or change it. Set it to 0600.`,
    );
  }
}
