import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { OperatorError } from '#base/operator-error.ts';
import { loadConfig } from '#config/load.ts';
import { exportLines, type Imported, importLines, TransferError } from '#directory/transfer.ts';
import { bindStore, boundAccount, WRONG_ACCOUNT } from '#http/accounts.ts';
import { openSessionSource } from '#session/source.ts';
import { openBackend } from '#store/open.ts';
import { type Store, type StoreBackend, StoreUnavailable } from '#store/store.ts';
import { amount } from './amount.ts';
import { removeOldBackups, writeBackup } from './backup-folder.ts';
import { type Command, type CommandIo, parseOptions, write } from './command.ts';

export const exportCommand: Command = {
  name: 'export',
  summary: 'Write everything the account holds to stdout, as lines of JSON',
  usage: [
    'op-scim export > FILE',
    'op-scim export --folder FOLDER [--keep COUNT]',
    '',
    '  Writes people, groups, memberships and what else the store keeps of the account of',
    '  OP_SESSION, as lines of JSON. Needs no bearer token: whoever can read the store can do this.',
    '  Stop a bridge on SQLite first; one on Redis may go on.',
    '',
    '  --folder FOLDER  writes a new file op-scim-TIME.ndjson there, whole or not at all, for its',
    '                   owner alone; the folder has to exist',
    '  --keep COUNT     removes the files of earlier exports but for the newest COUNT; none, when the',
    '                   store is empty now',
  ].join('\n'),
  async run(args, io) {
    const { folder, keep } = exportOptions(args);
    await withStore(io, async ({ store, accountId }) => {
      const startedAt = new Date();
      let made: string | undefined;
      const lines = counted(exportLines(store, accountId, startedAt.toISOString()));
      if (folder === undefined) {
        await writeLines(io, lines.each);
        await write(io.stderr, `op-scim: wrote ${lines.count} lines of account ${accountId}.\n`);
      } else {
        made = await writeBackup(folder, startedAt, textOf(lines.each));
        await write(io.stderr, `op-scim: wrote account ${accountId} to ${made}.\n`);
      }
      if (lines.count <= EMPTY_LINES) {
        // A store that lost everything must not cost the backups, too.
        await write(io.stderr, `op-scim: ${NOTHING_THERE}\n`);
      } else if (folder !== undefined && keep !== undefined && made !== undefined) {
        const count = await removeOldBackups(folder, keep, made);
        await write(io.stderr, `op-scim: removed ${amount(count, 'older export')}.\n`);
      }
    });
    return 0;
  },
};

export const importCommand: Command = {
  name: 'import',
  summary: 'Take an export from stdin into an empty account',
  usage: [
    'op-scim import < FILE',
    'op-scim import FILE',
    '',
    '  Takes what "op-scim export" wrote into the account of OP_SESSION, which must hold nothing',
    '  yet. Ids, versions and times are kept; nothing is sent to 1Password.',
  ].join('\n'),
  async run(args, io) {
    const { positionals } = parseOptions(args, {}, 'op-scim import');
    const input = await inputOf(positionals, io);
    try {
      await takeIn(input, io);
    } finally {
      input.destroy();
    }
    return 0;
  },
};

/** The header and the end. */
const EMPTY_LINES = 2;
const NOTHING_THERE =
  'the store holds nothing of this account. If there should be something, check OP_SESSION, and OP_REDIS_URL or OP_DATA_DIR. Older exports stay.';

function exportOptions(args: readonly string[]) {
  const options = { folder: { type: 'string' }, keep: { type: 'string' } } as const;
  const { values, positionals } = parseOptions(args, options, 'op-scim export');
  if (positionals.length > 0) {
    // A file that is named and not written would look like a backup.
    throw new OperatorError(
      'Say "op-scim export > FILE", or name a folder by --folder: export takes no name of a file.',
    );
  }
  if (values.keep === undefined) return { folder: values.folder };
  if (values.folder === undefined || !/^[1-9]\d{0,5}$/.test(values.keep)) {
    throw new OperatorError('--keep COUNT goes with --folder, and is a whole number from 1 on.');
  }
  return { folder: values.folder, keep: Number(values.keep) };
}

/** Some lines at a time: a write for each would take most of the time. */
const WRITTEN_CHARACTERS = 65_536;

async function* textOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let waiting = '';
  for await (const line of lines) {
    waiting += `${line}\n`;
    if (waiting.length < WRITTEN_CHARACTERS) continue;
    yield waiting;
    waiting = '';
  }
  yield waiting;
}

/** The same lines; `count` is right when all were taken. */
function counted(lines: AsyncIterable<string>): {
  readonly each: AsyncIterable<string>;
  count: number;
} {
  const counting = { each: count(), count: 0 };
  async function* count(): AsyncGenerator<string> {
    for await (const line of lines) {
      counting.count += 1;
      yield line;
    }
  }
  return counting;
}

async function writeLines(io: CommandIo, lines: AsyncIterable<string>): Promise<void> {
  io.stdout.once('error', () => undefined); // The write that failed rejects, too.
  for await (const text of textOf(lines)) {
    try {
      await write(io.stdout, text);
    } catch (cause) {
      throw new OperatorError('Stdout was closed before all was written. Export again.', { cause });
    }
  }
}

async function takeIn(input: Readable, io: CommandIo): Promise<void> {
  await withStore(io, async ({ backend, store, accountId }) => {
    const owner = await boundAccount((id) => backend.account(id));
    if (owner !== undefined && owner !== accountId) throw new OperatorError(WRONG_ACCOUNT);
    const taken = await importLines(store, linesOf(input));
    // Last: a bridge that waits for a lost store to be whole opens with this.
    if (!(await bindStore(backend, accountId))) throw new OperatorError(WRONG_ACCOUNT);
    for (const line of sentencesOf(taken, accountId)) await write(io.stderr, `op-scim: ${line}\n`);
  });
}

function sentencesOf(taken: Imported, accountId: string): readonly string[] {
  const { users, groups, memberships, leftOut, exportedOf } = taken;
  const people = amount(users, 'person', 'people');
  const rest = `${amount(groups, 'group')} and ${amount(memberships, 'membership')}`;
  const sentences = [`took in ${people}, ${rest} into account ${accountId}.`];
  if (leftOut > 0) {
    sentences.push(
      `left out ${amount(leftOut, 'membership')} of people or groups that were made while the export was written.`,
    );
  }
  // Only said: it is what somebody wants who lost every token, and made a session of a new account.
  if (exportedOf !== undefined && exportedOf !== accountId) {
    sentences.push(
      `the export was made of account ${exportedOf}. Unless ${accountId} is to take its place, empty the store and import with the session of ${exportedOf}.`,
    );
  }
  return sentences;
}

/** Stdin, or the file that is named: in a pod nothing may redirect. */
async function inputOf(names: readonly string[], io: CommandIo): Promise<Readable> {
  const [name, ...others] = names;
  if (name === undefined) {
    if (io.stdin.isTTY !== true) return io.stdin;
    throw new OperatorError('Say "op-scim import FILE" or "op-scim import < FILE".');
  }
  if (others.length > 0) throw new OperatorError('Import takes one FILE at a time.');
  try {
    const file = await open(name);
    if ((await file.stat()).isFile()) return file.createReadStream();
    await file.close();
    throw new Error('no file');
  } catch (cause) {
    throw new OperatorError(`${name} can not be read. Name a file that "op-scim export" wrote.`, {
      cause,
    });
  }
}

/** Node's readline would also cut at U+2028 and U+2029, which JSON may hold as they are. */
async function* linesOf(input: Readable): AsyncGenerator<string> {
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
