import { lua, script } from './shared.ts';

/**
 * ARGV: collection, then per record its id, its first line as it was read, and the index entries
 * that its body names. Answers id and name of an ordered index for each entry that is missing; a
 * record that has changed since is not looked at.
 */
export const FIND_MISSING_ENTRIES = script(
  'findMissingEntries',
  lua`
local collection, missing = ARGV[1], {}
local function expect(index, member, id, name)
  if not call('ZSCORE', P .. collection .. index, member) then
    missing[#missing + 1] = id
    missing[#missing + 1] = name
  end
end
for at = 2, #ARGV, 3 do
  local id, line = ARGV[at], ARGV[at + 1]
  local raw = call('HGET', P .. collection, id)
  if raw and string.sub(raw, 1, #line) == line then
    local meta = parse(raw)
    expect(':sequence', entry('', meta.sequence, id), id, 'sequence')
    expect(':modified', entry(stamp(meta.modified), meta.sequence, id), id, 'modified')
    for index, value in string.gmatch(ARGV[at + 2], '([^%z]*)%z([^%z]*)%z') do
      expect(':index:' .. index, entry(value, meta.sequence, id), id, index)
    end
    local ref = collection == 'groups' and reference(id)
    if collection == 'groups' and not (ref and ref.sequence == meta.sequence) then
      missing[#missing + 1] = id
      missing[#missing + 1] = 'groups:ref'
    end
  end
end
return missing
`,
);

/**
 * ARGV: collection, its ordered index, then pairs of an entry and its record's id. Answers, for
 * each entry that is still there, the entry, the id, and the record or ''.
 */
export const READ_ENTRIES = script(
  'readEntries',
  lua`
local found = {}
for at = 3, #ARGV, 2 do
  if call('ZSCORE', P .. ARGV[2], ARGV[at]) then
    found[#found + 1] = ARGV[at]
    found[#found + 1] = ARGV[at + 1]
    found[#found + 1] = call('HGET', P .. ARGV[1], ARGV[at + 1]) or ''
  end
end
return found
`,
);

/**
 * ARGV: generation, group id, member ids. Answers the ids that are in the list but have no user or
 * no membership of their own; or 'stray' when no group, draft or garbage owns the list.
 */
export const CHECK_MEMBERS = script(
  'checkMembers',
  lua`
local generation, groupId = ARGV[1], ARGV[2]
local field, list = generation .. ' ' .. groupId, listKey(generation, groupId)
if call('EXISTS', list) == 0 then return {} end
local ref, lock = reference(groupId), lockOf(groupId)
local isShown = ref and ref.generation == generation
local isDraft = lock and lock.generation == generation
if not isShown and not isDraft and not call('ZSCORE', P .. 'garbage', field) then return 'stray' end
local wrong = {}
for n = 3, #ARGV do
  local id = ARGV[n]
  local isWhole = call('HEXISTS', P .. 'users', id) == 1 and call('HEXISTS', P .. 'in:' .. id, field) == 1
  if call('ZSCORE', list, id) and not isWhole then wrong[#wrong + 1] = id end
end
return wrong
`,
);

/** ARGV: user ids. Answers user and group id of each membership that the group does not know of. */
export const CHECK_MEMBERSHIPS = script(
  'checkMemberships',
  lua`
local wrong = {}
for n = 1, #ARGV do
  local isKnown = call('HEXISTS', P .. 'users', ARGV[n]) == 1
  local fields = call('HKEYS', P .. 'in:' .. ARGV[n])
  for f = 1, #fields do
    local generation, groupId = split(fields[f])
    if not isKnown or not call('ZSCORE', listKey(generation, groupId), ARGV[n]) then
      wrong[#wrong + 1] = ARGV[n]
      wrong[#wrong + 1] = groupId
    end
  end
end
return wrong
`,
);

/**
 * ARGV: group ids of references, and collections behind '/'. Answers the ids that no group has,
 * 'sequence' and 'generation' for counters that are behind what is in use.
 */
export const CHECK_COUNTERS = script(
  'checkCounters',
  lua`
local wrong, highest, isBehind, areCollections = {}, tonumber(call('GET', P .. 'sequence') or 0), false, false
local generation, isOld = tonumber(call('GET', P .. 'generation') or 0), false
for n = 1, #ARGV do
  if ARGV[n] == '/' then
    areCollections = true
  elseif areCollections then
    local last = call('ZRANGE', P .. ARGV[n] .. ':sequence', -1, -1)[1]
    if last and (tonumber(string.sub(last, 2, 13), 16) or 0) > highest then isBehind = true end
  else
    local ref = reference(ARGV[n])
    if ref and call('HEXISTS', P .. 'groups', ARGV[n]) == 0 then wrong[#wrong + 1] = ARGV[n] end
    if ref and tonumber(ref.generation) > generation then isOld = true end
  end
end
return { wrong, isBehind and 1 or 0, isOld and 1 or 0 }
`,
);
