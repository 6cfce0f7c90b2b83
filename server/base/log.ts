import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import {
  type Bindings,
  type DestinationStream,
  type Logger,
  destination as openDestination,
  pino,
} from 'pino';
import type { PrettyOptions } from 'pino-pretty';

export interface LogSettings {
  readonly logsJson: boolean;
  readonly logsPretty: boolean;
  readonly logsDebug: boolean;
  readonly logsTrace: boolean;
}

const HIDDEN = '[hidden]';
const FLUSH_INTERVAL_MS = 1_000;
const BUFFERED_CHARACTERS = 4_096;
const DEPTH_LIMIT = 6;
const ERROR_LEVEL = pino.levels.values['error'] ?? 50;

/**
 * The log of the process: JSON lines (`time`, `level`, `message`), or coloured ones on a terminal.
 * Levels: error = someone must act, warn = will soon, info = one line per change and refusal, debug = per call.
 * Fields have the same names everywhere: reqId, idp, op, resourceType, id, status, ms, err.
 *
 * What is named like a secret is hidden wherever it stands; of errors only type, message, code,
 * stack and cause are written, since a client library may hang the command that failed on them.
 *
 * JSON lines are written in blocks: at the latest a second later, at once from level error on, and
 * at exit. `destination` stands in for standard output.
 */
export function createLog(settings: LogSettings, destination?: DestinationStream): Logger {
  const isTerminal = destination === undefined && process.stdout.isTTY === true;
  const isPretty = !settings.logsJson && (settings.logsPretty || isTerminal);
  if (isPretty) return loggerTo(settings, prettyStream(destination), () => {});
  if (destination !== undefined) return loggerTo(settings, destination, () => {});
  const buffered = openDestination({ dest: 1, sync: false, minLength: BUFFERED_CHARACTERS });
  setInterval(() => buffered.flush(), FLUSH_INTERVAL_MS).unref();
  process.once('exit', () => buffered.flushSync());
  return loggerTo(settings, buffered, () => buffered.flush());
}

function loggerTo(settings: LogSettings, stream: DestinationStream, flush: () => void): Logger {
  const log = pino(
    {
      level: settings.logsTrace ? 'trace' : settings.logsDebug ? 'debug' : 'info',
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => hideSecrets(fields),
      },
      hooks: {
        logMethod(args, method, level) {
          method.apply(this, args);
          if (level >= ERROR_LEVEL) flush();
        },
      },
    },
    stream,
  );
  // pino applies no formatter to what a child brings along. Children inherit this method.
  const { child } = log;
  return Object.assign(log, {
    child(this: Logger, bindings: Bindings) {
      return child.call(this, hideSecrets(bindings));
    },
  });
}

/** pino-pretty costs several megabytes of memory, so it is loaded only where someone reads it. */
function prettyStream(destination: DestinationStream | undefined): DestinationStream {
  // The shape is that of pino-pretty's declaration: `require` gives no types.
  const pretty = createRequire(import.meta.url)('pino-pretty') as (
    options: PrettyOptions,
  ) => DestinationStream;
  if (destination === undefined) return pretty({ messageKey: 'message', sync: true });
  const lines = new Writable({
    decodeStrings: false,
    write(line, _encoding, done) {
      destination.write(String(line));
      done();
    },
  });
  return pretty({ messageKey: 'message', colorize: false, destination: lines });
}

const SECRET_NAME = /(?:token|password|secret|secretkey|authorization|cookie)$|^session$/i;

function hideSecrets(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, hideSecret(name, value, 1)]),
  );
}

function hideSecret(name: string, value: unknown, depth: number): unknown {
  const mayBeSecret = typeof value === 'string' || (typeof value === 'object' && value !== null);
  if (mayBeSecret && SECRET_NAME.test(name)) return HIDDEN;
  if (typeof value !== 'object' || value === null || value instanceof Error) return value;
  if (depth >= DEPTH_LIMIT) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => hideSecret('', item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, hideSecret(key, item, depth + 1)]),
  );
}

function describeError(thrown: unknown, depth = 1): unknown {
  if (!(thrown instanceof Error)) return HIDDEN;
  const { name, message, stack, cause } = thrown;
  return {
    type: name,
    message,
    ...('code' in thrown ? { code: thrown.code } : {}),
    stack,
    ...(cause === undefined || depth >= DEPTH_LIMIT
      ? {}
      : { cause: describeError(cause, depth + 1) }),
  };
}
