import { text } from 'node:stream/consumers';
import { OperatorError } from '#base/operator-error.ts';
import { MAX_TOKENS, type SessionFile, type TokenRecord } from '#session/format.ts';
import {
  addToken,
  findRecord,
  isBearerToken,
  openSession,
  type Sealed,
  TOKEN_FORM,
  withNotAfter,
} from '#session/seal.ts';
import { readSmallFile } from '#session/source.ts';
import { type CommandIo, parseOptions, write } from './command.ts';
import { askAll } from './prompt.ts';
import { changeSessionFile } from './session-file.ts';

/**
 * `op-scim session rotate-token`: a new token beside the current one, whose end is set. The current
 * token is needed, since only it unwraps the data key. Both reach the same credentials: after a theft
 * of file and token together, only new credentials and a new session help.
 */
export async function rotateToken(args: string[], io: CommandIo): Promise<number> {
  const options = { 'token-file': { type: 'string' }, keep: { type: 'string' } } as const;
  const { values, positionals } = parseOptions(args, options, 'op-scim session rotate-token');
  const path = onePath(positionals, 'rotate-token FILE');
  const keepMs = readDurationMs(values.keep ?? '7d');
  const current = await readCurrentToken(values['token-file'], io);
  const nowMs = Date.now();
  const until = new Date(nowMs + keepMs).toISOString();
  const old = keepMs === 0 ? 'is refused' : `is good until ${until} at most`;
  await changeSessionFile(path, (session) => {
    const { session: rotated, bearerToken, kid } = rotate(session, current, nowMs, keepMs);
    const said = `Token ${kid} was added to ${path}; the one before ${old}.`;
    return { session: rotated, announce: () => announce(io, bearerToken, said, path) };
  });
  const when = keepMs === 0 ? 'at once' : `before ${until}, when the one before ends`;
  await write(io.stderr, `Then: enter the new token in the identity provider ${when}.\n`);
  return 0;
}

/**
 * `op-scim session revoke-token`. Needs no token: it must work for one that is lost or stolen, and
 * whoever may write the file could remove the record anyway.
 */
export async function revokeToken(args: string[], io: CommandIo): Promise<number> {
  const options = { kid: { type: 'string' } } as const;
  const { values, positionals } = parseOptions(args, options, 'op-scim session revoke-token');
  const path = onePath(positionals, 'revoke-token FILE --kid KID');
  await changeSessionFile(path, (session) => {
    const tokens = session.tokens.filter((token) => token.kid !== values.kid);
    if (tokens.length === session.tokens.length) {
      const known = session.tokens.map((token) => token.kid).join(', ');
      throw new OperatorError(`Give --kid one of the tokens of ${path}: ${known}.`);
    }
    if (!tokens.some((token) => token.scope === 'scim' && !hasEnded(token, Date.now()))) {
      throw new OperatorError(
        `${values.kid} is the last token that opens ${path}: without it the file is useless. Use "op-scim session rotate-token --keep 0", or make a new session.`,
      );
    }
    return { session: { ...session, tokens } };
  });
  await write(io.stderr, `Token ${values.kid} was removed from ${path}.\n${spread(path)}`);
  return 0;
}

/**
 * `op-scim session add-health-token`. Needs no token of scope scim: the record holds a verifier and
 * no key, and a monitoring system should get its token without anyone fetching the other one. So who
 * may write the file may read the bridge's health, and no more.
 */
export async function addHealthToken(args: string[], io: CommandIo): Promise<number> {
  const { positionals } = parseOptions(args, {}, 'op-scim session add-health-token');
  const path = onePath(positionals, 'add-health-token FILE');
  await changeSessionFile(path, (session) => {
    const nowMs = Date.now();
    const added = addToken(withoutEnded(session, nowMs), {
      scope: 'health',
      strict: false,
      nowMs,
      notAfterMs: undefined,
      dataKey: undefined,
    });
    const said = `Health token ${added.kid} was added to ${path}.`;
    return {
      session: withinLimit(added.session),
      announce: () => announce(io, added.bearerToken, said, path),
    };
  });
  return 0;
}

async function announce(io: CommandIo, bearerToken: string, said: string, path: string) {
  await write(io.stdout, `${bearerToken}\n`);
  await write(io.stderr, `${said} The line on stdout is shown only now.\n${spread(path)}`);
}

function rotate(session: SessionFile, current: string, nowMs: number, keepMs: number): Sealed {
  const record = findRecord(session, current);
  if (record === undefined || record.scope !== 'scim') {
    const what = record === undefined ? 'does not belong to this session' : 'is a health token';
    throw new OperatorError(
      `The token given ${what}. Give the one that the identity provider uses.`,
    );
  }
  if (hasEnded(record, nowMs)) {
    throw new OperatorError(`The token given has ended (${record.notAfter}). Give a newer one.`);
  }
  const opened = openSession(session, record, current);
  if (opened === undefined) {
    throw new OperatorError('The session was changed since it was written. Put back the original.');
  }
  const { dataKey } = opened;
  const endMs = Math.min(nowMs + keepMs, endMsOf(record));
  const ended =
    keepMs === 0
      ? { ...session, tokens: session.tokens.filter((token) => token !== record) }
      : withNotAfter(session, record, current, dataKey, endMs);
  const { strict } = record;
  const rotated = addToken(withoutEnded(ended, nowMs), {
    scope: 'scim',
    strict,
    nowMs,
    notAfterMs: undefined,
    dataKey,
  });
  dataKey.fill(0);
  withinLimit(rotated.session);
  return rotated;
}

async function readCurrentToken(file: string | undefined, io: CommandIo): Promise<string> {
  const given = file === undefined ? await readStdin(io) : readSmallFile(file, 'bearer token').text;
  const token = given.trim();
  if (!isBearerToken(token)) {
    throw new OperatorError(
      `The current bearer token, from ${file ?? 'stdin'}, is not one of op-scim: ${TOKEN_FORM}. Give it on stdin or by --token-file.`,
    );
  }
  return token;
}

async function readStdin(io: CommandIo): Promise<string> {
  if (io.stdin.isTTY !== true) {
    return text(io.stdin);
  }
  const question = 'Current bearer token (not shown): ';
  const answers = await askAll(io, [{ name: 'token', text: question, isSecret: true }]);
  return answers['token'] ?? '';
}

function onePath(positionals: readonly string[], usage: string): string {
  const [path, ...others] = positionals;
  if (path === undefined || others.length > 0) {
    throw new OperatorError(`Say "op-scim session ${usage}". See "op-scim session --help".`);
  }
  return path;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function readDurationMs(given: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
  const durationMs = given === '0' ? 0 : Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  if (Number.isNaN(durationMs) || durationMs > 366 * 86_400_000) {
    throw new OperatorError(`--keep ${given} is not a time up to 366d: write 30m, 24h, 7d or 0.`);
  }
  return durationMs;
}

function withoutEnded(session: SessionFile, nowMs: number): SessionFile {
  return { ...session, tokens: session.tokens.filter((token) => !hasEnded(token, nowMs)) };
}

function withinLimit(session: SessionFile): SessionFile {
  if (session.tokens.length > MAX_TOKENS) {
    throw new OperatorError(
      `A session holds at most ${MAX_TOKENS} tokens. Remove one with "op-scim session revoke-token".`,
    );
  }
  return session;
}

function endMsOf(record: TokenRecord): number {
  return record.notAfter === null ? Number.POSITIVE_INFINITY : Date.parse(record.notAfter);
}

function hasEnded(record: TokenRecord, nowMs: number): boolean {
  return endMsOf(record) <= nowMs;
}

function spread(path: string): string {
  return `Next: give the changed file to the bridge, for Kubernetes with
  kubectl create secret generic scimsession --from-file=scimsession=${path} --dry-run=client -o yaml | kubectl apply -f -
`;
}
