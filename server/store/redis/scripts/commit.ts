import { OLD_LIST_MS } from '../../store.ts';
import { lua, script } from './shared.ts';

const OLD_LIST = String(OLD_LIST_MS);

/**
 * One commit. ARGV: operation id, then tagged parts as `encodeCommit` writes
 * them. Answers a JSON array, which is kept under the operation id.
 */
export const COMMIT = script(
  'commit',
  lua`
local operation = P .. 'op:' .. ARGV[1]
local seen = call('GET', operation)
if seen then return seen end

local claims, writes, events = {}, {}, {}
local fence, membership, publish
local at = 2
local function take()
  at = at + 1
  return ARGV[at - 1]
end
local function takeList()
  local list = {}
  for n = 1, tonumber(take()) do list[n] = take() end
  return list
end
local function takeEntries()
  local list = {}
  for index, value in string.gmatch(take(), '([^%z]*)%z([^%z]*)%z') do
    list[#list + 1] = { index, value }
  end
  return list
end
while at <= #ARGV do
  local tag = take()
  if tag == 'fence' then
    fence = { name = take(), holder = take(), fence = take() }
  elseif tag == 'claim' then
    claims[#claims + 1] = { collection = take(), index = take(), value = take(), except = take() }
  elseif tag == 'put' then
    writes[#writes + 1] = { collection = take(), id = take(), expected = take(), body = take(),
      previous = take(), label = take(), added = takeEntries(), removed = takeEntries() }
  elseif tag == 'delete' then
    writes[#writes + 1] = { collection = take(), id = take(), expected = take(),
      removed = takeEntries() }
  elseif tag == 'members' then
    membership = { groupId = take(), expected = take(), refuse = take() == 'refuse',
      limit = tonumber(take()), add = takeList(), remove = takeList() }
  elseif tag == 'publish' then
    publish = { groupId = take(), generation = take(), token = take(), expected = take() }
  else
    events[#events + 1] = take()
  end
end

local function keep(outcome)
  local text = cjson.encode(outcome)
  call('SET', operation, text, 'PX', 600000)
  return text
end
local function answer(...)
  return keep({ ... })
end

-- Checks: nothing is written before the last of them has passed.

if fence then
  local lease = call('HGET', P .. 'leases', fence.name)
  if not lease then return answer('fenced') end
  local number, holder = string.match(lease, '^(%d+) %d+ (.*)$')
  if number ~= fence.fence or holder ~= fence.holder then return answer('fenced') end
end

local function isLocked(groupId)
  local lock = lockOf(groupId)
  if publish and publish.groupId == groupId then
    return not lock or lock.token ~= publish.token or lock.generation ~= publish.generation
  end
  return lock ~= nil
end
if publish and isLocked(publish.groupId) then return answer('locked') end
if membership and isLocked(membership.groupId) then return answer('locked') end

local written = {}
for n = 1, #writes do
  local write = writes[n]
  if write.collection == 'groups' and isLocked(write.id) then return answer('locked') end
  local raw = call('HGET', P .. write.collection, write.id)
  write.meta = raw and parse(raw)
  local version = raw and tostring(write.meta.version) or ''
  if version ~= write.expected then
    return answer('version', write.id, raw and write.meta.version or false)
  end
  written[write.collection .. ' ' .. write.id] = write
end

local function groupProblem(groupId, expected)
  local write = written['groups ' .. groupId]
  local meta = write and write.meta
  if write then
    if not write.body then return 'absentGroup' end
  else
    local raw = call('HGET', P .. 'groups', groupId)
    if not raw then return 'absentGroup' end
    meta = parse(raw)
  end
  if expected ~= '' and tostring(meta and meta.version or '') ~= expected then
    return 'version', groupId, meta and meta.version or false
  end
end
for _, part in ipairs({ membership or publish, membership and publish }) do
  local problem, id, version = groupProblem(part.groupId, part.expected)
  if problem == 'absentGroup' then return answer(problem) end
  if problem then return answer(problem, id, version) end
end

for n = 1, #claims do
  local claim = claims[n]
  local holders = call('ZRANGEBYLEX', P .. claim.collection .. ':index:' .. claim.index,
    '[' .. claim.value .. '\0', '(' .. claim.value .. '\1', 'LIMIT', 0, 2)
  for h = 1, #holders do
    local holder = string.sub(holders[h], #claim.value + 14)
    if holder ~= claim.except then return answer('claimed', n - 1, holder) end
  end
end

local unknown, adding, removing = {}, {}, {}
local addedCount, removedCount = 0, 0
local list, generation
if membership then
  local ref = reference(membership.groupId)
  generation = ref and ref.generation
  list = generation and listKey(generation, membership.groupId)
  local met = {}
  for n = 1, #membership.remove do
    local id = membership.remove[n]
    if list and not met[id] and call('ZSCORE', list, id) then removing[#removing + 1] = id end
    met[id] = true
  end
  local gone = met
  met = {}
  for n = 1, #membership.add do
    local id = membership.add[n]
    if not met[id] then
      met[id] = true
      local write = written['users ' .. id]
      if write and not write.body or not write and call('HEXISTS', P .. 'users', id) == 0 then
        unknown[#unknown + 1] = id
      elseif gone[id] or not list or not call('ZSCORE', list, id) then
        adding[#adding + 1] = id
      end
    end
  end
  if membership.refuse and #unknown > 0 then return answer('unknownMembers', unpack(unknown)) end
  local count = list and call('ZCARD', list) or 0
  addedCount, removedCount = #adding, #removing
  if #adding > 0 and count + #adding - #removing > membership.limit then return answer('full') end
end

-- Writes.

local now = nowMs()
local touched = {}
local function changed(collection, id, meta)
  local before = meta.modified
  meta.version = meta.version + 1
  meta.modified = math.max(now, before)
  if meta.modified ~= before then
    local index = P .. collection .. ':modified'
    call('ZREM', index, entry(stamp(before), meta.sequence, id))
    call('ZADD', index, 0, entry(stamp(meta.modified), meta.sequence, id))
  end
end
local function touch(groupId)
  if touched[groupId] then return end
  local raw = call('HGET', P .. 'groups', groupId)
  local meta = parse(raw)
  changed('groups', groupId, meta)
  put('groups', groupId, meta, string.sub(raw, meta.at))
  touched[groupId] = meta
end

local function reindex(write)
  for _, pair in ipairs(write.removed) do
    call('ZREM', P .. write.collection .. ':index:' .. pair[1],
      entry(pair[2], write.meta.sequence, write.id))
  end
  for _, pair in ipairs(write.added or {}) do
    call('ZADD', P .. write.collection .. ':index:' .. pair[1], 0,
      entry(pair[2], write.meta.sequence, write.id))
  end
end

local function create(write)
  local meta = { sequence = call('INCR', P .. 'sequence'), created = now, modified = now,
    version = (tonumber(write.previous) or 0) + 1 }
  write.meta = meta
  put(write.collection, write.id, meta, write.body)
  call('ZADD', P .. write.collection .. ':sequence', 0, entry('', meta.sequence, write.id))
  call('ZADD', P .. write.collection .. ':modified', 0, entry(stamp(now), meta.sequence, write.id))
  if write.collection == 'groups' then
    putReference(write.id, call('INCR', P .. 'generation'), meta.sequence,
      string.sub(write.label, 2))
  end
end

local function update(write)
  changed(write.collection, write.id, write.meta)
  put(write.collection, write.id, write.meta, write.body)
  if write.collection == 'groups' and write.label ~= '' then
    local ref = reference(write.id)
    putReference(write.id, ref.generation, ref.sequence, string.sub(write.label, 2))
  end
end

local leaving = {}
local function remove(write)
  local meta = write.meta
  call('HDEL', P .. write.collection, write.id)
  call('ZREM', P .. write.collection .. ':sequence', entry('', meta.sequence, write.id))
  call('ZREM', P .. write.collection .. ':modified',
    entry(stamp(meta.modified), meta.sequence, write.id))
  if write.collection == 'groups' then
    local ref = reference(write.id)
    call('HDEL', P .. 'groups:ref', write.id)
    call('ZADD', P .. 'garbage', now + ${OLD_LIST}, ref.generation .. ' ' .. write.id)
  elseif write.collection == 'users' then
    local fields = call('HKEYS', P .. 'in:' .. write.id)
    call('DEL', P .. 'in:' .. write.id)
    for n = 1, #fields do
      local from, groupId = split(fields[n])
      call('ZREM', listKey(from, groupId), write.id)
      leaving[#leaving + 1] = { from, groupId }
    end
  end
end

local outcome = { 'done', 0, 0, #unknown }
local function report(id, meta)
  for _, value in ipairs({ id, meta.sequence, meta.version, meta.created, meta.modified }) do
    outcome[#outcome + 1] = value
  end
end
for n = 1, #writes do
  local write = writes[n]
  if not write.body then
    remove(write)
  elseif write.meta then
    update(write)
  else
    create(write)
  end
  reindex(write)
  if write.collection == 'groups' then touched[write.id] = write.meta end
  report(write.id, write.meta)
end
for n = 1, #leaving do
  local ref = reference(leaving[n][2])
  if ref and ref.generation == leaving[n][1] then touch(leaving[n][2]) end
end

local function reportGroup(groupId)
  if written['groups ' .. groupId] then return end
  report(groupId, touched[groupId] or parse(call('HGET', P .. 'groups', groupId)))
end
if membership then
  generation = generation or reference(membership.groupId).generation
  list = listKey(generation, membership.groupId)
  local field = generation .. ' ' .. membership.groupId
  for n = 1, #removing do
    call('ZREM', list, removing[n])
    call('HDEL', P .. 'in:' .. removing[n], field)
  end
  local top = topOf(list)
  for n = 1, #adding do
    call('ZADD', list, top + n, adding[n])
    call('HSET', P .. 'in:' .. adding[n], field, '')
  end
  if #adding + #removing > 0 then touch(membership.groupId) end
  reportGroup(membership.groupId)
end
if publish then
  -- Who was in the list before has a place up to the highest that it had then.
  local top = lockOf(publish.groupId).top
  local ref = reference(publish.groupId)
  local before, after = listKey(ref.generation, publish.groupId), listKey(publish.generation, publish.groupId)
  local kept = call('ZCOUNT', after, '-inf', top)
  addedCount, removedCount = call('ZCARD', after) - kept, call('ZCARD', before) - kept
  putReference(publish.groupId, publish.generation, ref.sequence, ref.label)
  call('DEL', P .. 'lock:' .. publish.groupId)
  call('ZREM', P .. 'garbage', publish.generation .. ' ' .. publish.groupId)
  call('ZADD', P .. 'garbage', now + ${OLD_LIST}, ref.generation .. ' ' .. publish.groupId)
  if addedCount + removedCount > 0 then touch(publish.groupId) end
  reportGroup(publish.groupId)
end

if #writes > 0 or addedCount + removedCount > 0 or not membership and not publish then
  for n = 1, #events do
    call('XADD', P .. 'events', 'MAXLEN', '~', 100000, '*', 'body', events[n])
  end
end
for n = 1, #unknown do outcome[#outcome + 1] = unknown[n] end
outcome[2], outcome[3] = addedCount, removedCount
return keep(outcome)
`,
);
