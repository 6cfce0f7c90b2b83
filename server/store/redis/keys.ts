/**
 * Every key name of the store. All keys of an account carry the hash tag `{accountId}`, so that
 * they are in one slot of a Redis Cluster and a script may reach them by their common prefix.
 *
 *   <collection>                 hash  id → "version sequence createdMs modifiedMs\n" + body
 *   <collection>:sequence        ordered index with the empty value
 *   <collection>:modified        ordered index, the value is modifiedMs as 12 hex digits
 *   <collection>:index:<index>   ordered index of the directory's entries
 *   groups:ref                   hash  group id → "generation sequence\n" + label
 *   m:<generation>:<group id>    zset  member id, by its place in the order of adding
 *   in:<user id>                 hash  "generation group-id" → '' (small: one listpack per person)
 *   lock:<group id>              "generation lockMs highest-place token", expires
 *   garbage                      zset  "generation group-id", by the time it is due
 *   op:<operation id>            the outcome of a commit, expires
 *   events                       stream, field `body`
 *   leases                       hash  name → "fence expiresMs holder"
 *   kept                         hash  of keepFirst
 *   sequence, generation         counters
 *
 * An ordered index is a zset of equal scores, so that Redis orders its members by their bytes:
 * value, U+0000, sequence as 12 hex digits, id. The rank of any position costs O(log N).
 */
export const MAX_SEQUENCE = 2 ** 48 - 1;

/** The prefix of all keys of an account, given to each script as KEYS[1]. */
export function accountPrefix(accountId: string): string {
  if (!/^[^{}\s\0]+$/u.test(accountId)) {
    throw new Error('An account id must not be empty, nor hold braces, blanks or U+0000.');
  }
  return `{${accountId}}:`;
}

/** A number below 2^48 in a form that sorts as text does. */
export function fixed(number: number): string {
  return number.toString(16).padStart(12, '0');
}

/** What follows the account's prefix in the key of an ordered index. */
export function indexKey(collection: string, index: string): string {
  return `${collection}:index:${index}`;
}

/** Channel of the announcements of a topic. Channels are of the server, not of a database or account. */
export function channelOf(topic: string): string {
  return `op-scim:changed:${topic}`;
}

/** Keys of the bridge, not of an account: what the barrier marks, and what health tries to write. */
export const BARRIER_KEY = 'op-scim:fsync';
export const HEALTH_KEY = 'op-scim:health';
