-- Appends events to the stream whose last sequence is the expected one, and drops the oldest over the limit.
-- KEYS: stream. ARGV: expected sequence, limit, then sequence and event by turns.
-- Gives the last sequence, and for each group that had not read what was dropped, how many.
local function sequence(id)
  return tonumber(string.match(id, '^%d+'))
end
local function member(reply, name)
  for place = 1, #reply, 2 do
    if reply[place] == name then return reply[place + 1] end
  end
end
local function last()
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  return sequence(member(redis.call('XINFO', 'STREAM', KEYS[1]), 'last-generated-id'))
end

if last() ~= tonumber(ARGV[1]) or #ARGV == 2 then return { last(), {} } end
local gap = tonumber(ARGV[3]) - last() - 1
if last() > 0 and gap > 0 then
  -- Cut from the outbox before they came here; whoever reads this entry learns how many.
  redis.call('XADD', KEYS[1], string.format('%d-0', tonumber(ARGV[3]) - 1), 'missing', gap)
end
for place = 3, #ARGV, 2 do
  redis.call('XADD', KEYS[1], ARGV[place] .. '-0', 'event', ARGV[place + 1])
end
redis.call('XTRIM', KEYS[1], 'MAXLEN', ARGV[2])

local missed = {}
local before_first = sequence(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]) - 1
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local name, read = member(group, 'name'), sequence(member(group, 'last-delivered-id'))
  if read < before_first then
    missed[#missed + 1] = { name, before_first - read }
    redis.call('XGROUP', 'SETID', KEYS[1], name, string.format('%d-0', before_first))
  end
end
return { last(), missed }
