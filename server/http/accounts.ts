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
  'The scimsession file belongs to another account than the data in the store. Put the right file back, make one of that account (op-scim session create --account-id ID; op-scim doctor names it), or give the bridge an empty store: another OP_DATA_DIR, or an empty Redis database.';
export const LOST =
  'The store has lost what it held. Restore a backup with op-scim import, or restart the bridge to begin with an empty directory.';
/** Where the store keeps which account it belongs to. Not an account: ids never begin with a dot. */
const BINDING = '.bridge';

export interface Accounts {
  /** The account of the unlocked session. Throws ScimError unavailable while it can't be opened. */
  open(): Promise<OpenAccount> | OpenAccount;
  /**
   * For the end of a request: when the store was lost since the account was opened, resolves when it
   * is known to hold it still. Rejects with ScimError unavailable when it doesn't: the answer is void.
   */
  confirm(account: OpenAccount): Promise<void> | undefined;
  /** Looks whether the store still is the account's, for `problem`. Does not reject. */
  look(): Promise<void>;
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
export function createAccounts(options: AccountsOptions): Accounts {
  return new AccountsOfStore(options);
}

interface Opening {
  readonly of: Unlocked;
  readonly account: Promise<OpenAccount>;
}

class AccountsOfStore implements Accounts {
  readonly #options: AccountsOptions;
  readonly #sweeper: NodeJS.Timeout;
  /** Undefined from each loss of the store on, until its binding was read again. */
  #opened: { readonly of: Unlocked; readonly account: OpenAccount } | undefined;
  #opening: Opening | undefined;
  /** The account that this process has found the store bound to. */
  #heldId: string | undefined;
  #problem: string | undefined;

  constructor(options: AccountsOptions) {
    this.#options = options;
    options.backend.onLoss(() => this.#shut());
    this.#sweeper = setInterval(() => void this.#tend(), SWEEP_INTERVAL_MS);
    this.#sweeper.unref();
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  open(): Promise<OpenAccount> | OpenAccount {
    const { unlocked } = this.#options.keyring;
    if (unlocked === undefined) throw new Error('an account was asked for while locked');
    if (this.#opened?.of === unlocked) return this.#opened.account;
    if (this.#opening?.of === unlocked) return this.#opening.account;
    const opening: Opening = {
      of: unlocked,
      account: this.#openAccount(unlocked, () => this.#opening === opening),
    };
    this.#opening = opening;
    return opening.account;
  }

  confirm(account: OpenAccount): Promise<void> | undefined {
    if (this.#opened?.account === account) return undefined;
    return this.#options.keyring.unlocked === undefined ? undefined : this.#reopen();
  }

  async look(): Promise<void> {
    const heldId = this.#heldId;
    if (heldId === undefined) return;
    try {
      const owner = await ownerOf(this.#options.backend);
      if (owner === undefined) this.#noteLost();
      else if (owner === heldId && this.#problem === LOST) this.#noteFound();
    } catch (err) {
      this.#options.log.debug({ err }, 'whose the store is can not be read');
    }
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  /** What a store that can't be reached kept from being confirmed, was answered while it could. */
  async #reopen(): Promise<void> {
    try {
      await this.open();
    } catch (thrown) {
      if (thrown instanceof ScimError) throw thrown;
    }
  }

  async #openAccount(unlocked: Unlocked, isCurrent: () => boolean): Promise<OpenAccount> {
    try {
      await this.#claim(unlocked);
      const { backend, config } = this.#options;
      const store = backend.account(unlocked.accountId);
      const { unknownMembers: onUnknownMembers, scanLimitMs } = config;
      const account = {
        directory: { store, onUnknownMembers, scanLimitMs },
        cursors: await openCursors(store, Date.now),
      };
      if (isCurrent()) this.#opened = { of: unlocked, account };
      return account;
    } finally {
      if (isCurrent()) this.#opening = undefined;
    }
  }

  /** A store that this process has held is never taken anew: it would begin with nobody in it. */
  async #claim({ accountId, payload }: Unlocked): Promise<void> {
    if (payload.kind !== 'standalone') throw this.#refusal(unservedKind(payload.kind));
    const { backend } = this.#options;
    const owner = await (accountId === this.#heldId
      ? ownerOf(backend)
      : takenBy(backend, accountId));
    if (owner === undefined) {
      this.#noteLost();
      throw this.#refusal(LOST);
    }
    if (owner !== accountId) throw this.#refusal(WRONG_ACCOUNT);
    this.#heldId = accountId;
    if (this.#problem === LOST) this.#noteFound();
    this.#problem = undefined;
  }

  #noteLost(): void {
    this.#shut();
    if (this.#problem !== LOST) this.#options.log.error(LOST);
    this.#problem = LOST;
  }

  #noteFound(): void {
    this.#problem = undefined;
    this.#options.log.info('the store holds the account again');
  }

  #shut(): void {
    this.#opened = undefined;
    this.#opening = undefined;
  }

  #refusal(reason: string): ScimError {
    this.#problem = reason;
    return new ScimError('unavailable', reason, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  async #tend(): Promise<void> {
    await this.look();
    if (this.#opened !== undefined) {
      await sweep(this.#opened.account.directory.store, this.#options.log);
    }
  }
}

/** Whether the store is that account's: the first one that asks gets it. */
export async function bindStore(backend: StoreBackend, accountId: string): Promise<boolean> {
  return (await takenBy(backend, accountId)) === accountId;
}

function takenBy(backend: StoreBackend, accountId: string): Promise<string> {
  return backend.account(BINDING).keepFirst('accountId', accountId);
}

/** The account that the store belongs to; undefined: nobody has asked yet. */
export function boundAccount(accounts: (accountId: string) => Pick<StoreView, 'kept'>) {
  return accounts(BINDING).kept('accountId');
}

function ownerOf(backend: StoreBackend): Promise<string | undefined> {
  return boundAccount((accountId) => backend.account(accountId));
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
