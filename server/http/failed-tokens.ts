import { isIPv6 } from 'node:net';

const WINDOW_MS = 60_000;
const FAILURES_MAX = 20;
const ADDRESSES_MAX = 10_000;

/**
 * Counts refused bearer tokens by address, so that guessing is slow while a request with a good
 * token is never refused for where it comes from (many clients share an address).
 */
export class FailedTokens {
  readonly #failures = new Map<string, { count: number; since: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Call after a refused token: seconds to wait when the address has failed too often. */
  note(address: string): number | undefined {
    const key = networkOf(address);
    const now = this.#now();
    const known = this.#failures.get(key);
    const isCurrent = known !== undefined && now - known.since < WINDOW_MS;
    const entry = isCurrent ? known : { count: 0, since: now };
    entry.count += 1;
    // Moved to the end: the first key is the one that failed longest ago.
    this.#failures.delete(key);
    this.#failures.set(key, entry);
    this.#forgetOldest();
    if (entry.count <= FAILURES_MAX) return undefined;
    return Math.max(1, Math.ceil((entry.since + WINDOW_MS - now) / 1000));
  }

  get size(): number {
    return this.#failures.size;
  }

  #forgetOldest(): void {
    if (this.#failures.size <= ADDRESSES_MAX) return;
    const oldest = this.#failures.keys().next();
    if (oldest.done !== true) this.#failures.delete(oldest.value);
  }
}

/** An IPv4 address, or the /64 of an IPv6 one: a single host may use any address of it. */
export function networkOf(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  const groups = tail === undefined ? left : [...left, ...zeros, ...right];
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
