import { lua, script } from './shared.ts';

// Adds to `parts`, for each id: its record or '', then, if asked for, its groups as
// "id\1label\1id\1label" or its first members as "generation next\nid\1id" (next 0: that is all;
// a list that no longer fits the answer is given as next -1 and no ids). The answer is one string,
// since a client reads one long string much faster than many short ones.
const INCLUDE = lua`
local parts = {}
-- By the field of a membership: the group, or false for one that is not shown (any more).
local memberships = {}
local function learn(fields)
  local unknown, ids = {}, {}
  for n = 1, #fields do
    if memberships[fields[n]] == nil then
      local _, groupId = split(fields[n])
      unknown[#unknown + 1] = fields[n]
      ids[#ids + 1] = groupId
    end
  end
  for from = 1, #ids, 1000 do
    local refs = call('HMGET', P .. 'groups:ref', unpack(ids, from, math.min(from + 999, #ids)))
    for n = 1, #refs do
      local field, groupId = unknown[from + n - 1], ids[from + n - 1]
      local generation, sequence, at = string.match(refs[n] or '', '^(%d+) (%d+)\n()')
      memberships[field] = generation and generation .. ' ' .. groupId == field
        and { groupId, tonumber(sequence), groupId .. '\1' .. string.sub(refs[n], at) }
    end
  end
end
local function bySequence(a, b)
  return a[2] < b[2]
end
local function groupsOf(userId)
  local fields, found = call('HKEYS', P .. 'in:' .. userId), {}
  learn(fields)
  local isSorted = true
  for n = 1, #fields do
    local group, last = memberships[fields[n]], found[#found]
    if group then
      found[#found + 1] = group
      isSorted = isSorted and (not last or last[2] < group[2])
    end
  end
  if not isSorted then table.sort(found, bySequence) end
  return found
end
local function named(groups)
  for n = 1, #groups do groups[n] = groups[n][3] end
  return table.concat(groups, '\1')
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
  return ref.generation .. ' ' .. next .. '\n' .. table.concat(ids, '\1')
end
local function add(collection, ids, include, withId)
  for from = 1, #ids, 1000 do
    local raws = call('HMGET', P .. collection, unpack(ids, from, math.min(from + 999, #ids)))
    for n = 1, #raws do
      local id, raw = ids[from + n - 1], raws[n]
      if withId then parts[#parts + 1] = id end
      parts[#parts + 1] = raw or ''
      if include == 'groups' then
        parts[#parts + 1] = raw and named(groupsOf(id)) or ''
      elseif include == 'members' then
        parts[#parts + 1] = raw and membersOf(id) or ''
      end
    end
  end
  return table.concat(parts, '\0')
end
`;

/** ARGV: collection, groups | members, ids. Answers what INCLUDE describes, joined by U+0000. */
export const GET = script(
  'get',
  `${INCLUDE}${lua`
local ids = {}
for n = 3, #ARGV do ids[n - 2] = ARGV[n] end
return add(ARGV[1], ids, ARGV[2], false)
`}`,
);

/**
 * ARGV: collection, include, limit, offset, position or '', asc | desc, kind of range, and its
 * index key and values. Answers the total, the position of the last record or '', and, if there are
 * records, each as its id and what INCLUDE describes, joined by U+0000.
 */
export const QUERY = script(
  'query',
  `${INCLUDE}${lua`
local collection, include, limit, offset = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local after, descending, kind = ARGV[5], ARGV[6] == 'desc', ARGV[7]
local key = P .. ARGV[8]

-- The range as ranks lo (first) to hi (behind the last), and what ranks a position has.
local lo, hi, setRange, before, slice
if kind == 'member' then
  local groups = groupsOf(ARGV[9])
  setRange = function() lo, hi = 0, #groups end
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
  setRange = function()
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
  end
  before = function(position, inclusive)
    return inclusive and rank('[' .. position .. '\255') or rank('(' .. position)
  end
  slice = function(first, last) return call('ZRANGE', key, first, last) end
end

local first, last, entries
if kind == 'equals' and after == '' and offset == 0 and limit > 0 then
  -- Most often one record or none: then one step finds it, and ranks, which cost nine, are not needed.
  entries = call('ZRANGEBYLEX', key, '[' .. ARGV[9] .. '\0', '(' .. ARGV[9] .. '\1', 'LIMIT', 0, limit + 1)
  if #entries <= limit then lo, hi, first, last = 0, #entries, 0, #entries - 1 end
end
if not last then
  setRange()
  if descending then
    last = (after ~= '' and math.min(hi, before(after, false)) or hi - offset) - 1
    first = math.max(last - limit + 1, lo)
  else
    first = after ~= '' and math.max(lo, before(after, true)) or lo + offset
    last = math.min(first + limit, hi) - 1
  end
  if last >= first and limit > 0 then entries = slice(first, last) end
end
if last < first or limit == 0 then return { hi - lo, '' } end

local ids, position = {}, nil
for n = 1, #entries do
  local member = entries[descending and #entries + 1 - n or n]
  local zero = string.find(member, '\0', 1, true)
  ids[n] = string.sub(member, zero + 13)
  position = string.sub(member, 1, zero + 12)
end
local isMore = descending and first > lo or not descending and last < hi - 1
return { hi - lo, isMore and position or '', add(collection, ids, include, true) }
`}`,
);

/**
 * A slice of a member list. ARGV: group id, slice size, place to go on after. Answers nil without
 * such a group, else "generation next\nid\1id", where next is the place of the last id or 0.
 */
export const MEMBERS = script(
  'members',
  lua`
local groupId, size, generation = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local ref = reference(groupId)
-- A list that is not swept up yet is read to its end.
local isOld = generation ~= '' and call('ZSCORE', P .. 'garbage', generation .. ' ' .. groupId)
if not isOld then generation = ref and ref.generation end
if not generation then return false end
local list = listKey(generation, groupId)
local ids = call('ZRANGEBYSCORE', list, '(' .. ARGV[4], '+inf', 'LIMIT', 0, size + 1)
local next = '0'
if #ids > size then
  ids[#ids] = nil
  next = call('ZSCORE', list, ids[size])
end
return generation .. ' ' .. next .. '\n' .. table.concat(ids, '\1')
`,
);
