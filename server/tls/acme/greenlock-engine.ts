import { createPrivateKey } from 'node:crypto';
import { type JsonObject, objectAt, textAt } from '../http-answer.ts';
import type { AcmeEngine, CertificateOrder, Challenge, IssuedCertificate } from './acme-engine.ts';
import { readDirectory, requireExternalAccount } from './directory.ts';
import { type Answer, DirectoryServer, refusal } from './directory-server.ts';
import {
  type CoreHttpRequest,
  type CorePresenter,
  type CoreResponse,
  loadCore,
} from './greenlock-core.ts';
import { correct } from './greenlock-corrections.ts';
import { senseless, unsupportedChallenge } from './refusals.ts';
import { NONCE_TRIES } from './signed-requests.ts';

/**
 * The ACME core of greenlock-express, corrected. It knows no profiles and no renewal windows, and its
 * requests go through `DirectoryServer` like those of the native engine.
 */
export const greenlockEngine: AcmeEngine = { name: 'greenlock', issue };

const core = correct(loadCore());

async function issue(order: CertificateOrder): Promise<IssuedCertificate> {
  const server = new DirectoryServer(order.directory, order.signal);
  const presented = new PresentedChallenges(order);
  try {
    const directory = await readDirectory(server);
    requireExternalAccount(directory, order);
    const client = core.acme.create({
      maintainerEmail: 'nobody@op-scim.invalid',
      packageAgent: 'op-scim/0',
      skipDryRun: true,
      skipChallengeTest: true,
      __request: transport(server, order, textAt(directory, 'newAccount')),
    });
    const meta = objectAt(directory, 'meta') ?? {};
    await client.init({ ...directory, meta, termsOfService: true });
    const accountKey = createPrivateKey(order.accountKeyPem).export({ format: 'jwk' });
    const { email, externalAccount } = order;
    const account = await client.accounts.create({
      accountKey,
      contact: email === undefined ? undefined : [`mailto:${email}`],
      agreeToTerms: true,
      externalAccount: externalAccount && {
        id: externalAccount.kid,
        secret: externalAccount.hmacKey,
      },
    });
    if (account.key.kid === undefined) throw senseless('account');
    const challenges = { [order.solver.type]: presented.presenter() };
    const { domain } = order;
    const wanted = { account, accountKey, domains: [domain], challenges, order };
    const { cert, chain } = await client.certificates.create(wanted);
    return { chainPem: `${cert}\n${chain}` };
  } finally {
    await presented.dropAll();
    server.close();
  }
}

/** What the core asked the solver for. Each challenge is dropped once, whoever asks first. */
class PresentedChallenges {
  readonly #order: CertificateOrder;
  readonly #drops = new Map<string, () => Promise<void>>();

  constructor(order: CertificateOrder) {
    this.#order = order;
  }

  presenter(): CorePresenter {
    return {
      propagationDelay: 0,
      zones: async () => [],
      get: async () => null,
      set: async ({ challenge }) => {
        const { type, token, keyAuthorization } = challenge;
        if (typeof token !== 'string') throw unsupportedChallenge(this.#order);
        await this.#put({ type, domain: this.#order.domain, token, keyAuthorization });
        return null;
      },
      remove: async ({ challenge }) => {
        await this.#drops.get(challenge.token)?.();
        return null;
      },
    };
  }

  async dropAll(): Promise<void> {
    for (const drop of this.#drops.values()) await drop();
  }

  async #put(challenge: Challenge): Promise<void> {
    const { solver, signal } = this.#order;
    let dropped: Promise<void> | undefined;
    this.#drops.set(challenge.token, () => {
      dropped ??= solver.drop(challenge);
      return dropped;
    });
    await solver.put(challenge);
    signal.throwIfAborted();
  }
}

/** Sends what the core wants to send; what is refused ends here, but for nonces. */
function transport(server: DirectoryServer, { domain }: CertificateOrder, newAccountUrl?: string) {
  let refusedNonces = 0;
  return async ({ method, url, body }: CoreHttpRequest): Promise<CoreResponse> => {
    const answer = await server.send(method, url, body);
    if (answer.status < 400) {
      if (method === 'HEAD' && answer.nonce === undefined) throw senseless('nonce');
      if (method === 'POST') refusedNonces = 0;
      return responseOf(answer);
    }
    const isAccount = url === newAccountUrl;
    const what = isAccount
      ? 'Registering with the certificate authority'
      : `The order for ${domain}`;
    const error = refusal(what, answer);
    refusedNonces += 1;
    if (error.problem !== 'badNonce' || refusedNonces === NONCE_TRIES) throw error;
    return responseOf(answer);
  };
}

function responseOf(answer: Answer): CoreResponse {
  const { status, nonce, location, json, text } = answer;
  return {
    statusCode: status,
    headers: { 'replay-nonce': nonce, location },
    body: json === undefined ? text : status < 400 ? accepted(json) : { ...json, error: json },
    answer,
  };
}

/**
 * The core would take an `error`, which orders and challenges may have, and a `status` of 400 for
 * refusals, and one that names a nonce for a reason to send the same forever.
 */
function accepted(json: JsonObject): object {
  return { ...json, error: undefined, status: textAt(json, 'status') };
}
