import { objectAt, textAt } from '../http-answer.ts';
import { externalAccountBinding } from './account-key.ts';
import type { CoreClient, CoreOrder, GreenlockCore } from './greenlock-core.ts';
import { notOurs, senseless, unsupportedChallenge } from './refusals.ts';
import { finalize, poll, type SignedRequests } from './signed-requests.ts';

/**
 * Makes the core of greenlock-express issue by every type of challenge, and connect to the directory
 * alone. Each correction is one function, and its comment says what the core does without it. They
 * change the module objects of that package, and nothing else in the process.
 */
export function correct(core: GreenlockCore): GreenlockCore {
  for (const correction of corrections) correction(core);
  return core;
}

const corrections: readonly ((core: GreenlockCore) => void)[] = [
  callsNobody,
  takesTheNextNonce,
  bindsExternalAccounts,
  leavesTheRequestToUs,
  usesValidAuthorizations,
  doesNotWait,
  answersEachChallengeOnce,
  finalizesOnce,
  saysWhatToDo,
];

/** Three seconds after `init` it sends e-mail address, time zone and language to its authors. */
function callsNobody({ maintainers }: GreenlockCore): void {
  maintainers.init = () => {};
}

/** It gives up after three nonces. Its caller's transport counts them, too, and gives up later. */
function takesTheNextNonce({ requests }: GreenlockCore): void {
  const send = requests._jwsRequest;
  requests._jwsRequest = (client, request) =>
    send(client, { _retries: Number.NEGATIVE_INFINITY, ...request });
}

/** It takes the secret of an external account (RFC 8555 §7.3.4), but can sign with key pairs only. */
function bindsExternalAccounts({ keys }: GreenlockCore): void {
  const sign = keys.signJws;
  keys.signJws = async (options) => {
    const { secret, protected: header, payload } = options;
    if (secret === undefined) return sign(options);
    const jwk = JSON.parse(payload.toString()); // The core's own text.
    return externalAccountBinding({ jwk }, { kid: header.kid, hmacKey: secret }, header.url);
  };
}

/**
 * It reads the certificate request with a parser of its own, which fails for one key in 250 and
 * wants a Common Name. `finalizesOnce` makes the request.
 */
function leavesTheRequestToUs({ acme }: GreenlockCore): void {
  acme._prepRequest = () => Promise.resolve();
}

/**
 * It asks for a challenge of our type in what is valid already, where there may be none, and stumbles
 * over an order without authorizations.
 */
function usesValidAuthorizations({ acme }: GreenlockCore): void {
  const read = acme._getAllChallenges;
  acme._getAllChallenges = async (client, wanted, accountUrl, zones, placed) => {
    if (placed.authorizations.length === 0) return [];
    const authorizations = await read(client, wanted, accountUrl, zones, placed);
    return authorizations.filter(({ status }) => status !== 'valid');
  };
}

/** It waits 5 s before each check. A solver resolves only when the answer can be seen. */
function doesNotWait({ acme }: GreenlockCore): void {
  acme._wait = () => Promise.resolve();
}

/** While a check is pending it asks for another one, which authorities refuse or count. */
function answersEachChallengeOnce({ acme, requests }: GreenlockCore): void {
  acme._postChallenge = async (client, wanted, accountUrl, challenge) => {
    const { order } = wanted;
    const account = accountOf(requests, client, wanted, accountUrl);
    const what = `The check of ${order.domain}`;
    const { url, type } = challenge;
    try {
      await account.post(what, url, {});
      const checked = await poll(account, {
        what,
        url,
        isDone: (body) => !['pending', 'processing'].includes(textAt(body, 'status') ?? ''),
        signal: order.signal,
      });
      if (textAt(checked, 'status') !== 'valid') throw notOurs(order, objectAt(checked, 'error'));
    } finally {
      await wanted.challenges[type]?.remove({ challenge });
    }
  };
}

/** While an order is processed it finalizes again, is refused, and loses the certificate. */
function finalizesOnce({ acme, requests }: GreenlockCore): void {
  acme._pollOrderStatus = async (client, wanted, accountUrl, placed) => {
    if (placed._orderUrl === undefined) throw senseless('order');
    const account = accountOf(requests, client, wanted, accountUrl);
    return { _certificateUrl: await finalize(account, placed._orderUrl, wanted.order) };
  };
}

/** Its errors are for programmers, and name no domain. */
function saysWhatToDo({ acme, errors }: GreenlockCore): void {
  const choose = acme._chooseChallenge;
  acme._chooseChallenge = (wanted, authorization) => {
    const chosen = choose(wanted, authorization);
    if (chosen === undefined) throw unsupportedChallenge(wanted.order);
    return chosen;
  };
  errors.NO_AUTHORIZATIONS = () => senseless('order');
}

/** The core signs, takes care of nonces, and sends. */
function accountOf(
  requests: GreenlockCore['requests'],
  client: CoreClient,
  { accountKey }: CoreOrder,
  kid: string,
): SignedRequests {
  return {
    async post(_what, url, payload) {
      const text = payload === '' ? '' : JSON.stringify(payload);
      const request = { accountKey, url, protected: { kid }, payload: Buffer.from(text) };
      return (await requests._jwsRequest(client, request)).answer;
    },
  };
}
