import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { OperatorError } from '#base/operator-error.ts';
import { loadConfig } from '#config/load.ts';
import { exportLines, importLines, TransferError } from '#directory/transfer.ts';
import { openBackend } from '#main';
import { openSessionSource } from '#session/source.ts';
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
    parseOptions(args, {}, 'op-scim export');
    await withStore(io, async (store) => {
      for await (const line of exportLines(store, new Date().toISOString())) {
        if (!io.stdout.write(`${line}\n`)) await once(io.stdout, 'drain');
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
    '',
    '  Takes what "op-scim export" wrote into the account of OP_SESSION, which must hold nothing',
    '  yet. Ids, versions and times are kept; nothing is sent to 1Password.',
  ].join('\n'),
  async run(args, io) {
    parseOptions(args, {}, 'op-scim import');
    await withStore(io, async (store) => {
      const count = await importLines(store, createInterface({ input: io.stdin }));
      await write(io.stderr, `op-scim: took in ${count} lines.\n`);
    });
    return 0;
  },
};

async function withStore(io: CommandIo, work: (store: Store) => Promise<void>): Promise<void> {
  const { config } = loadConfig(io.env);
  const source = openSessionSource(config.session);
  let backend: StoreBackend | undefined;
  try {
    backend = await openBackend(config);
    await work(backend.account(source.session.meta.accountId));
  } catch (cause) {
    if (cause instanceof TransferError) throw new OperatorError(cause.message, { cause });
    if (cause instanceof StoreUnavailable) throw new OperatorError(cause.reason, { cause });
    throw cause;
  } finally {
    source.close();
    await backend?.close();
  }
}
