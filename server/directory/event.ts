/** Who asks, and how the answer is to be judged. Travels with each write into its event. */
export interface Caller {
  /** Also in the log and in the `detail` of an error. */
  readonly requestId: string;
  /** The bearer token's key id, never the token. */
  readonly kid: string;
  /** The identity provider by its own words, for people only: nothing is decided by it. */
  readonly idp: string;
  readonly strict: boolean;
}

/** One line of the provisioning history: names of attributes without values, members as counts. */
export interface ProvisioningEvent {
  readonly requestId: string;
  readonly kid: string;
  readonly idp: string;
  readonly operation: 'create' | 'restore' | 'replace' | 'patch' | 'delete';
  readonly resourceType: 'User' | 'Group';
  readonly id?: string;
  readonly attributes?: readonly string[];
  readonly members?: { readonly add: number; readonly remove: number };
  /** Ids that a group was to get and that no user has. */
  readonly unknownMembers?: readonly string[];
  readonly result: 'done' | 'refused';
  /** Of a refusal: what the client was told. */
  readonly problem?: string;
}

export type EventFacts = Omit<ProvisioningEvent, 'requestId' | 'kid' | 'idp' | 'result'>;

export function eventText(caller: Caller, facts: EventFacts): string {
  const { requestId, kid, idp } = caller;
  const event: ProvisioningEvent = { requestId, kid, idp, ...facts, result: 'done' };
  return JSON.stringify(event);
}

export function refusalText(caller: Caller, facts: EventFacts, problem: string): string {
  const { requestId, kid, idp } = caller;
  const event: ProvisioningEvent = { requestId, kid, idp, ...facts, result: 'refused', problem };
  return JSON.stringify(event);
}
