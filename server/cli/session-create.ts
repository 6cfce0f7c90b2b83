import { randomBytes, randomUUID } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { OperatorError } from '#base/operator-error.ts';
import { ACCOUNT_ID, DOMAIN } from '#session/format.ts';
import { accountIdOf, PAYLOAD_KINDS, type PayloadKind, parsePayload } from '#session/payload.ts';
import { createSession } from '#session/seal.ts';
import { readSmallFile } from '#session/source.ts';
import { type CommandIo, parseOptions, write } from './command.ts';
import { askAll, type Question } from './prompt.ts';
import { createSessionFile, refuseExisting } from './session-file.ts';

const OPTIONS = {
  out: { type: 'string' },
  kind: { type: 'string' },
  credentials: { type: 'string' },
  'account-id': { type: 'string' },
  domain: { type: 'string' },
  strict: { type: 'boolean' },
} as const;

/** `op-scim session create`: writes the file, then prints the bearer token, the only thing on stdout. */
export async function createCommand(args: string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseOptions(args, OPTIONS, 'op-scim session create');
  if (values.out === undefined || values.out === '' || positionals.length > 0) {
    throw new OperatorError(
      '"op-scim session create" needs --out FILE and takes nothing without a name. See "op-scim session --help".',
    );
  }
  refuseExisting(values.out);
  const kind = readKind(values.kind, values.credentials);
  const domain = readDomain(values.domain ?? '');
  const wantedId = readAccountId(values['account-id']);
  const credentials = await readCredentials(kind, values.credentials, io);
  const payload = parsePayload(kind, credentials, newDeviceUuid);
  const accountId = wantedId ?? readAccountId(accountIdOf(payload)) ?? randomUUID();
  const strict = values.strict ?? false;
  const { session, bearerToken } = createSession({
    payload,
    accountId,
    domain,
    strict,
    nowMs: Date.now(),
  });
  await createSessionFile(values.out, session);
  try {
    await write(io.stdout, `${bearerToken}\n`);
  } catch (thrown) {
    await unlink(values.out);
    throw new OperatorError(
      'The bearer token could not be printed, so no session was made. Repeat with stdout open.',
      { cause: thrown },
    );
  }
  await write(io.stderr, nextSteps(values.out, kind, accountId));
  return 0;
}

function nextSteps(out: string, kind: PayloadKind, accountId: string): string {
  return [
    `Wrote ${out} (kind ${kind}, account ${accountId}). The line on stdout is its bearer token: it is`,
    'shown only now. Keep it in a password manager, apart from the file; either alone opens nothing.',
    'Next: give the file to the bridge, for Kubernetes with',
    `  kubectl create secret generic scimsession --from-file=scimsession=${out}`,
    'and the token to the identity provider.',
    '',
  ].join('\n');
}

function readKind(kind: string | undefined, credentials: string | undefined): PayloadKind {
  if (kind === undefined && credentials !== undefined) {
    throw new OperatorError('--credentials needs a --kind: add --kind op or --kind scim.');
  }
  const wanted = kind ?? 'standalone';
  if (wanted === 'standalone' && credentials !== undefined) {
    throw new OperatorError('--kind standalone has no credentials: leave out --credentials.');
  }
  const found = PAYLOAD_KINDS.find((candidate) => candidate === wanted);
  if (found === undefined) {
    throw new OperatorError(`--kind ${wanted} is not known: use ${PAYLOAD_KINDS.join(', ')}.`);
  }
  return found;
}

function readDomain(domain: string): string {
  if (!DOMAIN.test(domain)) {
    throw new OperatorError(
      `--domain ${domain} is not a domain name: give it in lower case without https://, such as scim.example.com.`,
    );
  }
  return domain;
}

function readAccountId(id: string | undefined): string | undefined {
  if (id !== undefined && !ACCOUNT_ID.test(id)) {
    throw new OperatorError(
      `The account id ${JSON.stringify(id)} can not be used: give --account-id up to 200 letters, digits or . _ - : /`,
    );
  }
  return id;
}

async function readCredentials(
  kind: PayloadKind,
  from: string | undefined,
  io: CommandIo,
): Promise<unknown> {
  if (kind === 'standalone') {
    return {};
  }
  const isTerminal = io.stdin.isTTY === true;
  if (isTerminal && (from === undefined || from === '-')) {
    return askAll(io, QUESTIONS[kind]);
  }
  if (from === undefined) {
    throw new OperatorError(
      `--kind ${kind} needs credentials: give --credentials FILE, or --credentials - and the JSON on stdin.`,
    );
  }
  const json = from === '-' ? await text(io.stdin) : await readCredentialsFile(from, io);
  try {
    return JSON.parse(json);
  } catch {
    // Without the cause: JSON.parse quotes the text.
    throw new OperatorError(
      `The credentials in ${from === '-' ? 'stdin' : from} are not JSON. See "op-scim session --help" for their fields.`,
    );
  }
}

async function readCredentialsFile(path: string, io: CommandIo): Promise<string> {
  const { text: json, mode } = readSmallFile(path, 'credentials');
  if ((mode & 0o077) !== 0) {
    await write(io.stderr, `Others may read ${path}. Remove it, or set its mode to 0600.\n`);
  }
  return json;
}

const QUESTIONS: Readonly<Record<PayloadKind, readonly Question[]>> = {
  standalone: [],
  op: [
    { name: 'signInAddress', text: 'Sign-in address, like acme.1password.com: ', isSecret: false },
    { name: 'email', text: 'E-mail of the provisioning user: ', isSecret: false },
    { name: 'secretKey', text: 'Secret Key (not shown): ', isSecret: true },
    { name: 'password', text: 'Account password (not shown): ', isSecret: true },
  ],
  scim: [
    { name: 'url', text: 'URL of the SCIM endpoint upstream: ', isSecret: false },
    { name: 'token', text: 'Its bearer token (not shown): ', isSecret: true },
  ],
};

/** 26 characters of a-z and 2-7, as the 1Password CLI makes them. */
function newDeviceUuid(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return Array.from(randomBytes(26), (byte) => alphabet[byte % alphabet.length]).join('');
}
