-- Up to which sequence a group has settled everything.
-- KEYS: stream. ARGV: group.
local function sequence(id)
  return tonumber(string.match(id, '^%d+'))
end

local first_pending = redis.call('XPENDING', KEYS[1], ARGV[1])[2]
if first_pending then return sequence(first_pending) - 1 end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local members = {}
  for place = 1, #group, 2 do members[group[place]] = group[place + 1] end
  if members['name'] == ARGV[1] then return sequence(members['last-delivered-id']) end
end
