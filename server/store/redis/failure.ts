import { StoreUnavailable } from '../store.ts';

/**
 * What to throw for an error of ioredis: StoreUnavailable when Redis can't be reached or refuses,
 * else an Error that is our bug. The original is not kept, since ioredis hangs the arguments of
 * the command on it, with a password or people's names in them.
 */
export function failureOf(error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error);
  const cause = new Error(withoutArguments(text));
  for (const [pattern, reason] of REFUSALS) {
    if (pattern.test(text)) return new StoreUnavailable(reason, cause);
  }
  if (isReply(error)) return cause;
  return new StoreUnavailable(unreachable(error), cause);
}

/** Why Redis can't be reached, after the error of the last attempt to connect. */
export function unreachable(error: unknown): string {
  const text = error instanceof Error ? error.message : '';
  for (const [pattern, reason] of REFUSALS) {
    if (pattern.test(text)) return reason;
  }
  const code = codeOf(error);
  const known = code === undefined ? undefined : CONNECTION_CODES[code];
  if (known !== undefined) return known;
  if (/certificate|SSL|TLS/i.test(`${code ?? ''} ${text}`)) {
    return 'Redis can not be reached: its TLS certificate or handshake was not accepted. Check the CA file and that the port speaks TLS.';
  }
  if (/sentinel/i.test(text)) {
    return 'Redis can not be reached: no Sentinel knows the master. Check the addresses of the Sentinels and the name of the master.';
  }
  return 'Redis can not be reached. Check that it runs and that its address is right.';
}

const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/\bOOM\b/, 'Redis is out of memory and refuses writes. Raise its maxmemory.'],
  [/\bLOADING\b/, 'Redis is still loading its files after a start. Retry in a moment.'],
  [/\bREADONLY\b/, 'Redis is a read-only replica now. Point the bridge to the master.'],
  [/\bMASTERDOWN\b/, 'Redis is a replica that has lost its master. Check the replication.'],
  [
    /\bMISCONF\b/,
    'Redis can not save to its disk and refuses writes. Check the space and the health of its volume.',
  ],
  [/\bNOREPLICAS\b/, 'Redis has too few replicas and refuses writes. Check the replication.'],
  [/\bCLUSTERDOWN\b|Cluster isn't ready/, 'The Redis Cluster is down. Check its nodes.'],
  [/\bBUSY\b/, 'Redis is busy with a script. Retry in a moment.'],
  [/\bTRYAGAIN\b|\bMOVED\b|\bASK\b/, 'The Redis Cluster is moving slots. Retry in a moment.'],
  [/max number of clients/, 'Redis has too many clients. Raise its maxclients.'],
  [
    /\bNOAUTH\b|\bWRONGPASS\b|invalid username-password|invalid password/,
    'Redis did not accept the user name or the password. Check both.',
  ],
  [
    /\bNOPERM\b/,
    'The Redis user may not run a command that the bridge needs. Allow it scripts and all data commands in its ACL.',
  ],
  [/Command timed out/, 'Redis did not answer in time. Check its load and the network.'],
];

const CONNECTION_CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'Redis can not be reached: the connection was refused. Check that it runs and that its address is right.',
  ENOTFOUND: 'Redis can not be reached: its host name is unknown. Check the address.',
  EAI_AGAIN: 'Redis can not be reached: its host name could not be looked up. Check DNS.',
  ETIMEDOUT:
    'Redis can not be reached: the connection timed out. Check the address and the firewall.',
  EHOSTUNREACH: 'Redis can not be reached: there is no route to its host. Check the network.',
};

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH)\b/.exec(error.message)?.[1];
}

/** Whether Redis answered with an error: what is not in REFUSALS is then a mistake of ours. */
function isReply(error: unknown): boolean {
  return error instanceof Error && /^ReplyError$|^ErrorReply$/.test(error.name);
}

function withoutArguments(text: string): string {
  return text.replace(/with args beginning with.*/s, 'with args').slice(0, 300);
}
