import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import type { Cursors } from '#directory/cursor.ts';
import type { Directory } from '#directory/directory.ts';
import type { Caller } from '#directory/event.ts';
import type { Grant } from '#session/keyring.ts';
import type { Limits } from './limits.ts';

/** The account of an unlocked bridge. */
export interface OpenAccount {
  readonly directory: Directory;
  readonly cursors: Cursors;
}

/** What the endpoints need of the bridge. */
export interface Bridge {
  readonly log: Logger;
  readonly limits: Limits;
  /** Checks a bearer token; the first good one unlocks. */
  check(bearerToken: string): Grant | undefined;
  /** The account behind the session. Throws ScimError unavailable while it can't be opened. */
  account(): Promise<OpenAccount> | OpenAccount;
  /** `Accounts.confirm`. */
  confirm(account: OpenAccount): Promise<void> | undefined;
  readonly isStrict: boolean;
  /** `https://host` or `http://host` when it is configured; else the Host header decides. */
  readonly origin: string | undefined;
  /** The only host that requests may name; undefined without TLS. */
  readonly servedHost: string | undefined;
  readonly trustedProxies: ProxyCheck;
}

export type ProxyCheck = (address: string) => boolean;

/** What the steps of a request find out for the later ones. */
export interface ScimState {
  requestId: string;
  startedMs: number;
  /** The route's name for metrics and logs, as `GET /Users/{id}`. */
  route: string;
  /** Origin and prefix by which the client came, without a slash at the end. */
  baseUrl: string;
  caller: Caller;
  account: OpenAccount;
  /** For the log line and event of a write. */
  written: { operation: string; resourceType?: 'User' | 'Group'; id?: string } | undefined;
  failure: unknown;
}

export type ScimContext = Context & { state: ScimState };
export type ScimMiddleware = Middleware<ScimState>;

/** An endpoint of a route. `id` is the path's last part where the route has one. */
export type Endpoint = (ctx: ScimContext, id: string) => Promise<void> | void;
