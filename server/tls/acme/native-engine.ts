import { setTimeout as sleep } from 'node:timers/promises';
import { asObject, type JsonObject, listAt, objectAt, textAt } from '../http-answer.ts';
import { certificateRequest } from '../signing.ts';
import { type AccountKey, externalAccountBinding, readAccountKey } from './account-key.ts';
import {
  type AcmeEngine,
  AcmeError,
  type CertificateOrder,
  type Challenge,
  type IssuedCertificate,
  type RenewalQuery,
  type RenewalWindow,
} from './acme-engine.ts';
import { type Answer, DirectoryServer, failedCheck, refusal } from './directory-server.ts';
import { readDirectory } from './read-directory.ts';
import { renewalIdOf } from './renewal-id.ts';

/** RFC 8555 and RFC 9773 on Node's own crypto and https. */
export const nativeEngine: AcmeEngine = { name: 'native', issue, renewalWindow };

const NONCE_TRIES = 12;
const POLL_MS = 500;
const POLL_MAX_MS = 10_000;
/** Longest wait for one authorization or order. */
const PATIENCE_MS = 120_000;
const RENEWAL_AGAIN_MS = 6 * 3_600_000;
const RENEWAL_AGAIN_MIN_MS = 60_000;

async function issue(order: CertificateOrder): Promise<IssuedCertificate> {
  const server = new DirectoryServer(order.directory, order.signal);
  try {
    const directory = await readDirectory(server);
    const account = await openAccount(server, directory, order);
    const { url, body } = await placeOrder(account, directory, order);
    for (const authorization of listAt(body, 'authorizations')) {
      await authorize(account, String(authorization), order);
    }
    return { chainPem: await finalize(account, url, order) };
  } finally {
    server.close();
  }
}

async function renewalWindow(query: RenewalQuery): Promise<RenewalWindow | undefined> {
  const server = new DirectoryServer(query.directory, query.signal);
  try {
    const url = textAt(await readDirectory(server), 'renewalInfo');
    const id = renewalIdOf(query.chainPem);
    if (url === undefined || id === undefined) return undefined;
    const answer = await server.send('GET', `${url.replace(/\/$/, '')}/${id}`);
    if (answer.status !== 200) throw refusal('Asking when to renew', answer);
    const window = objectAt(answer.json, 'suggestedWindow');
    const startMs = Date.parse(textAt(window, 'start') ?? '');
    const endMs = Date.parse(textAt(window, 'end') ?? '');
    if (!(endMs >= startMs)) throw senseless('renewal window');
    const againMs = Math.max(answer.retryAfterMs ?? RENEWAL_AGAIN_MS, RENEWAL_AGAIN_MIN_MS);
    return { startMs, endMs, againMs: Math.min(againMs, RENEWAL_AGAIN_MS * 4) };
  } finally {
    server.close();
  }
}

/** Sends signed requests (RFC 8555 §6.2) under the account, and sends them anew for a bad nonce. */
class Account {
  readonly #server: DirectoryServer;
  readonly #key: AccountKey;
  readonly #newNonceUrl: string;
  readonly #signal: AbortSignal;
  #nonce: string | undefined;
  /** The account's URL: known once it is opened. */
  #kid: string | undefined;

  constructor(server: DirectoryServer, key: AccountKey, newNonceUrl: string, signal: AbortSignal) {
    this.#server = server;
    this.#key = key;
    this.#newNonceUrl = newNonceUrl;
    this.#signal = signal;
  }

  get thumbprint(): string {
    return this.#key.thumbprint;
  }

  /** Registers the key, or finds the account that it has already (RFC 8555 §7.3). */
  async open(url: string, registration: object): Promise<void> {
    const answer = await this.post('Registering with the certificate authority', url, registration);
    if (answer.location === undefined) throw senseless('account');
    this.#kid = answer.location;
  }

  /** An empty payload reads (POST-as-GET, RFC 8555 §6.3). */
  async post(what: string, url: string, payload: object | '', accept?: string): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const nonce = this.#nonce ?? (await this.#freshNonce());
      this.#nonce = undefined;
      const who = this.#kid === undefined ? { jwk: this.#key.jwk } : { kid: this.#kid };
      const jws = this.#key.jws({ nonce, url, ...who }, payload);
      const answer = await this.#server.send('POST', url, jws, accept);
      this.#nonce = answer.nonce;
      if (answer.status < 400) return answer;
      const error = refusal(what, answer);
      if (error.problem !== 'badNonce' || tries === NONCE_TRIES) throw error;
    }
  }

  /** Reads until `isDone`, as often as the server's Retry-After allows. */
  async poll(what: string, url: string, isDone: (body: JsonObject) => boolean) {
    const deadline = performance.now() + PATIENCE_MS;
    let pauseMs = 0;
    for (;;) {
      await sleep(pauseMs, undefined, { signal: this.#signal });
      const answer = await this.post(what, url, '');
      const body = answer.json;
      if (body === undefined) throw senseless('order');
      if (isDone(body)) return body;
      if (performance.now() > deadline) {
        const status = textAt(body, 'status') ?? 'unknown';
        throw new AcmeError('network', `${what} takes too long: it is still "${status}".`);
      }
      pauseMs = Math.min(Math.max(answer.retryAfterMs ?? 0, POLL_MS), POLL_MAX_MS);
    }
  }

  async #freshNonce(): Promise<string> {
    const { nonce } = await this.#server.send('HEAD', this.#newNonceUrl);
    if (nonce === undefined) throw senseless('nonce');
    return nonce;
  }
}

async function openAccount(
  server: DirectoryServer,
  directory: JsonObject,
  order: CertificateOrder,
): Promise<Account> {
  const key = readAccountKey(order.accountKeyPem);
  const account = new Account(server, key, textAt(directory, 'newNonce') ?? '', order.signal);
  const url = textAt(directory, 'newAccount') ?? '';
  const { externalAccount } = order;
  if (
    externalAccount === undefined &&
    objectAt(directory, 'meta')?.['externalAccountRequired'] === true
  ) {
    throw new AcmeError(
      'externalAccountRequired',
      'The certificate authority serves its own customers only. Set OP_ACME_EAB_KID and OP_ACME_EAB_HMAC to what it shows in your account.',
    );
  }
  await account.open(url, {
    termsOfServiceAgreed: true,
    ...(order.email === undefined ? {} : { contact: [`mailto:${order.email}`] }),
    ...(externalAccount === undefined
      ? {}
      : { externalAccountBinding: externalAccountBinding(key, externalAccount, url) }),
  });
  return account;
}

async function placeOrder(
  account: Account,
  directory: JsonObject,
  { domain, profile, replaces }: CertificateOrder,
): Promise<{ readonly url: string; readonly body: JsonObject }> {
  const url = textAt(directory, 'newOrder') ?? '';
  const profiles = objectAt(objectAt(directory, 'meta'), 'profiles');
  const plain = {
    identifiers: [{ type: 'dns', value: domain }],
    ...(profile !== undefined && profiles?.[profile] !== undefined ? { profile } : {}),
  };
  const canReplace = textAt(directory, 'renewalInfo') !== undefined;
  const replacedId = replaces !== undefined && canReplace ? renewalIdOf(replaces) : undefined;
  const what = `The order for ${domain}`;
  let answer: Answer;
  try {
    const request = replacedId === undefined ? plain : { ...plain, replaces: replacedId };
    answer = await account.post(what, url, request);
  } catch (error) {
    // The certificate was replaced already, or is not known any more (RFC 9773 §5).
    const isAboutReplacing =
      error instanceof AcmeError &&
      ['alreadyReplaced', 'malformed', 'conflict'].includes(error.problem);
    if (replacedId === undefined || !isAboutReplacing) throw error;
    answer = await account.post(what, url, plain);
  }
  if (answer.location === undefined || answer.json === undefined) throw senseless('order');
  return { url: answer.location, body: answer.json };
}

/** Answers the one challenge of our type. Another authorization may be valid from before. */
async function authorize(account: Account, url: string, order: CertificateOrder): Promise<void> {
  const { solver, domain } = order;
  const what = `The check of ${domain}`;
  const { json: authorization } = await account.post(what, url, '');
  if (textAt(authorization, 'status') === 'valid') return;
  const offered = challengeOf(authorization, solver.type);
  const token = textAt(offered, 'token');
  const challengeUrl = textAt(offered, 'url');
  if (token === undefined || challengeUrl === undefined) {
    throw new AcmeError(
      'unsupportedChallenge',
      `The certificate authority does not check ${domain} by ${solver.type}. Choose another OP_ACME_CHALLENGE, or another authority.`,
    );
  }
  const keyAuthorization = `${token}.${account.thumbprint}`;
  const challenge: Challenge = { type: solver.type, domain, token, keyAuthorization };
  try {
    await solver.put(challenge);
    order.signal.throwIfAborted();
    await account.post(what, challengeUrl, {});
    const checked = await account.poll(what, url, (body) => textAt(body, 'status') !== 'pending');
    if (textAt(checked, 'status') === 'valid') return;
    const reason = objectAt(challengeOf(checked, solver.type), 'error');
    throw failedCheck(`${domain} was not found to be ours by ${solver.type}`, reason);
  } finally {
    await solver.drop(challenge);
  }
}

function challengeOf(authorization: JsonObject | undefined, type: string): JsonObject | undefined {
  return listAt(authorization, 'challenges')
    .map(asObject)
    .find((challenge) => textAt(challenge, 'type') === type);
}

/** Sends the request once; from then on the order is read until it is done (RFC 8555 §7.4). */
async function finalize(account: Account, url: string, order: CertificateOrder): Promise<string> {
  const what = `The order for ${order.domain}`;
  const statusOf = (body: JsonObject): string => textAt(body, 'status') ?? '';
  let body = await account.poll(what, url, (read) => statusOf(read) !== 'pending');
  const finalizeUrl = textAt(body, 'finalize');
  if (statusOf(body) === 'ready' && finalizeUrl !== undefined) {
    const csr = certificateRequest(order.domain, order.certificateKeyPem).toString('base64url');
    await account.post(what, finalizeUrl, { csr });
    const isUnderWay = (read: JsonObject): boolean =>
      ['pending', 'ready', 'processing'].includes(statusOf(read));
    body = await account.poll(what, url, (read) => !isUnderWay(read));
  }
  const certificateUrl = textAt(body, 'certificate');
  if (statusOf(body) !== 'valid' || certificateUrl === undefined) {
    throw failedCheck(`${what} became "${statusOf(body)}"`, objectAt(body, 'error'));
  }
  const accept = 'application/pem-certificate-chain';
  return (await account.post(what, certificateUrl, '', accept)).text;
}

function senseless(what: string): AcmeError {
  return new AcmeError(
    'protocol',
    `The certificate authority answered without a usable ${what}. Check OP_ACME_DIRECTORY_URL; if it is right, the authority has an error.`,
  );
}
