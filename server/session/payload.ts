import { OperatorError } from '#base/operator-error.ts';

/** How to reach the account: the sealed part of a session. Everything in it may be secret. */
export type Payload = StandalonePayload | OpPayload | ScimPayload;
export type PayloadKind = Payload['kind'];

/** The directory itself is the account: nothing upstream. */
export interface StandalonePayload {
  readonly kind: 'standalone';
}

/** A user of the 1Password account who provisions through the 1Password CLI. */
export interface OpPayload {
  readonly kind: 'op';
  /** Host name, such as acme.1password.com. */
  readonly signInAddress: string;
  readonly email: string;
  readonly secretKey: string;
  readonly password: string;
  /** Names this bridge as a device of that user: kept, or each start would register a new one. */
  readonly deviceUuid: string;
}

/** A SCIM endpoint upstream. */
export interface ScimPayload {
  readonly kind: 'scim';
  /** Base URL without a slash at the end. */
  readonly url: string;
  readonly token: string;
}

export const PAYLOAD_KINDS: readonly PayloadKind[] = ['standalone', 'op', 'scim'];

/**
 * Reads credentials of `kind`, as they came from JSON or from a terminal. Names the fields that are
 * wrong, never their values. `newDeviceUuid` is used when the credentials bring no device of their own.
 */
export function parsePayload(
  kind: PayloadKind,
  credentials: unknown,
  newDeviceUuid?: () => string,
): Payload {
  if (kind === 'standalone') {
    readFields(kind, credentials, []);
    return { kind };
  }
  if (kind === 'scim') {
    const fields = readFields(kind, credentials, ['url', 'token']);
    return { kind, url: parseUrl(fields.get('url')), token: parseHeaderToken(fields.get('token')) };
  }
  const names = ['signInAddress', 'email', 'secretKey', 'password', 'deviceUuid'];
  const fields = readFields(kind, credentials, names);
  return {
    kind,
    signInAddress: parseSignInAddress(fields.get('signInAddress')),
    email: matching(fields, 'email', /^[^\s@]+@[^\s@]+$/, 'an e-mail address'),
    secretKey: matching(
      fields,
      'secretKey',
      /^A\d-?[A-Z0-9]{4,8}(-?[A-Z0-9]{4,8}){3,7}$/i,
      'a Secret Key as 1Password shows it, A3-… with its dashes',
    ),
    password: matching(fields, 'password', /^[^\r\n\0]+$/, 'one line of text'),
    deviceUuid:
      newDeviceUuid !== undefined && !fields.has('deviceUuid')
        ? newDeviceUuid()
        : matching(fields, 'deviceUuid', /^[a-z2-7]{26}$/, '26 characters of a-z and 2-7'),
  };
}

/** The account id that follows from the credentials: the same for the same account. */
export function accountIdOf(payload: Payload): string | undefined {
  if (payload.kind === 'standalone') {
    return undefined;
  }
  return payload.kind === 'op' ? payload.signInAddress : payload.url;
}

type Fields = ReadonlyMap<string, string>;

function readFields(kind: PayloadKind, credentials: unknown, names: readonly string[]): Fields {
  if (typeof credentials !== 'object' || credentials === null || Array.isArray(credentials)) {
    const wanted = names.length === 0 ? '{}' : `an object with ${names.join(', ')}`;
    throw new OperatorError(`The credentials of kind ${kind} are not ${wanted}. Correct the JSON.`);
  }
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(credentials)) {
    if (name === 'kind' && value === kind) {
      continue;
    }
    if (!names.includes(name)) {
      const known = names.length === 0 ? 'none are known' : `known are ${names.join(', ')}`;
      throw new OperatorError(
        `The credentials have a field that kind ${kind} does not know (${known}). Remove it.`,
      );
    }
    if (typeof value !== 'string') {
      throw wrong(name, 'a string');
    }
    fields.set(name, value);
  }
  return fields;
}

function matching(fields: Fields, name: string, pattern: RegExp, wanted: string): string {
  const value = fields.get(name);
  if (value === undefined || value.length > 1_024 || !pattern.test(value)) {
    throw wrong(name, wanted);
  }
  return value;
}

/** Accepts what people copy: a host name, or the whole address of the sign-in page. */
function parseSignInAddress(value: string | undefined): string {
  const wanted = 'the address you sign in at, such as acme.1password.com';
  const text = value?.trim() ?? '';
  const url = URL.parse(/^https:\/\//i.test(text) ? text : `https://${text}`);
  if (url === null || url.username !== '' || url.port !== '' || !url.hostname.includes('.')) {
    throw wrong('signInAddress', wanted);
  }
  return url.hostname;
}

function parseUrl(value: string | undefined): string {
  const url = URL.parse(value ?? '');
  const isLoopback = url !== null && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback);
  if (url === null || !isSafe || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw wrong('url', 'an https URL without user, query or fragment (http only on loopback)');
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** What RFC 6750 §2.1 allows in an Authorization header. */
function parseHeaderToken(value: string | undefined): string {
  if (value === undefined || value.length > 8_192 || !/^[A-Za-z0-9\-._~+/]+=*$/.test(value)) {
    throw wrong('token', 'a bearer token, without the word Bearer');
  }
  return value;
}

function wrong(name: string, wanted: string): OperatorError {
  return new OperatorError(`"${name}" in the credentials is missing or is not ${wanted}.`);
}
