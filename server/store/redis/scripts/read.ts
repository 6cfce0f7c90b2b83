import { lua, script } from './shared.ts';

// Adds to `reply`, for each id: its record or nil, then, if asked for, its groups as
// "id\0label\0…" and its first members as "generation next\nid\0id…" (next 0: that is all; a list
// that no longer fits the reply is given as next -1 and no ids).
const INCLUDE = lua`
local reply = {}
local refs = {}
local function groupsOf(userId)
  local found = {}
  local fields = call('HKEYS', P .. 'in:' .. userId)
  for n = 1, #fields do
    local generation, groupId = split(fields[n])
    local ref = refs[groupId]
    if ref == nil then
      ref = reference(groupId) or false
      refs[groupId] = ref
    end
    if ref and ref.generation == generation then
      found[#found + 1] = { groupId, ref.sequence, ref.label }
    end
  end
  table.sort(found, function(a, b) return a[2] < b[2] end)
  return found
end
local function named(groups)
  local parts = {}
  for n = 1, #groups do
    parts[2 * n - 1] = groups[n][1]
    parts[2 * n] = groups[n][3]
  end
  return table.concat(parts, '\0')
end
local budget = 1000
local function membersOf(groupId)
  local ref = reference(groupId)
  if not ref then return '0 0\n' end
  local list = listKey(ref.generation, groupId)
  local count = call('ZCARD', list)
  if count == 0 then return ref.generation .. ' 0\n' end
  if budget == 0 then return ref.generation .. ' -1\n' end
  local ids = call('ZRANGE', list, 0, budget - 1)
  local next = count > #ids and call('ZSCORE', list, ids[#ids]) or '0'
  budget = budget - #ids
  return ref.generation .. ' ' .. next .. '\n' .. table.concat(ids, '\0')
end
local function add(collection, ids, include, withId)
  for from = 1, #ids, 1000 do
    local raws = call('HMGET', P .. collection, unpack(ids, from, math.min(from + 999, #ids)))
    for n = 1, #raws do
      local id = ids[from + n - 1]
      if withId then reply[#reply + 1] = id end
      reply[#reply + 1] = raws[n]
      if include == 'groups' then
        reply[#reply + 1] = raws[n] and named(groupsOf(id)) or ''
      elseif include == 'members' then
        reply[#reply + 1] = raws[n] and membersOf(id) or ''
      end
    end
  end
end
`;

/** ARGV: collection, '' | groups | members, ids. Answers what INCLUDE describes. */
export const GET = script(
  'get',
  `${INCLUDE}${lua`
local ids = {}
for n = 3, #ARGV do ids[n - 2] = ARGV[n] end
add(ARGV[1], ids, ARGV[2], false)
return reply
`}`,
);

/**
 * ARGV: collection, include, limit, offset, position or '', asc | desc, kind of range, and its
 * index key and values. Answers the total, the position of the last record or '', then each record
 * as its id and what INCLUDE describes.
 */
export const QUERY = script(
  'query',
  `${INCLUDE}${lua`
local collection, include, limit, offset = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local after, descending, kind = ARGV[5], ARGV[6] == 'desc', ARGV[7]
local key = P .. ARGV[8]

-- The range as ranks lo (first) to hi (behind the last), and what ranks a position has.
local lo, hi, before, slice
if kind == 'member' then
  local groups = groupsOf(ARGV[9])
  lo, hi = 0, #groups
  local function text(group) return entry('', group[2], '') end
  before = function(position, inclusive)
    local count = 0
    for n = 1, #groups do
      local own = text(groups[n])
      if own < position or inclusive and own == position then count = n end
    end
    return count
  end
  slice = function(first, last)
    local entries = {}
    for n = first, last do
      entries[#entries + 1] = entry('', groups[n + 1][2], groups[n + 1][1])
    end
    return entries
  end
else
  local function rank(bound) return call('ZLEXCOUNT', key, '-', bound) end
  if kind == 'all' then
    lo, hi = 0, call('ZCARD', key)
  elseif kind == 'equals' then
    lo, hi = rank('(' .. ARGV[9] .. '\0'), rank('(' .. ARGV[9] .. '\1')
  elseif kind == 'prefix' then
    lo, hi = rank('(' .. ARGV[9]), rank('(' .. ARGV[9] .. '\255')
  else
    lo, hi = rank('(' .. ARGV[9]), rank('(' .. ARGV[10] .. '\1')
  end
  hi = math.max(lo, hi)
  before = function(position, inclusive)
    return inclusive and rank('[' .. position .. '\255') or rank('(' .. position)
  end
  slice = function(first, last) return call('ZRANGE', key, first, last) end
end

local first, last
if descending then
  last = (after ~= '' and math.min(hi, before(after, false)) or hi - offset) - 1
  first = math.max(last - limit + 1, lo)
else
  first = after ~= '' and math.max(lo, before(after, true)) or lo + offset
  last = math.min(first + limit, hi) - 1
end
reply[1], reply[2] = hi - lo, ''
if last < first or limit == 0 then return reply end

local entries = slice(first, last)
local ids, position = {}, nil
for n = 1, #entries do
  local member = entries[descending and #entries + 1 - n or n]
  local zero = string.find(member, '\0', 1, true)
  ids[n] = string.sub(member, zero + 13)
  position = string.sub(member, 1, zero + 12)
end
if descending and first > lo or not descending and last < hi - 1 then reply[2] = position end
add(collection, ids, include, true)
return reply
`}`,
);

/**
 * A slice of a member list. ARGV: group id, slice size, place to go on after. Answers nil without
 * such a group, else the generation, the place of the last id or '0', and the ids.
 */
export const MEMBERS = script(
  'members',
  lua`
local groupId, size = ARGV[1], tonumber(ARGV[2])
local ref = reference(groupId)
if not ref then return false end
local list = listKey(ref.generation, groupId)
local ids = call('ZRANGEBYSCORE', list, '(' .. ARGV[3], '+inf', 'LIMIT', 0, size + 1)
local next = '0'
if #ids > size then
  ids[#ids] = nil
  next = call('ZSCORE', list, ids[size])
end
table.insert(ids, 1, next)
table.insert(ids, 1, ref.generation)
return ids
`,
);
