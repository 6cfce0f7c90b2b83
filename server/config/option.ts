import { isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

/** One setting: how its text is read, what holds without it, and what the documents say of it. */
export interface Option<
  T,
  Chart extends string | undefined = string | undefined,
  Type extends ParserSchema['type'] = ParserSchema['type'],
> {
  /** The name that documents use. */
  readonly env: string;
  /** Other spellings in use: accepted like `env`. */
  readonly aliases: readonly string[];
  /** Names of earlier versions: accepted with a warning. */
  readonly oldNames: readonly string[];
  /**
   * Path of the chart's value: a group with the name of a Secret when the setting is secret or a
   * file; undefined when the chart itself decides the setting.
   */
  readonly chart: Chart;
  readonly parser: Parser<T, Type>;
  /** What holds when the variable is unset; an undefined one makes T include undefined. */
  readonly fallback: T;
  /** Secret text is never shown. A function shows the part of a good value that is no secret. */
  readonly secret: boolean | ((text: string) => string);
  /** Whether the empty text is a value of its own. Elsewhere it counts as unset. */
  readonly emptyIsSet: boolean;
  /** One or two sentences of docs/config.md. */
  readonly help: string;
  /** What it is for, as long as nothing reads it: completes "It is for …". */
  readonly awaits: string | undefined;
}

export interface Parser<T, Type extends ParserSchema['type'] = ParserSchema['type']> {
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** Undefined when the text is not what is expected. */
  read(text: string): T | undefined;
  /** A text that reads as this value. */
  print(value: T): string;
  /** The text is the path of a file that the server has to be able to read. */
  readonly isFile?: true;
  /** What JSON Schema can say of the chart's value, in whose place the empty text stands for unset. */
  readonly schema: ParserSchema & { readonly type: Type };
}

export interface ParserSchema {
  readonly type: 'string' | 'integer' | 'boolean';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly pattern?: string;
}

interface OptionInput<T, Fallback, Chart, Type extends ParserSchema['type']>
  extends Pick<Option<T>, 'env' | 'help'>,
    Partial<Pick<Option<T>, 'aliases' | 'oldNames' | 'secret' | 'emptyIsSet' | 'awaits'>> {
  readonly parser: Parser<T, Type>;
  readonly fallback: Fallback;
  readonly chart?: Chart;
}

/** The types of the path and of the parser's schema are kept: the chart's values get theirs from them. */
export function option<
  T,
  const Fallback extends T | undefined,
  Type extends ParserSchema['type'],
  const Chart extends string | undefined = undefined,
>(input: OptionInput<T, Fallback, Chart, Type>): Option<T | Fallback, Chart, Type> {
  const { chart, ...given } = input;
  const { read, print, ...rest } = given.parser;
  return {
    aliases: [],
    oldNames: [],
    secret: false,
    emptyIsSet: false,
    awaits: undefined,
    ...given,
    // Without one, Chart is undefined too.
    chart: chart as Chart,
    parser: {
      ...rest,
      read,
      print: (value) => (value === undefined ? '' : print(value)),
    },
  };
}

export const flag: Parser<boolean, 'boolean'> = {
  expected: '0, 1, true or false',
  read(text) {
    const lower = text.toLowerCase();
    if (lower === '1' || lower === 'true') return true;
    return lower === '0' || lower === 'false' ? false : undefined;
  },
  print: (value) => (value ? '1' : '0'),
  schema: { type: 'boolean' },
};

export const text: Parser<string, 'string'> = {
  expected: 'text without line breaks',
  read: (input) => (/[\r\n\0]/.test(input) ? undefined : input),
  print: (value) => value,
  schema: { type: 'string', pattern: '^[^\\r\\n]*$' },
};

export const path: Parser<string, 'string'> = { ...text, expected: 'a path' };

export const file: Parser<string, 'string'> = {
  ...text,
  expected: 'the path of a file that can be read',
  isFile: true,
};

export const pathOrBase64: Parser<string, 'string'> = {
  expected: 'the path of a file, or its contents in base64',
  read: (input) => (input.includes('\0') ? undefined : input),
  print: (value) => value,
  schema: { type: 'string' },
};

export function wholeNumber(min: number, max: number, unit = ''): Parser<number, 'integer'> {
  const suffix = unit === '' ? '' : ` (${unit})`;
  return {
    expected: `a whole number from ${min} to ${max}${suffix}`,
    read(input) {
      const value = /^\d{1,15}$/.test(input) ? Number(input) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
    print: String,
    schema: { type: 'integer', minimum: min, maximum: max },
  };
}

/** 0 lets the system choose a free port. */
export const port: Parser<number, 'integer'> = {
  ...wholeNumber(0, 65_535),
  expected: 'a port number from 0 to 65535',
};

export const seconds = (min: number, max: number) => wholeNumber(min, max, 'seconds');

const UNIT_BYTES = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

/** `1048576`, `1024KiB` and `1 MiB` are the same; K, M and G count in steps of 1,024. */
export function bytes(min: number, max: number): Parser<number, 'string'> {
  return {
    expected: `a size from ${printBytes(min)} to ${printBytes(max)}, such as 1048576 or 1 MiB`,
    read(input) {
      const match = /^(\d{1,15}) ?(?:([kmg])(?:i?b)?)?$/i.exec(input);
      const unit = (match?.[2] ?? '').toLowerCase();
      if (match === null || !isUnit(unit)) return undefined;
      const value = Number(match[1]) * UNIT_BYTES[unit];
      return value >= min && value <= max ? value : undefined;
    },
    print: printBytes,
    schema: { type: 'string', pattern: '^([0-9]{1,15} ?([kKmMgG]([iI]?[bB])?)?)?$' },
  };
}

function isUnit(unit: string): unit is keyof typeof UNIT_BYTES {
  return unit in UNIT_BYTES;
}

function printBytes(value: number): string {
  if (value % 1024 ** 2 === 0 && value > 0) return `${value / 1024 ** 2} MiB`;
  return value % 1024 === 0 && value > 0 ? `${value / 1024} KiB` : String(value);
}

export function choice<const Name extends string>(
  ...names: readonly Name[]
): Parser<Name, 'string'> {
  return {
    expected: names.join(' or '),
    read: (input) => names.find((name) => name === input.toLowerCase()),
    print: (value) => value,
    schema: { type: 'string', enum: names },
  };
}

/** Lower case, punycode, without a dot at the end. The empty text stays empty. */
export const domainName: Parser<string, 'string'> = {
  expected: 'a domain name such as scim.example.com, without https:// or a path',
  read(input) {
    if (input === '') return '';
    const ascii = domainToASCII(input.replace(/\.$/, ''));
    const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
    const isName = new RegExp(`^(?:${label}\\.)+${label}$`).test(ascii) && ascii.length <= 253;
    return isName && isIP(ascii) === 0 ? ascii : undefined;
  },
  print: (value) => value,
  // Letters of other alphabets are left to the bridge.
  schema: { type: 'string', pattern: '^([^\\s/:@_]+\\.[^\\s/:@_]*[^\\s/:@_0-9.][^\\s/:@_]*)?$' },
};

export const email: Parser<string, 'string'> = {
  expected: 'an e-mail address',
  read: (input) => (/^[^\s@<>,;]{1,64}@[^\s@<>,;]{1,255}$/.test(input) ? input : undefined),
  print: (value) => value,
  schema: { type: 'string', pattern: '^([^\\s@<>,;]{1,64}@[^\\s@<>,;]{1,255})?$' },
};

export const listenAddress: Parser<string, 'string'> = {
  expected: 'an IP address of this machine, or localhost',
  read: (input) => (isIP(input) !== 0 || input === 'localhost' ? input : undefined),
  print: (value) => value,
  schema: { type: 'string', pattern: '^(localhost|[0-9a-fA-F:.]+)?$' },
};

export const hostName: Parser<string, 'string'> = {
  expected: 'a host name or an IP address, without a port',
  read: (input) => (isHost(input) ? input : undefined),
  print: (value) => value,
  schema: { type: 'string', pattern: '^([A-Za-z0-9_.:][A-Za-z0-9_.:-]*)?$' },
};

function isHost(input: string): boolean {
  return isIP(input) !== 0 || (/^[A-Za-z0-9_.-]{1,253}$/.test(input) && !input.startsWith('-'));
}

/** Schemes are written as `new URL().protocol` has them: `https:`. */
export function url(...schemes: readonly string[]): Parser<string, 'string'> {
  return {
    expected: `a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
    read(input) {
      const parsed = URL.canParse(input) ? new URL(input) : undefined;
      if (parsed === undefined || parsed.hostname === '') return undefined;
      return schemes.includes(parsed.protocol) ? input : undefined;
    },
    print: (value) => value,
    schema: { type: 'string', pattern: `^((${schemes.join('|')})//[^\\s/]+.*)?$` },
  };
}

/** A URL, or one of the names that stand for one. */
export function namedUrl(
  names: Readonly<Record<string, string>>,
  ...schemes: readonly string[]
): Parser<string, 'string'> {
  const parser = url(...schemes);
  return {
    expected: `${Object.keys(names).join(', ')} or ${parser.expected}`,
    read: (input) =>
      Object.hasOwn(names, input.toLowerCase()) ? names[input.toLowerCase()] : parser.read(input),
    print: (value) => value,
    schema: {
      type: 'string',
      pattern: `^(${Object.keys(names).join('|')}|(${schemes.join('|')})//[^\\s/]+.*)?$`,
    },
  };
}

/** Scheme, host and port alone; the rest of a link is the server's. */
export const origin: Parser<string, 'string'> = {
  expected: 'an address such as https://scim.example.com, without a path',
  read(input) {
    const parsed = URL.canParse(input) ? new URL(input) : undefined;
    if (parsed === undefined || !['https:', 'http:'].includes(parsed.protocol)) return undefined;
    const isBare = parsed.href === `${parsed.origin}/` && !/[?#]/.test(input);
    return isBare ? parsed.origin : undefined;
  },
  print: (value) => value,
  schema: { type: 'string', pattern: '^(https?://[^\\s/?#@]+/?)?$' },
};

/** Addresses of one network, as `net.BlockList.addSubnet` takes them. */
export interface Network {
  readonly address: string;
  readonly prefixLength: number;
  readonly family: 'ipv4' | 'ipv6';
}

export const networks: Parser<readonly Network[], 'string'> = list(
  'networks such as 10.0.0.0/8, fd00::/8',
  (item) => {
    const [address = '', length, ...rest] = item.split('/');
    const version = isIP(address);
    const maxLength = version === 6 ? 128 : 32;
    const prefixLength = wholeNumber(0, maxLength).read(length ?? String(maxLength));
    if (version === 0 || rest.length > 0 || prefixLength === undefined) return undefined;
    return { address, prefixLength, family: version === 6 ? 'ipv6' : 'ipv4' };
  },
  (network) => `${network.address}/${network.prefixLength}`,
);

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** An IPv6 address stands in brackets. */
export function hostsAndPorts(defaultPort: number): Parser<readonly HostAndPort[], 'string'> {
  return list(
    `host:port pairs such as redis-0:${defaultPort},redis-1:${defaultPort}`,
    (item) => {
      const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(item);
      const host = match?.[1] ?? match?.[2] ?? '';
      const number = port.read(match?.[3] ?? String(defaultPort));
      return isHost(host) && number !== undefined ? { host, port: number } : undefined;
    },
    ({ host, port }) => `${isIPv6(host) ? `[${host}]` : host}:${port}`,
  );
}

function list<T>(
  what: string,
  readItem: (item: string) => T | undefined,
  printItem: (item: T) => string,
): Parser<readonly T[], 'string'> {
  return {
    expected: `${what}, separated by commas`,
    read(input) {
      const items: T[] = [];
      for (const part of input.split(',')) {
        const item = readItem(part.trim());
        if (item === undefined) return undefined;
        items.push(item);
      }
      return Object.freeze(items);
    },
    print: (items) => items.map(printItem).join(','),
    schema: { type: 'string', pattern: '^[0-9A-Za-z_.:/,[\\] -]*$' },
  };
}
