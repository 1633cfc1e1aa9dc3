-- Takes over what a silent member of a group has, and strikes it off when it has nothing.
-- KEYS: stream, members. ARGV: group, heir, silent member, how many at most.
-- Gives how many it had, and those that are still in the stream.
local had = {}
for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[3])) do
  had[#had + 1] = entry[1]
end
if #had == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[3])
  redis.call('HDEL', KEYS[2], ARGV[3])
  return { 0, {} }
end
return { #had, redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(had)) }
