-- Appends a record, or answers where the first one of its idempotency key stands.
--
-- ARGV: 9 the idempotency key or nothing, 10 most keys, 11 their longest age, 12 the record's size,
--       13 the record
-- Answers: epoch, offset, time, and whether it was there already.

local id, most_keys, key_age = ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11])
-- Times never fall along the log.
now = math.max(now, time)

if id ~= '' then
  local found = redis.call('HGET', known, id)
  if found then
    local offset, at = string.match(found, '^(%d+) (%d+)$')
    if tonumber(at) + key_age > now then return { epoch, offset, at, 1 } end
  end
end

top = top + 1
bytes = bytes + tonumber(ARGV[12])
redis.call('XADD', log, text(top) .. '-0', 't', text(now), 's', ARGV[12], 'r', ARGV[13])
evict()

if id ~= '' then
  redis.call('HSET', known, id, text(top) .. ' ' .. text(now))
  local count = redis.call('RPUSH', order, text(now) .. ' ' .. id)
  -- More than one goes for each that comes: so the window gets to its bounds, whatever they were before.
  for _ = 1, 8 do
    local at, first = string.match(redis.call('LINDEX', order, 0), '^(%d+) (.*)$')
    if count <= most_keys and tonumber(at) + key_age > now then break end
    redis.call('LPOP', order)
    count = count - 1
    local found = redis.call('HGET', known, first)
    -- One that was forgotten by its age may have been used again since.
    if found and string.match(found, ' (%d+)$') == at then redis.call('HDEL', known, first) end
    if count == 0 then break end
  end
  redis.call('PEXPIRE', known, key_age)
  redis.call('PEXPIRE', order, key_age)
end

redis.call('HSET', state, 'top', text(top), 'bytes', text(bytes), 'time', text(now))
-- The state outlives what it is about: an offset that somebody may still know is not given out again.
redis.call('PEXPIRE', state, math.max(age, key_age) + 7 * DAY)
redis.call('PEXPIRE', log, age)
tell('+' .. epoch .. ' ' .. text(top) .. ' ' .. text(now) .. ' ' .. ARGV[13])
return { epoch, text(top), text(now), 0 }
