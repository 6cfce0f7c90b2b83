import { hash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';
import type { Scope, SessionFile, TokenRecord } from './format.ts';
import type { Payload } from './payload.ts';
import { findRecord, isBearerToken, openSession } from './seal.ts';
import type { SessionLog, SessionSource, TokenSource } from './source.ts';

/** What a bearer token may do. */
export interface Grant {
  readonly kid: string;
  readonly scope: Scope;
  readonly strict: boolean;
}

export interface Keyring {
  /**
   * What this token may do; undefined: refuse it. Unlocks with the first good token of scope scim.
   * A token that was accepted before costs one SHA-256 and one constant-time comparison, another one
   * key derivation per token of the session.
   */
  check(bearerToken: string): Grant | undefined;
  /** What the token of this kid may do now; undefined once it was revoked or has ended. */
  grantOf(kid: string): Grant | undefined;
  /** Undefined while locked. After the file was replaced: the one before, until the new one is unlocked. */
  readonly unlocked: Unlocked | undefined;
  /** Whether OP_BEARER_TOKEN_FILE holds a token that opens it: then the process's files hold both halves. */
  readonly isUnlockedByFile: boolean;
  readonly accountId: string;
  /** 32 bytes, of the file as it is now; known while locked. */
  readonly storeSeal: Buffer;
  /** TLS domain that the session brings, for when OP_TLS_DOMAIN is not set at all. */
  readonly domain: string | undefined;
  /**
   * Calls back with each session that is unlocked, at once if one is already. Called inside `check`:
   * a listener must be quick and must not throw.
   */
  onUnlock(listener: (unlocked: Unlocked) => void): void;
  /** Ends polling and zeroes the data key. */
  close(): void;
}

export interface KeyringOptions {
  readonly source: SessionSource;
  /** Unlocks at start, and again after the session was replaced. */
  readonly tokenSource?: TokenSource;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly log?: SessionLog;
}

/** An opened session. Its secrets show neither in JSON nor in logs. */
export class Unlocked {
  readonly accountId: string;
  readonly #payload: Payload;
  readonly #dataKey: Buffer;

  constructor(accountId: string, payload: Payload, dataKey: Buffer) {
    this.accountId = accountId;
    this.#payload = payload;
    this.#dataKey = dataKey;
  }

  get payload(): Payload {
    return this.#payload;
  }

  /** 32 bytes; take keys from it with deriveKey. */
  get dataKey(): Buffer {
    return this.#dataKey;
  }

  [inspect.custom](): string {
    return `Unlocked { accountId: '${this.accountId}' }`;
  }
}

export function createKeyring(options: KeyringOptions): Keyring {
  const { source, tokenSource, clock, log } = options;
  return new SessionKeyring(source, tokenSource, clock, log);
}

interface AcceptedToken {
  /** SHA-256 of the token. */
  readonly digest: Buffer;
  readonly verifier: string;
  /** Infinity: never. */
  readonly notAfterMs: number;
  readonly grant: Grant;
}

class SessionKeyring implements Keyring {
  readonly accountId: string;
  readonly #source: SessionSource;
  readonly #tokenSource: TokenSource | undefined;
  readonly #clock: () => number;
  readonly #log: SessionLog | undefined;
  readonly #listeners: ((unlocked: Unlocked) => void)[] = [];
  #session: SessionFile;
  #accepted: readonly AcceptedToken[] = [];
  #unlocked: Unlocked | undefined;
  /** The payload text that `#unlocked` came from: another one has to be unlocked anew. */
  #unlockedSeal: string | undefined;
  #isUnlockedByFile = false;
  #reportedDamage = false;

  constructor(
    source: SessionSource,
    tokenSource: TokenSource | undefined,
    clock: () => number,
    log: SessionLog | undefined,
  ) {
    this.#source = source;
    this.#tokenSource = tokenSource;
    this.#clock = clock;
    this.#log = log;
    this.#session = source.session;
    this.accountId = source.session.meta.accountId;
    source.onChange((session) => this.#replace(session));
    tokenSource?.onToken((token) => this.#unlockByFile(token));
  }

  check(bearerToken: string): Grant | undefined {
    if (!isBearerToken(bearerToken)) {
      return undefined;
    }
    const digest = hash('sha256', bearerToken, 'buffer');
    let known: AcceptedToken | undefined;
    for (const accepted of this.#accepted) {
      if (timingSafeEqual(accepted.digest, digest)) {
        known = accepted;
      }
    }
    known ??= this.#accept(bearerToken, digest);
    return known !== undefined && this.#clock() < known.notAfterMs ? known.grant : undefined;
  }

  grantOf(kid: string): Grant | undefined {
    const record = this.#isOfThisAccount
      ? this.#session.tokens.find((token) => token.kid === kid)
      : undefined;
    return record && this.#clock() < endOf(record) ? grantFor(record) : undefined;
  }

  get unlocked(): Unlocked | undefined {
    return this.#unlocked;
  }

  get isUnlockedByFile(): boolean {
    return this.#isUnlockedByFile;
  }

  get storeSeal(): Buffer {
    return Buffer.from(this.#session.storeSeal, 'base64url');
  }

  get domain(): string | undefined {
    return this.#session.meta.domain || undefined;
  }

  onUnlock(listener: (unlocked: Unlocked) => void): void {
    this.#listeners.push(listener);
    if (this.#unlocked !== undefined) {
      listener(this.#unlocked);
    }
  }

  close(): void {
    this.#source.close();
    this.#tokenSource?.close();
    this.#unlocked?.dataKey.fill(0);
    this.#unlocked = undefined;
    this.#accepted = [];
  }

  get #isOfThisAccount(): boolean {
    return this.#session.meta.accountId === this.accountId;
  }

  get #isLocked(): boolean {
    return this.#unlockedSeal !== sealOf(this.#session);
  }

  #accept(bearerToken: string, digest: Buffer): AcceptedToken | undefined {
    const record = findRecord(this.#session, bearerToken);
    const isUsable = record !== undefined && this.#clock() < endOf(record) && this.#isOfThisAccount;
    if (!isUsable || (record.scope === 'scim' && !this.#unlockWith(record, bearerToken))) {
      return undefined;
    }
    const accepted: AcceptedToken = {
      digest,
      verifier: record.verifier,
      notAfterMs: endOf(record),
      grant: grantFor(record),
    };
    this.#accepted = [...this.#accepted, accepted];
    return accepted;
  }

  /** Opens the session even when it is open already: that proves the token's own record whole. */
  #unlockWith(record: TokenRecord, bearerToken: string): boolean {
    const opened = openSession(this.#session, record, bearerToken);
    if (opened === undefined) {
      if (!this.#reportedDamage) {
        this.#reportedDamage = true;
        const fields = { origin: this.#source.origin, kid: record.kid };
        this.#log?.error(
          fields,
          'session: the token fits but the file was changed; put back the file as it was written',
        );
      }
      return false;
    }
    if (!this.#isLocked) {
      opened.dataKey.fill(0);
      return true;
    }
    // The key of the session before is left to its background work, which may still hold it.
    this.#unlocked = new Unlocked(this.accountId, opened.payload, opened.dataKey);
    this.#unlockedSeal = sealOf(this.#session);
    this.#log?.info({ origin: this.#source.origin, kid: record.kid }, 'session: unlocked');
    for (const listener of this.#listeners) {
      listener(this.#unlocked);
    }
    return true;
  }

  #unlockByFile(bearerToken: string): void {
    const grant = this.check(bearerToken);
    this.#isUnlockedByFile = grant?.scope === 'scim';
    if (!this.#isUnlockedByFile) {
      const reason =
        grant === undefined
          ? 'holds no good token of this session'
          : 'holds a health token, which unlocks nothing';
      this.#log?.warn(
        { origin: this.#source.origin, locked: this.#isLocked },
        `session: OP_BEARER_TOKEN_FILE ${reason}; put the token there that belongs to the session`,
      );
    }
  }

  #replace(session: SessionFile): void {
    this.#session = session;
    this.#reportedDamage = false;
    const isUnchanged = !this.#isLocked && this.#isOfThisAccount;
    // The verifier covers all of a record but its wrapped key, which acceptance has opened.
    this.#accepted = this.#accepted.filter(({ verifier, grant }) => {
      const record = session.tokens.find((token) => token.kid === grant.kid);
      return isUnchanged && record?.verifier === verifier;
    });
    if (!this.#isOfThisAccount) {
      this.#log?.error(
        { origin: this.#source.origin, accountId: session.meta.accountId },
        'session: the new file is for another account, so all tokens are refused; restart the bridge to serve that account, or put the file back',
      );
      return;
    }
    this.#log?.info(
      { origin: this.#source.origin, locked: this.#isLocked },
      'session: a new file was read',
    );
    this.#tokenSource?.repeat();
  }
}

/** Changes with all that the payload's tag covers. */
function sealOf(session: SessionFile): string {
  return JSON.stringify([session.id, session.meta, session.storeSeal, session.payload]);
}

function endOf(record: TokenRecord): number {
  return record.notAfter === null ? Number.POSITIVE_INFINITY : Date.parse(record.notAfter);
}

function grantFor({ kid, scope, strict }: TokenRecord): Grant {
  return { kid, scope, strict };
}
