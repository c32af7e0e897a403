-- Says who is on a topic by one instance: there, or not any more.
--
-- KEYS: 1 who is there (hash of `MEMBER INSTANCE`)
-- ARGV: 1 the channel, 2 the instance, 3 the member's id, 4 the member, or nothing, 5 how long this holds

local field = ARGV[3] .. ' ' .. ARGV[2]
if ARGV[4] == '' then
  redis.call('HDEL', KEYS[1], field)
else
  redis.call('HSET', KEYS[1], field, ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', ARGV[1], '@' .. field .. ' ' .. ARGV[4])
return 0
