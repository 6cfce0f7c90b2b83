import { readFileSync } from 'node:fs';
import { OperatorError } from '#base/operator-error.ts';
import { loadConfig } from '#config/load.ts';
import { exportLines, importLines, TransferError } from '#directory/transfer.ts';
import { bindStore, WRONG_ACCOUNT } from '#http/accounts.ts';
import { openSessionSource } from '#session/source.ts';
import { openBackend } from '#store/open.ts';
import { type Store, type StoreBackend, StoreUnavailable } from '#store/store.ts';
import { type Command, type CommandIo, parseOptions, write } from './command.ts';

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write everything the account holds to stdout, as lines of JSON',
  usage: [
    'op-scim export > FILE',
    '',
    '  Writes people, groups, memberships and what else the store keeps of the account of',
    '  OP_SESSION, as lines of JSON. Needs no bearer token: whoever can read the store can do this.',
    '  Stop a bridge on SQLite first; one on Redis may go on.',
  ].join('\n'),
  async run(args, io) {
    refuseFileNames(args, 'export', '>');
    await withStore(io, async ({ store, accountId }) => {
      const lines = exportLines(store, new Date().toISOString());
      const count = await writeLines(io, lines);
      await write(io.stderr, `op-scim: wrote ${count} lines of account ${accountId}.\n`);
      if (count > EMPTY_LINES) return;
      await write(
        io.stderr,
        'op-scim: the store holds nothing of this account. If there should be something, check OP_SESSION, and OP_REDIS_URL or OP_DATA_DIR.\n',
      );
    });
    return 0;
  },
};

export const importCommand: Command = {
  name: 'import',
  summary: 'Take an export from stdin into an empty account',
  usage: [
    'op-scim import < FILE',
    '',
    '  Takes what "op-scim export" wrote into the account of OP_SESSION, which must hold nothing',
    '  yet. Ids, versions and times are kept; nothing is sent to 1Password.',
  ].join('\n'),
  async run(args, io) {
    refuseFileNames(args, 'import', '<');
    if (io.stdin.isTTY === true) {
      throw new OperatorError('Say "op-scim import < FILE": there is no file on stdin.');
    }
    await withStore(io, async ({ backend, store, accountId }) => {
      if (!(await bindStore(backend, accountId))) throw new OperatorError(WRONG_ACCOUNT);
      const { lines, leftOut } = await importLines(store, linesOf(io.stdin));
      await write(io.stderr, `op-scim: took in ${lines} lines into account ${accountId}.\n`);
      if (leftOut === 0) return;
      await write(
        io.stderr,
        `op-scim: left out ${leftOut} memberships of people or groups that were made while the export was written.\n`,
      );
    });
    return 0;
  },
};

/** The header and the end. */
const EMPTY_LINES = 2;

/** A file that is named and not read or written would look like a backup. */
function refuseFileNames(args: string[], name: 'export' | 'import', redirection: '<' | '>'): void {
  const { positionals } = parseOptions(args, {}, `op-scim ${name}`);
  if (positionals.length === 0) return;
  throw new OperatorError(
    `Say "op-scim ${name} ${redirection} FILE": it takes no name of a file itself.`,
  );
}

/** Some lines at a time: a write for each would take most of the time. */
const WRITTEN_CHARACTERS = 65_536;

async function writeLines(io: CommandIo, lines: AsyncIterable<string>): Promise<number> {
  let count = 0;
  let waiting = '';
  io.stdout.once('error', () => undefined); // The write that failed rejects, too.
  const flush = async () => {
    try {
      await write(io.stdout, waiting);
      waiting = '';
    } catch (cause) {
      throw new OperatorError('Stdout was closed before all was written. Export again.', { cause });
    }
  };
  for await (const line of lines) {
    count += 1;
    waiting += `${line}\n`;
    if (waiting.length > WRITTEN_CHARACTERS) await flush();
  }
  await flush();
  return count;
}

/** Node's readline would also cut at U+2028 and U+2029, which JSON may hold as they are. */
async function* linesOf(input: CommandIo['stdin']): AsyncGenerator<string> {
  let rest = '';
  for await (const text of input.setEncoding('utf8')) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}

interface OpenStore {
  readonly backend: StoreBackend;
  readonly store: Store;
  readonly accountId: string;
}

async function withStore(io: CommandIo, work: (open: OpenStore) => Promise<void>): Promise<void> {
  const { config } = loadConfig(io.env, readFileSync);
  const source = openSessionSource(config.session);
  const { accountId } = source.session.meta;
  let backend: StoreBackend | undefined;
  try {
    backend = await openBackend(config);
    await work({ backend, store: backend.account(accountId), accountId });
  } catch (cause) {
    if (cause instanceof TransferError) throw new OperatorError(cause.message, { cause });
    if (cause instanceof StoreUnavailable) throw new OperatorError(cause.reason, { cause });
    throw cause;
  } finally {
    source.close();
    await backend?.close();
  }
}
