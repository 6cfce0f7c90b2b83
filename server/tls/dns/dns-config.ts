import { readFileSync, statSync } from 'node:fs';
import { errorCode } from '#base/error-code.ts';
import { nearest } from '#base/nearest.ts';
import { OperatorError } from '#base/operator-error.ts';
import { type JsonObject, objectAt, parseObject, textAt } from '../http-answer.ts';
import type { AzureSettings } from './azure-dns.ts';
import type { CloudflareSettings } from './cloudflare.ts';
import type { GoogleSettings } from './google-cloud-dns.ts';
import { readServiceAccount, type ServiceAccount } from './google-service-account.ts';

/** What OP_DNS_CHALLENGE_CONFIG_FILE says, in the form of the vendor's bridge. */
export type DnsConfig =
  | { readonly provider: 'googlecloud'; readonly settings: GoogleSettings }
  | { readonly provider: 'azure'; readonly settings: AzureSettings }
  | { readonly provider: 'cloudflare'; readonly settings: CloudflareSettings };

const FILE_BYTES_MAX = 65_536;
const PROVIDERS = ['googlecloud', 'azure', 'cloudflare'] as const;
const KEY = 'gcp_application_default';
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Throws OperatorError that lists every mistake, and shows no value but the provider's name. */
export function readDnsConfig(path: string): DnsConfig {
  const mistakes: string[] = [];
  const config = readFields(path, mistakes);
  if (config !== undefined && mistakes.length === 0) return config;
  throw new OperatorError(
    `OP_DNS_CHALLENGE_CONFIG_FILE: ${path} can not be used. ${mistakes.join(' ')} docs/certificates.md has an example.`,
  );
}

function readFields(path: string, mistakes: string[]): DnsConfig | undefined {
  const text = readText(path, mistakes);
  if (text === undefined) return undefined;
  const root = parseObject(text);
  if (root === undefined) {
    mistakes.push('It is no JSON object.');
    return undefined;
  }
  refuseUnknown(root, ['provider', 'configuration'], '', mistakes);
  const provider = PROVIDERS.find((name) => name === root['provider']);
  if (provider === undefined) {
    mistakes.push(unknownProvider(root['provider']));
    return undefined;
  }
  const section = objectAt(objectAt(root, 'configuration'), provider);
  if (section === undefined) {
    mistakes.push(`configuration.${provider} is missing: the provider's settings go there.`);
    return undefined;
  }
  // Sections of other providers are not looked at: the vendor's example has all of them.
  const fields = new Fields(section, `configuration.${provider}`, mistakes);
  if (provider === 'googlecloud') {
    const settings = googleSettings(fields);
    return settings === undefined ? undefined : { provider, settings };
  }
  if (provider === 'azure') return { provider, settings: azureSettings(fields) };
  return { provider, settings: cloudflareSettings(fields) };
}

function googleSettings(fields: Fields): GoogleSettings | undefined {
  fields.knowOnly('gcp_project', KEY);
  const project = fields.text(
    'gcp_project',
    /^[a-z0-9][a-z0-9.:-]{0,99}$/,
    'the id of the project',
  );
  const account = serviceAccount(fields);
  return account === undefined ? undefined : { project, account };
}

function azureSettings(fields: Fields): AzureSettings {
  fields.knowOnly(
    ...['tenant_id', 'client_id', 'client_secret', 'subscription_id', 'resource_group_name'],
  );
  const tenant = /^[\da-z][\da-z.-]{2,252}$/i;
  return {
    tenantId: fields.text('tenant_id', tenant, 'the id or a domain of the Entra tenant'),
    clientId: fields.text('client_id', UUID, "the application's (client) id, a UUID"),
    clientSecret: fields.text('client_secret', /^[\x21-\x7e]{8,512}$/, "the client secret's value"),
    subscriptionId: fields.text('subscription_id', UUID, 'the id of the subscription, a UUID'),
    resourceGroup: fields.text(
      'resource_group_name',
      /^[\p{L}\p{N}_().-]{1,90}$/u,
      'the name of the resource group that the DNS zone is in',
    ),
  };
}

function cloudflareSettings(fields: Fields): CloudflareSettings {
  fields.knowOnly('api_token');
  return {
    apiToken: fields.text('api_token', /^[\w-]{20,256}$/, 'an API token (not a global key)'),
  };
}

/** The key may stand in the file itself too: a Secret of Kubernetes then needs one entry alone. */
function serviceAccount(fields: Fields): ServiceAccount | undefined {
  const inline = fields.objectAt(KEY);
  if (inline !== undefined) return accountOf(fields, KEY, inline);
  // Messages show the path: a key that was pasted in its place must not pass for one.
  const path = fields.text(
    KEY,
    /^[^\0\r\n{}"]{1,255}$/,
    "the path of a service account's key file",
  );
  const text = path === '' ? undefined : readText(path, fields.mistakes);
  return text === undefined ? undefined : accountOf(fields, `${KEY} (${path})`, parseObject(text));
}

function accountOf(
  fields: Fields,
  name: string,
  key: JsonObject | undefined,
): ServiceAccount | undefined {
  const account = readServiceAccount(key);
  if (!('mistake' in account)) return account;
  fields.refuse(name, `is ${account.mistake}: make a key of a service account, as JSON`);
  return undefined;
}

/** The settings of one provider, each looked at by its name. */
class Fields {
  readonly mistakes: string[];
  readonly #section: JsonObject;
  readonly #place: string;

  constructor(section: JsonObject, place: string, mistakes: string[]) {
    this.#section = section;
    this.#place = place;
    this.mistakes = mistakes;
  }

  knowOnly(...names: readonly string[]): void {
    refuseUnknown(this.#section, names, `${this.#place}.`, this.mistakes);
  }

  /** The empty text when it is refused. */
  text(name: string, pattern: RegExp, expected: string): string {
    const value = textAt(this.#section, name)?.trim();
    if (value !== undefined && pattern.test(value)) return value;
    const isAbsent = this.#section[name] === undefined || value === '';
    this.refuse(name, `${isAbsent ? 'is missing' : 'is not right'}: enter ${expected}`);
    return '';
  }

  objectAt(name: string): JsonObject | undefined {
    return objectAt(this.#section, name);
  }

  refuse(name: string, mistake: string): void {
    this.mistakes.push(`${this.#place}.${name} ${mistake}.`);
  }
}

function refuseUnknown(
  object: JsonObject,
  names: readonly string[],
  prefix: string,
  mistakes: string[],
): void {
  for (const name of Object.keys(object).filter((each) => !names.includes(each))) {
    const meant = nearest(name, names);
    const hint = meant === undefined ? `Known are ${names.join(', ')}` : `Is ${meant} meant`;
    const end = meant === undefined ? '.' : '?';
    // A secret may have landed in the place of a name.
    const shown = /^\w{1,40}$/.test(name) && meant !== undefined ? ` ${prefix}${name}` : '';
    const place = prefix === '' ? 'the file' : prefix.slice(0, -1);
    mistakes.push(`There is an unknown field${shown} in ${place}. ${hint}${end}`);
  }
}

function unknownProvider(value: unknown): string {
  const known = PROVIDERS.map((name) => `"${name}"`).join(', ');
  if (value === undefined) return `provider is missing: enter one of ${known}.`;
  const given = typeof value === 'string' ? value.slice(0, 40) : '';
  return `provider is ${JSON.stringify(given)}: enter one of ${known}.`;
}

function readText(path: string, mistakes: string[]): string | undefined {
  try {
    if (statSync(path).size <= FILE_BYTES_MAX) return readFileSync(path, 'utf8');
    mistakes.push(`${path} is longer than ${FILE_BYTES_MAX} bytes.`);
  } catch (thrown) {
    const code = errorCode(thrown) ?? 'failed';
    mistakes.push(`${path} can not be read (${code}).`);
  }
  return undefined;
}
