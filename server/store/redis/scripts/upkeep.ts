import { lua, script } from './shared.ts';

/** ARGV: name, holder, ttlMs. Answers the fence, or nil when another holds the lease. */
export const TAKE_LEASE = script(
  'takeLease',
  lua`
local lease, now = call('HGET', P .. 'leases', ARGV[1]), nowMs()
local fence, expires, holder = 0, 0, nil
if lease then
  fence, expires, holder = string.match(lease, '^(%d+) (%d+) (.*)$')
  if holder ~= ARGV[2] and tonumber(expires) > now then return false end
end
if holder ~= ARGV[2] then fence = fence + 1 end
call('HSET', P .. 'leases', ARGV[1], string.format('%d %d ', fence, now + ARGV[3]) .. ARGV[2])
return tonumber(fence)
`,
);

/** ARGV: name, holder, fence. Keeps the number, so that the next holder gets a higher one. */
export const RELEASE_LEASE = script(
  'releaseLease',
  lua`
local lease = call('HGET', P .. 'leases', ARGV[1])
if not lease then return 0 end
local fence, holder = string.match(lease, '^(%d+) %d+ (.*)$')
if holder ~= ARGV[2] or fence ~= ARGV[3] then return 0 end
call('HSET', P .. 'leases', ARGV[1], fence .. ' 0 ' .. holder)
return 1
`,
);

/** ARGV: name, value. Answers what is there now. */
export const KEEP_FIRST = script(
  'keepFirst',
  lua`
local kept = call('HGET', P .. 'kept', ARGV[1])
if kept then return kept end
call('HSET', P .. 'kept', ARGV[1], ARGV[2])
return ARGV[2]
`,
);

/** ARGV: collections. Answers how many records each holds. */
export const COUNTS = script(
  'counts',
  lua`
local counts = {}
for n = 1, #ARGV do counts[n] = call('HLEN', P .. ARGV[n]) end
return counts
`,
);

/**
 * ARGV: per record its collection, id, version, sequence, createdMs, modifiedMs, body, label, and
 * index entries as `packEntries` writes them. Written again, the same record changes nothing.
 */
export const RESTORE_RECORDS = script(
  'restoreRecords',
  lua`
local highest = tonumber(call('GET', P .. 'sequence') or 0)
for at = 1, #ARGV, 9 do
  local collection, id, body, label = ARGV[at], ARGV[at + 1], ARGV[at + 6], ARGV[at + 7]
  local meta = { version = ARGV[at + 2], sequence = tonumber(ARGV[at + 3]),
    created = ARGV[at + 4], modified = tonumber(ARGV[at + 5]) }
  put(collection, id, meta, body)
  call('ZADD', P .. collection .. ':sequence', 0, entry('', meta.sequence, id))
  call('ZADD', P .. collection .. ':modified', 0, entry(stamp(meta.modified), meta.sequence, id))
  for index, value in string.gmatch(ARGV[at + 8], '([^%z]*)%z([^%z]*)%z') do
    call('ZADD', P .. collection .. ':index:' .. index, 0, entry(value, meta.sequence, id))
  end
  if collection == 'groups' then
    local ref = reference(id)
    putReference(id, ref and ref.generation or call('INCR', P .. 'generation'), meta.sequence, label)
  end
  highest = math.max(highest, meta.sequence)
end
call('SET', P .. 'sequence', string.format('%d', highest))
return 1
`,
);

/** ARGV: group id, member ids. Answers what is missing: a group or user id, or ''. */
export const RESTORE_MEMBERS = script(
  'restoreMembers',
  lua`
local groupId = ARGV[1]
local ref = reference(groupId)
if not ref then return groupId end
for n = 2, #ARGV do
  if call('HEXISTS', P .. 'users', ARGV[n]) == 0 then return ARGV[n] end
end
local list, field = listKey(ref.generation, groupId), ref.generation .. ' ' .. groupId
local top = topOf(list)
for n = 2, #ARGV do
  call('ZADD', list, 'NX', top + n, ARGV[n])
  call('HSET', P .. 'in:' .. ARGV[n], field, '')
end
return ''
`,
);
