import { OperatorError } from '#base/operator-error.ts';
import { unservedKind } from '#http/accounts.ts';
import type { SessionFile, TokenRecord } from '#session/format.ts';
import { findRecord, isBearerToken, openSession } from '#session/seal.ts';
import { openTokenSource } from '#session/source.ts';
import { type Check, type Finding, failed, ok, skipped, warning } from './check.ts';

const SOON_MS = 14 * 86_400_000;
const NO_SESSION = 'The session can not be read.';

export const sessionChecks: readonly Check[] = [
  {
    id: 'session',
    title: 'Session',
    about:
      'The scimsession file of `OP_SESSION`: it is there, whole, for the bridge alone, and of a kind that this version serves. That it opens is known only with its bearer token.',
    remedy:
      'Put back the file that `op-scim session create` wrote. On Kubernetes: `kubectl create secret generic scimsession --from-file=scimsession=./scimsession`. A lost one is replaced by a new session with the same `--account-id`, whose token then goes to the identity provider. `op-scim session inspect FILE` shows what is public in one.',
    run(subject) {
      const { found, problem } = subject.session();
      if (found === undefined) return failed(problem);
      const { kind, accountId } = found.session.meta;
      if (kind !== 'standalone') return failed(unservedKind(kind));
      if (found.warnings.length > 0) return warning(found.warnings.join(' '));
      return ok(`${found.origin} is whole: account ${accountId}, kind ${kind}.`);
    },
  },
  {
    id: 'tokens',
    title: 'Tokens',
    about:
      'When the bearer tokens of the session end. Only `op-scim session rotate-token` gives a token an end.',
    remedy:
      'Give the newest token to the identity provider. Without one that still holds, make a new session with the same `--account-id`.',
    run(subject) {
      const { found } = subject.session();
      return found === undefined ? skipped(NO_SESSION) : tokenFinding(found.session, subject.nowMs);
    },
  },
  {
    id: 'bearer-token-file',
    title: 'Bearer token file',
    about:
      'Where `OP_BEARER_TOKEN_FILE` is set: the file can be read and its token opens the session. Otherwise the first request with the token unlocks the bridge.',
    remedy:
      'Put the token of this very session into the file: the one that `op-scim session create` or `rotate-token` printed last.',
    run(subject) {
      const { bearerTokenFile } = subject.config;
      if (bearerTokenFile === undefined) {
        return skipped(
          'OP_BEARER_TOKEN_FILE is not set: the first request with the token unlocks.',
        );
      }
      const { found } = subject.session();
      if (found === undefined) return skipped(NO_SESSION);
      return fileFinding(bearerTokenFile, found.session, subject.nowMs);
    },
  },
];

function endMsOf({ notAfter }: TokenRecord): number {
  return notAfter === null ? Number.POSITIVE_INFINITY : Date.parse(notAfter);
}

function tokenFinding({ tokens }: SessionFile, nowMs: number): Finding {
  const holding = tokens.filter((token) => endMsOf(token) > nowMs);
  const forScim = holding.filter(({ scope }) => scope === 'scim');
  const ends = holding
    .filter(({ notAfter }) => notAfter !== null)
    .map(({ kid, scope, notAfter }) => `${kid} (${scope}) ends at ${notAfter}`);
  const others = holding.length - forScim.length;
  const counts = `${forScim.length} of scope scim, ${others} of scope health${ends.length > 0 ? `; ${ends.join('; ')}` : ''}.`;
  if (forScim.length === 0) {
    return failed(
      'No bearer token of the session holds any more: every request is refused.',
      'Make a new session with the same --account-id, and give its token to the identity provider.',
    );
  }
  const lastMs = Math.max(...forScim.map(endMsOf));
  if (lastMs < nowMs + SOON_MS) {
    return warning(
      `The last bearer token ends soon: ${counts}`,
      'Run "op-scim session rotate-token" now: it needs a token that still holds.',
    );
  }
  return ok(counts);
}

function fileFinding(path: string, session: SessionFile, nowMs: number): Finding {
  const warnings: string[] = [];
  const warn = (_fields: object, text: string): void => void warnings.push(text);
  let token = '';
  try {
    const source = openTokenSource(path, { log: { info() {}, warn, error() {} } });
    source.onToken((text) => {
      token = text;
    });
    source.close();
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    return failed(thrown.message);
  }
  const record = isBearerToken(token) ? findRecord(session, token) : undefined;
  if (record === undefined) {
    return failed(`The token in ${path} is none of the session: it unlocks nothing.`);
  }
  if (endMsOf(record) <= nowMs)
    return failed(`The token in ${path} has ended: it unlocks nothing.`);
  if (record.scope !== 'scim') {
    return failed(`The token in ${path} is a health-only one: it unlocks nothing.`);
  }
  const opened = openSession(session, record, token);
  opened?.dataKey.fill(0);
  if (opened === undefined) return failed('The session was changed: its token does not open it.');
  if (warnings.length > 0) return warning(warnings.join(' '));
  return ok('Its token opens the session. Whoever reads both files has the account.');
}
