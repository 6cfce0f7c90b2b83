import { lua, script } from './shared.ts';

/**
 * ARGV: group id, lockMs, token, 'new' or ''. Answers nil when another draft holds the lock,
 * 'absent' without such a group (but for new ones), else the draft's generation. The draft is garbage
 * from the start, due when its lock ends (a sweep puts it off while the lock holds): a dead one is swept up by itself. A repeat
 * with the same token answers the same.
 */
export const OPEN_DRAFT = script(
  'openDraft',
  lua`
local groupId, lockMs, token = ARGV[1], ARGV[2], ARGV[3]
local ref = reference(groupId)
if not ref and ARGV[4] ~= 'new' then return 'absent' end
local lock = lockOf(groupId)
if lock then return lock.token == token and lock.generation end
local generation = string.format('%d', call('INCR', P .. 'generation'))
local top = ref and topOf(listKey(ref.generation, groupId)) or 0
call('ZADD', P .. 'garbage', nowMs() + lockMs, generation .. ' ' .. groupId)
call('SET', P .. 'lock:' .. groupId, string.format('%s %s %d ', generation, lockMs, top) .. token, 'PX', lockMs)
return generation
`,
);

/**
 * A member keeps its place from one list of a group to the next, and new ones come after all places
 * of the list before: a reader may go on after a place even when the list was replaced meanwhile.
 *
 * ARGV: group id, generation, token, member ids. Answers nil when the lock was lost, else the unknown ids.
 */
export const EXTEND_DRAFT = script(
  'extendDraft',
  lua`
local groupId, generation = ARGV[1], ARGV[2]
local lock = lockOf(groupId)
if not lock or lock.token ~= ARGV[3] or lock.generation ~= generation then return false end
local list, field = listKey(generation, groupId), generation .. ' ' .. groupId
local ref = reference(groupId)
local shown = ref and listKey(ref.generation, groupId)
local top = math.max(lock.top, topOf(list))
local unknown = {}
for n = 4, #ARGV do
  local id = ARGV[n]
  if call('HEXISTS', P .. 'users', id) == 0 then
    unknown[#unknown + 1] = id
  else
    call('ZADD', list, 'NX', shown and call('ZSCORE', shown, id) or top + n, id)
    call('HSET', P .. 'in:' .. id, field, '')
  end
end
call('PEXPIRE', P .. 'lock:' .. groupId, lock.lockMs)
return unknown
`,
);

/** ARGV: group id, generation, token. */
export const DROP_DRAFT = script(
  'dropDraft',
  lua`
local lock = lockOf(ARGV[1])
if not lock or lock.token ~= ARGV[3] or lock.generation ~= ARGV[2] then return 0 end
call('DEL', P .. 'lock:' .. ARGV[1])
call('ZADD', P .. 'garbage', nowMs(), ARGV[2] .. ' ' .. ARGV[1])
return 1
`,
);

/**
 * ARGV: pairs to remove at most, oldest event to keep in ms since 1970 (counted back from now).
 * Operation ids expire by themselves. Answers 1 while more is due.
 */
export const SWEEP = script(
  'sweep',
  lua`
local budget, now = tonumber(ARGV[1]), nowMs()
while budget > 0 do
  local field = call('ZRANGEBYSCORE', P .. 'garbage', '-inf', now, 'LIMIT', 0, 1)[1]
  if not field then break end
  local generation, groupId = split(field)
  local lock = lockOf(groupId)
  if lock and lock.generation == generation then
    call('ZADD', P .. 'garbage', now + math.max(call('PTTL', P .. 'lock:' .. groupId), 1), field)
  else
    local list = listKey(generation, groupId)
    local ids = call('ZRANGE', list, 0, budget - 1)
    for n = 1, #ids do call('HDEL', P .. 'in:' .. ids[n], field) end
    if #ids > 0 then call('ZREMRANGEBYRANK', list, 0, #ids - 1) end
    if #ids < budget then call('ZREM', P .. 'garbage', field) end
    budget = budget - #ids - 1
  end
end
call('XTRIM', P .. 'events', 'MINID', '~', string.format('%d', now - ARGV[2]))
local due = call('ZRANGEBYSCORE', P .. 'garbage', '-inf', now, 'LIMIT', 0, 1)
return #due
`,
);
