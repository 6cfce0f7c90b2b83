import { createRequire } from 'node:module';
import type { CertificateOrder, ChallengeType } from './acme-engine.ts';
import type { Answer } from './directory-server.ts';

/**
 * What is used of `@root/acme`, the ACME core of greenlock-express, which brings no types. It calls
 * its own functions, those with an underscore, through these module objects.
 */
export interface GreenlockCore {
  readonly acme: {
    create(client: CoreClientOptions): CoreClient;
    _prepRequest(client: CoreClient, wanted: CoreOrder): Promise<unknown>;
    /** Resolves to the authorizations of an order. */
    _getAllChallenges(
      client: CoreClient,
      wanted: CoreOrder,
      accountUrl: string,
      zones: readonly string[],
      placed: PlacedOrder,
    ): Promise<readonly CoreAuthorization[]>;
    _chooseChallenge(
      wanted: CoreOrder,
      authorization: CoreAuthorization,
    ): CoreChallenge | undefined;
    _wait(milliseconds?: number): Promise<unknown>;
    _postChallenge(
      client: CoreClient,
      wanted: CoreOrder,
      accountUrl: string,
      challenge: CoreChallenge,
    ): Promise<unknown>;
    _pollOrderStatus(
      client: CoreClient,
      wanted: CoreOrder,
      accountUrl: string,
      placed: PlacedOrder,
    ): Promise<{ readonly _certificateUrl: string }>;
  };
  readonly requests: {
    _jwsRequest(client: CoreClient, request: CoreRequest): Promise<CoreResponse>;
  };
  readonly keys: {
    signJws(options: CoreSigning): Promise<object>;
  };
  readonly maintainers: { init(client: CoreClient): void };
  /** Functions that make errors. */
  readonly errors: { NO_AUTHORIZATIONS(): Error };
}

export interface CoreClientOptions {
  /** Checked for its form. */
  readonly maintainerEmail: string;
  /** Ends the process when it has not the form `name/1`. */
  readonly packageAgent: string;
  /** Both would look at the domain from here. */
  readonly skipDryRun: true;
  readonly skipChallengeTest: true;
  /** In place of its own HTTP client. */
  readonly __request: (request: CoreHttpRequest) => Promise<CoreResponse>;
}

export interface CoreClient {
  /** Takes a directory that was read already when it has `meta` and `termsOfService`. */
  init(directory: object): Promise<unknown>;
  readonly accounts: {
    create(registration: CoreRegistration): Promise<CoreAccount>;
  };
  readonly certificates: {
    create(wanted: CoreOrder): Promise<{ readonly cert: string; readonly chain: string }>;
  };
}

export interface CoreRegistration {
  readonly accountKey: JsonWebKey;
  readonly contact: readonly string[] | undefined;
  readonly agreeToTerms: true;
  readonly externalAccount: { readonly id: string; readonly secret: string } | undefined;
}

export interface CoreAccount {
  /** The account's URL. */
  readonly key: { readonly kid?: string };
}

export interface CoreOrder {
  readonly account: CoreAccount;
  readonly accountKey: JsonWebKey;
  readonly domains: readonly string[];
  readonly challenges: Readonly<Partial<Record<ChallengeType, CorePresenter>>>;
  /** Ours: the core passes it on to what the corrections put in. */
  readonly order: CertificateOrder;
}

/** What the authority answered, and where the order is read. */
export interface PlacedOrder {
  readonly authorizations: readonly string[];
  readonly _orderUrl?: string;
}

export interface CoreAuthorization {
  readonly status?: string;
}

export interface CoreChallenge {
  readonly type: ChallengeType;
  readonly url: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

export interface CorePresenter {
  readonly propagationDelay: number;
  zones(): Promise<readonly string[]>;
  get(): Promise<null>;
  set(wanted: { readonly challenge: CoreChallenge }): Promise<null>;
  remove(wanted: { readonly challenge: CoreChallenge }): Promise<null>;
}

/** A request under the account. */
export interface CoreRequest {
  readonly accountKey: JsonWebKey;
  readonly url: string;
  readonly protected: { readonly kid: string };
  readonly payload: Buffer;
  /** How often a nonce was refused: it gives up at 2. */
  readonly _retries?: number;
}

export interface CoreHttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: string;
  readonly body?: string;
}

export interface CoreResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** An object with `error` is taken for a refusal, whatever the status is. */
  readonly body: object | string;
  /** Ours. */
  readonly answer: Answer;
}

export interface CoreSigning {
  /** In place of a key: base64url. */
  readonly secret?: string;
  readonly protected: { readonly kid: string; readonly url: string };
  readonly payload: Buffer;
}

/** The core as it was published, of the version that greenlock-express brings. */
export function loadCore(): GreenlockCore {
  const express = createRequire(import.meta.resolve('greenlock-express'));
  const greenlock = createRequire(express.resolve('@root/greenlock'));
  const acme = createRequire(greenlock.resolve('@root/acme'));
  return {
    acme: acme('./acme.js'),
    requests: acme('./utils.js'),
    keys: acme('@root/keypairs'),
    maintainers: acme('./maintainers.js'),
    errors: acme('./errors.js'),
  };
}
