import { type JsonObject, listAt, objectAt, textAt } from '../http-answer.ts';
import { type AcmeDirectory, AcmeError, type CertificateOrder } from './acme-engine.ts';
import { type Answer, DirectoryServer, refusal } from './directory-server.ts';

/** What the authority says of itself (RFC 8555 §7.1.1), and of the time. */
export interface DirectoryLook {
  /** Names; empty where the authority has none. */
  readonly profiles: readonly string[];
  readonly asksForExternalAccount: boolean;
  /** What a CAA record has to name to allow this authority. */
  readonly caaIdentities: readonly string[];
  /** Milliseconds since 1970, of whole seconds; undefined: it did not say. */
  readonly serverTimeMs: number | undefined;
  /** How long the answer took. */
  readonly tookMs: number;
}

/** Throws AcmeError when there is no directory at that address. */
export async function readDirectory(server: DirectoryServer): Promise<JsonObject> {
  return directoryOf(server.url, await server.send('GET', server.url));
}

/** Reads the directory and asks for nothing: no account, no nonce, no order. Rejects with AcmeError. */
export async function lookAtDirectory(
  directory: AcmeDirectory,
  signal: AbortSignal,
): Promise<DirectoryLook> {
  const server = new DirectoryServer(directory, signal);
  try {
    const beganMs = performance.now();
    const answer = await server.send('GET', directory.url);
    const meta = objectAt(directoryOf(directory.url, answer), 'meta');
    return {
      profiles: Object.keys(objectAt(meta, 'profiles') ?? {}),
      asksForExternalAccount: meta?.['externalAccountRequired'] === true,
      caaIdentities: listAt(meta, 'caaIdentities').map((name) => String(name).toLowerCase()),
      serverTimeMs: answer.dateMs,
      tookMs: performance.now() - beganMs,
    };
  } finally {
    server.close();
  }
}

/** Throws when the authority wants a binding that is not set. */
export function requireExternalAccount(directory: JsonObject, order: CertificateOrder): void {
  const isRequired = objectAt(directory, 'meta')?.['externalAccountRequired'] === true;
  if (!isRequired || order.externalAccount !== undefined) return;
  throw new AcmeError(
    'externalAccountRequired',
    'The certificate authority serves its own customers only. Set OP_ACME_EAB_KID and OP_ACME_EAB_HMAC to what it shows in your account.',
  );
}

function directoryOf(url: string, answer: Answer): JsonObject {
  if (answer.status !== 200) throw refusal('Reading the directory', answer);
  const missing = ['newNonce', 'newAccount', 'newOrder'].find(
    (name) => textAt(answer.json, name) === undefined,
  );
  if (answer.json !== undefined && missing === undefined) return answer.json;
  throw new AcmeError(
    'protocol',
    `${url} is not the directory of a certificate authority (RFC 8555). Check OP_ACME_DIRECTORY_URL.`,
  );
}
