import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from '#base/operator-error.ts';
import { AcmeError, type Challenge, type ChallengeSolver } from '../acme/acme-engine.ts';
import { readChallengeBody } from '../records.ts';
import { LeaseLost, type OrderParts, storeChallenge } from '../shared-solver.ts';
import { type DnsProvider, providerError, recordName, recordValue } from './dns-provider.ts';

export interface DnsSolverOptions extends OrderParts {
  readonly domain: string;
  /** Reads the settings anew: a mended or renewed credential counts from the next order on. */
  readonly open: () => DnsProvider;
  readonly times: SolverTimes;
}

export interface SolverTimes {
  /** For all requests that put a record there. */
  readonly putMs: number;
  /** For those that remove it: the end of the bridge waits for them. */
  readonly dropMs: number;
  /** In place of the provider's own. */
  readonly spreadMs?: number;
}

export const SOLVER_TIMES: SolverTimes = { putMs: 120_000, dropMs: 15_000 };

/**
 * Answers DNS-01 (RFC 8555 §8.4) by a TXT record at the provider. The challenge is noted in the store
 * before the record is made and until it is gone: what a process that died has left behind is
 * removed by the next order, whoever places it.
 *
 * No name server is asked whether the record shows: that would be one more way out of the network
 * to allow, and what one server answers says little about the others. The provider says when it has
 * taken the change, and its name servers get the time that they need at most.
 */
export function dnsSolver(options: DnsSolverOptions): ChallengeSolver {
  const { domain, signal, log, times } = options;
  let provider: DnsProvider | undefined;
  return {
    type: 'dns-01',
    async put(challenge) {
      const opened = openProvider(options.open);
      await within(times.putMs, opened.title, signal, async (limit) => {
        await removeLeftover(options, opened, limit);
        if (!(await storeChallenge(options, challenge))) throw new LeaseLost();
        provider = opened;
        await opened.put(recordName(domain), recordValue(challenge.keyAuthorization), limit);
      });
      const spreadMs = times.spreadMs ?? opened.spreadMs;
      log.info({ domain, spreadMs }, `certificate: the record for the check is at ${opened.title}`);
      await sleep(spreadMs, undefined, { signal });
    },
    async drop(challenge) {
      if (provider === undefined) return;
      const { title } = provider;
      try {
        await within(times.dropMs, title, undefined, (limit) =>
          removeRecord(provider, challenge, limit),
        );
        await storeChallenge(options, undefined);
      } catch (err) {
        const name = recordName(domain);
        log.warn({ domain, err }, `certificate: ${name} keeps a record until the next order`);
      }
    },
  };
}

async function removeLeftover(
  { shared, domain }: DnsSolverOptions,
  provider: DnsProvider,
  signal: AbortSignal,
): Promise<void> {
  await shared.refresh();
  const { challenge: record } = shared.records;
  const left = record === undefined ? undefined : readChallengeBody(record.body);
  if (left?.type !== 'dns-01' || left.domain !== domain) return;
  await removeRecord(provider, left, signal);
}

async function removeRecord(
  provider: DnsProvider | undefined,
  { domain, keyAuthorization }: Challenge,
  signal: AbortSignal,
): Promise<void> {
  await provider?.remove(recordName(domain), recordValue(keyAuthorization), signal);
}

/** Throws AcmeError: the file was fine at the start, and certificates end no process. */
function openProvider(open: () => DnsProvider): DnsProvider {
  try {
    return open();
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    throw providerError(thrown.message, { cause: thrown });
  }
}

/** Rejects with AcmeError when it takes longer, or with what `act` rejects with. */
async function within(
  limitMs: number,
  title: string,
  signal: AbortSignal | undefined,
  act: (limit: AbortSignal) => Promise<void>,
): Promise<void> {
  const timeout = AbortSignal.timeout(limitMs);
  try {
    await act(signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
  } catch (cause) {
    const isTimeout = timeout.aborted && signal?.aborted !== true && !(cause instanceof AcmeError);
    if (!isTimeout) throw cause;
    throw providerError(`${title} took longer than ${limitMs / 1000} seconds.`, { cause });
  }
}
