import { providerError, zoneCandidates } from './dns-provider.ts';
import type { ApiAnswer, ProviderApi } from './provider-api.ts';

export interface ZoneSearch {
  readonly api: ProviderApi;
  readonly name: string;
  /** What to check when none is found, or when looking is refused. */
  readonly advice: string;
  ask(zone: string): Promise<ApiAnswer>;
  /** Reads a good answer; undefined: there is no such zone. */
  idIn(answer: ApiAnswer, zone: string): string | undefined;
}

/** The id of the longest zone that the name is in. Rejects with AcmeError when there is none. */
export async function findZone({ api, name, advice, ask, idIn }: ZoneSearch): Promise<string> {
  const candidates = zoneCandidates(name);
  let refused: ApiAnswer | undefined;
  for (const zone of candidates) {
    const answer = await ask(zone);
    const isGood = answer.status === 200 && answer.json !== undefined;
    const id = isGood ? idIn(answer, zone) : undefined;
    if (id !== undefined) return id;
    // A role on one zone alone forbids to look at other names, and not each name may be a zone's.
    if (!isGood && answer.status !== 404) refused = answer;
    if (answer.status === 401) break;
  }
  if (refused !== undefined) throw api.refusal(`looking for the zone of ${name}`, refused, advice);
  throw providerError(
    `${api.title} has no zone that ${name} is in: looked for ${candidates.join(', ')}. ${advice}`,
  );
}
