import { AcmeError, type CertificateOrder } from './acme-engine.ts';
import {
  type DirectoryServer,
  type JsonObject,
  objectAt,
  refusal,
  textAt,
} from './directory-server.ts';

/** The directory object (RFC 8555 §7.1.1), with all addresses that an order needs. */
export async function readDirectory(server: DirectoryServer): Promise<JsonObject> {
  const answer = await server.send('GET', server.url);
  if (answer.status !== 200) throw refusal('Reading the directory', answer);
  const missing = ['newNonce', 'newAccount', 'newOrder'].find(
    (name) => textAt(answer.json, name) === undefined,
  );
  if (answer.json !== undefined && missing === undefined) return answer.json;
  throw new AcmeError(
    'protocol',
    `${server.url} is not the directory of a certificate authority (RFC 8555). Check OP_ACME_DIRECTORY_URL.`,
  );
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
