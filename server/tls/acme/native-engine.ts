import { asObject, type JsonObject, listAt, objectAt, textAt } from '../http-answer.ts';
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
import { readDirectory, requireExternalAccount } from './directory.ts';
import { type Answer, DirectoryServer, refusal } from './directory-server.ts';
import { notOurs, senseless, unsupportedChallenge } from './refusals.ts';
import { renewalIdOf } from './renewal-id.ts';
import { finalize, NONCE_TRIES, poll } from './signed-requests.ts';

/** RFC 8555 and RFC 9773 on Node's own crypto and https. */
export const nativeEngine: AcmeEngine = { name: 'native', issue, renewalWindow };

const PEM_CHAIN = 'application/pem-certificate-chain';
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
    const certificateUrl = await finalize(account, url, order);
    const what = `The certificate for ${order.domain}`;
    const { text } = await account.post(what, certificateUrl, '', PEM_CHAIN);
    return { chainPem: text };
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
  #nonce: string | undefined;
  /** The account's URL: known once it is opened. */
  #kid: string | undefined;

  constructor(server: DirectoryServer, key: AccountKey, newNonceUrl: string) {
    this.#server = server;
    this.#key = key;
    this.#newNonceUrl = newNonceUrl;
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

  async #freshNonce(): Promise<string> {
    const answer = await this.#server.send('HEAD', this.#newNonceUrl);
    if (answer.status >= 400) throw refusal('Asking for a nonce', answer);
    if (answer.nonce === undefined) throw senseless('nonce');
    return answer.nonce;
  }
}

async function openAccount(
  server: DirectoryServer,
  directory: JsonObject,
  order: CertificateOrder,
): Promise<Account> {
  const key = readAccountKey(order.accountKeyPem);
  const account = new Account(server, key, textAt(directory, 'newNonce') ?? '');
  const url = textAt(directory, 'newAccount') ?? '';
  const { externalAccount } = order;
  requireExternalAccount(directory, order);
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
    throw unsupportedChallenge(order);
  }
  const keyAuthorization = `${token}.${account.thumbprint}`;
  const challenge: Challenge = { type: solver.type, domain, token, keyAuthorization };
  try {
    await solver.put(challenge);
    order.signal.throwIfAborted();
    await account.post(what, challengeUrl, {});
    const isDone = (body: JsonObject): boolean => textAt(body, 'status') !== 'pending';
    const checked = await poll(account, { what, url, isDone, signal: order.signal });
    if (textAt(checked, 'status') === 'valid') return;
    throw notOurs(order, objectAt(challengeOf(checked, solver.type), 'error'));
  } finally {
    await solver.drop(challenge);
  }
}

function challengeOf(authorization: JsonObject | undefined, type: string): JsonObject | undefined {
  return listAt(authorization, 'challenges')
    .map(asObject)
    .find((challenge) => textAt(challenge, 'type') === type);
}
