import { createHash } from 'node:crypto';

/** A Lua script that Redis runs as one atomic step. */
export interface Script {
  readonly name: string;
  readonly text: string;
  /** What EVALSHA names it by. */
  readonly sha: string;
}

/** Lua as it is: backslashes stay. */
export function lua(text: TemplateStringsArray, ...parts: readonly string[]): string {
  return String.raw(text, ...parts);
}

/** Puts the common beginning before `body`. Scripts write only after all their checks. */
export function script(name: string, body: string): Script {
  const text = `${PRELUDE}${body}`;
  return { name, text, sha: createHash('sha1').update(text).digest('hex') };
}

// Without a `#!lua` line Redis refuses a script for memory at its first write that needs some, and
// never after a write: reads and deletes go on when memory is full, and nothing is half written.
const PRELUDE = lua`
local P, call = KEYS[1], redis.call
local function nowMs()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function entry(value, sequence, id)
  return value .. '\0' .. string.format('%012x', sequence) .. id
end
local function parse(raw)
  local version, sequence, created, modified, at = string.match(raw, '^(%d+) (%d+) (%d+) (%d+)\n()')
  return { version = tonumber(version), sequence = tonumber(sequence),
    created = tonumber(created), modified = tonumber(modified), at = at }
end
local function put(collection, id, meta, body)
  call('HSET', P .. collection, id, string.format('%d %d %d %d\n',
    meta.version, meta.sequence, meta.created, meta.modified) .. body)
end
local function stamp(modified)
  return string.format('%012x', modified)
end
local function reference(groupId)
  local ref = call('HGET', P .. 'groups:ref', groupId)
  if not ref then return nil end
  local generation, sequence, at = string.match(ref, '^(%d+) (%d+)\n()')
  return { generation = generation, sequence = tonumber(sequence), label = string.sub(ref, at) }
end
local function putReference(groupId, generation, sequence, label)
  call('HSET', P .. 'groups:ref', groupId, string.format('%s %d\n', generation, sequence) .. label)
end
local function listKey(generation, groupId)
  return P .. 'm:' .. generation .. ':' .. groupId
end
-- The highest place in a member list. It is a number of at most 16 digits: no exponent.
local function topOf(list)
  return tonumber(call('ZRANGE', list, -1, -1, 'WITHSCORES')[2] or 0)
end
local function split(field)
  return string.match(field, '^(%d+) (.*)$')
end
local function lockOf(groupId)
  local lock = call('GET', P .. 'lock:' .. groupId)
  if not lock then return nil end
  local generation, lockMs, top, token = string.match(lock, '^(%d+) (%d+) (%d+) (.*)$')
  return { generation = generation, lockMs = tonumber(lockMs), top = tonumber(top), token = token }
end
`;
