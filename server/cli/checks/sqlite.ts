import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { storeKind } from '#config/combinations.ts';
import { boundAccount, WRONG_ACCOUNT } from '#http/accounts.ts';
import { sqliteFileOf } from '#store/open.ts';
import { freeBytesBeside, roomWarning } from '#store/sqlite/room.ts';
import { StoreUnavailable } from '#store/store.ts';
import { type Check, type Finding, failed, ok, skipped, warning } from './check.ts';
import { codeOf } from './network.ts';
import type { Subject } from './subject.ts';

const NOT_USED = skipped('SQLite is not used: the directory is in Redis.');

export const sqliteChecks: readonly Check[] = [
  {
    id: 'sqlite-file',
    title: 'SQLite file',
    about:
      'Without Redis: the database in `OP_DATA_DIR` is one of this version of the bridge, can be read, and its folder can be written. It is read beside a running bridge, and not changed.',
    remedy:
      'Make the folder writable for the user of the bridge (uid 999 in the image), on a volume that outlives it. A damaged file is moved away with its `-wal` and `-shm`; then put back a backup, or `op-scim import` an export.',
    async run(subject) {
      if (storeKind(subject.config) !== 'sqlite') return NOT_USED;
      const file = sqliteFileOf(subject.config);
      if (file === ':memory:') {
        return warning(
          'The directory is in memory and ends with the bridge: set OP_DATA_DIR to keep it.',
        );
      }
      const refusal = folderRefusal(file);
      if (refusal !== undefined) return failed(refusal);
      const { found, problem } = await subject.sqlite();
      if (found === undefined) return failed(problem);
      return found === 'absent'
        ? ok(`There is no ${file} yet: the bridge makes it when it starts.`)
        : ok(
            `${file} can be read, ${Math.ceil(found.sizeBytes / 2 ** 20)} MiB. Each commit is on disk before it is answered.`,
          );
    },
  },
  {
    id: 'sqlite-disk',
    title: 'SQLite disk',
    about: 'Without Redis: how much room the disk of the database has left.',
    remedy: 'Make room, or move `OP_DATA_DIR` to a bigger volume while the bridge is stopped.',
    async run({ config }) {
      if (storeKind(config) !== 'sqlite') return NOT_USED;
      const file = sqliteFileOf(config);
      if (file === ':memory:') return skipped('The directory is in memory.');
      try {
        const freeBytes = await freeBytesBeside(file);
        const complaint = roomWarning(freeBytes);
        return complaint === undefined
          ? ok(`${Math.floor(freeBytes / 2 ** 20)} MiB are free.`)
          : warning(complaint);
      } catch (thrown) {
        if (!(thrown instanceof StoreUnavailable)) throw thrown;
        return skipped('The folder of the database is not there yet.');
      }
    },
  },
];

export const accountCheck: Check = {
  id: 'account',
  title: 'Account',
  about:
    'The data in the store belong to the account of the session. A store belongs to the account that was unlocked with it first.',
  remedy:
    'Put the right scimsession file back, or give the bridge an empty store. A new session for old data is made with `op-scim session create --account-id ID`, with the id that the sentence names.',
  run: accountFinding,
};

async function accountFinding(subject: Subject): Promise<Finding> {
  const { found: session } = subject.session();
  if (session === undefined) return skipped('The session can not be read.');
  const { found: accounts, problem } = await subject.accounts();
  if (accounts === undefined) return skipped(problem);
  const { accountId } = session.session.meta;
  const bound = await boundAccount(accounts);
  if (bound === undefined) return ok(free(accountId));
  return bound === accountId
    ? ok(`Session and store are both of ${accountId}.`)
    : failed(
        `${WRONG_ACCOUNT} The session is of ${accountId}, the store of ${bound}.`,
        `An empty store is another OP_DATA_DIR, or a database of Redis that holds nothing. A session for the data that are there: op-scim session create --out NEW --account-id ${bound}`,
      );
}

/** Doctor can't know whether a bridge held it before; that bridge does, and answers 503. */
function free(accountId: string): string {
  return `The store is free, with nobody in it: it becomes that of ${accountId} with the first request. If a bridge has served people from it before, it has lost them: restore a backup with op-scim import before the bridge is restarted.`;
}

/** Why the bridge could not write beside the file: asks the folder, or the one it would be made in. */
function folderRefusal(file: string): string | undefined {
  let folder = dirname(resolve(file));
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (thrown) {
    return `The bridge can not write ${file} (${codeOf(thrown)} in ${folder}).`;
  }
}
