import type { Logger } from 'pino';
import type { Config } from '#config/options.ts';
import { openCursors } from '#directory/cursor.ts';
import { sweepTombstones } from '#directory/tombstones.ts';
import { ScimError } from '#scim/errors.ts';
import type { Keyring, Unlocked } from '#session/keyring.ts';
import type { Store, StoreBackend, StoreView } from '#store/store.ts';
import type { OpenAccount } from './context.ts';

/** How often what deleted and replaced things left behind is looked for. */
const SWEEP_INTERVAL_MS = 30_000;
const SWEEPS_MAX = 1_000;
/** Only the operator can mend it, so there is no hurry. */
const RETRY_AFTER_SECONDS = 60;
export const WRONG_ACCOUNT =
  'The scimsession file belongs to another account than the data in the store. Put the right file back, or give the bridge an empty store.';
/** Where the store keeps which account it belongs to. Not an account: ids never begin with a dot. */
const BINDING = '.bridge';

export interface Accounts {
  /** The account of the unlocked session. Throws ScimError unavailable while it can't be opened. */
  open(): Promise<OpenAccount> | OpenAccount;
  /** What the operator has to mend before the account can be opened; undefined: nothing is known. */
  readonly problem: string | undefined;
  close(): void;
}

export interface AccountsOptions {
  readonly backend: StoreBackend;
  readonly keyring: Keyring;
  readonly config: Config;
  readonly log: Logger;
}

/** Opens the account once it is unlocked; nothing of it is read before. */
export function createAccounts({ backend, keyring, config, log }: AccountsOptions): Accounts {
  let opened: { readonly of: Unlocked; readonly account: OpenAccount } | undefined;
  let problem: string | undefined;
  const sweeper = setInterval(() => {
    if (opened !== undefined) void sweep(opened.account.directory.store, log);
  }, SWEEP_INTERVAL_MS);
  sweeper.unref();

  async function openAccount(unlocked: Unlocked): Promise<OpenAccount> {
    const { accountId, payload } = unlocked;
    if (payload.kind !== 'standalone') throw refusal(unservedKind(payload.kind));
    if (!(await bindStore(backend, accountId))) throw refusal(WRONG_ACCOUNT);
    problem = undefined;
    const store = backend.account(accountId);
    const account = {
      directory: {
        store,
        onUnknownMembers: config.unknownMembers,
        scanLimitMs: config.scanLimitMs,
      },
      cursors: await openCursors(store, Date.now),
    };
    opened = { of: unlocked, account };
    return account;
  }

  function refusal(reason: string): ScimError {
    problem = reason;
    return new ScimError('unavailable', reason, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  return {
    get problem() {
      return problem;
    },
    open() {
      const { unlocked } = keyring;
      if (unlocked === undefined) throw new Error('an account was asked for while locked');
      return opened?.of === unlocked ? opened.account : openAccount(unlocked);
    },
    close() {
      clearInterval(sweeper);
    },
  };
}

/** Whether the store is that account's: the first one that asks gets it. */
export async function bindStore(backend: StoreBackend, accountId: string): Promise<boolean> {
  return (await backend.account(BINDING).keepFirst('accountId', accountId)) === accountId;
}

/** The account that the store belongs to; undefined: nobody has asked yet. */
export function boundAccount(accounts: (accountId: string) => StoreView) {
  return accounts(BINDING).kept('accountId');
}

async function sweep(store: Store, log: Logger): Promise<void> {
  try {
    for (let swept = 0; swept < SWEEPS_MAX; swept += 1) {
      const isMoreDue = await store.sweep();
      if (!(await sweepTombstones(store, Date.now())) && !isMoreDue) return;
    }
  } catch (err) {
    log.debug({ err }, 'sweeping the store is put off');
  }
}

/** Why a session of this kind is not served. */
export function unservedKind(kind: string): string {
  return `The session is of kind "${kind}", which this version can seal but not serve yet. Use one of kind standalone.`;
}
