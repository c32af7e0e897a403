-- What every script about a topic begins with: its state, and what may have become of it meanwhile.
--
-- KEYS: 1 state (hash), 2 log (stream), 3 idempotency keys (hash), 4 their order (list): all with the topic
--       as their hash tag, so that they are in one slot of a cluster.
-- ARGV: 1 an epoch that was never used, 2 the life of this Redis, 3 whether it loses nothing when it
--       restarts, 4 the channel, 5 now, 6 most records, 7 most bytes, 8 longest age
--
-- A stream's ids are OFFSET-0. Each entry has its time (t), its size (s) and the record (r).

local state, log, known, order = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now = tonumber(ARGV[5])
local records, most_bytes, age = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local DAY = 86400000
local epoch, top, bytes, time

-- Lua would write large numbers as 1e+15.
local function text(number) return string.format('%.0f', number) end

local function tell(message) redis.call('PUBLISH', ARGV[4], message) end

-- Another life of the log: what cursors of the earlier one say is not true any more.
local function rotate()
  epoch = ARGV[1]
  redis.call('HSET', state, 'epoch', epoch)
  tell('=' .. epoch .. ' ' .. text(top))
end

local function open()
  local found = redis.call('HMGET', state, 'epoch', 'top', 'bytes', 'time', 'life', 'durable')
  epoch = found[1]
  if not epoch then
    -- What is left of a topic whose state is lost can't be counted on from.
    redis.call('DEL', log, known, order)
    epoch, top, bytes, time = ARGV[1], 0, 0, 0
    redis.call('HSET', state, 'epoch', epoch, 'top', 0, 'bytes', 0, 'time', 0,
      'life', ARGV[2], 'durable', ARGV[3])
    redis.call('PEXPIRE', state, DAY)
    tell('=' .. epoch .. ' 0')
    return
  end
  top, bytes, time = tonumber(found[2]), tonumber(found[3]), tonumber(found[4])
  if found[5] ~= ARGV[2] then
    redis.call('HSET', state, 'life', ARGV[2], 'durable', ARGV[3])
    -- It was started anew, or is another one: unless both are sure to have kept all, what was acknowledged
    -- last may be gone, and its offsets would be given out again.
    if found[6] ~= '1' or ARGV[3] ~= '1' then rotate() end
  end
end

local function offset_of(entry) return tonumber(string.match(entry[1], '^%d+')) end

-- Drops what is over a bound, a part of it at a time, and answers the oldest offset kept.
local function evict()
  for _ = 1, 100 do
    local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    if not first then
      bytes = 0
      return top + 1
    end
    local offset, fields = offset_of(first), first[2]
    local count = top - offset + 1
    local old = tonumber(fields[2]) + age <= now
    local many = count > 1 and (count > records or bytes > most_bytes)
    if not old and not many then return offset end
    redis.call('XDEL', log, first[1])
    bytes = bytes - tonumber(fields[4])
  end
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  return first and offset_of(first) or top + 1
end

-- Adds entries to an answer, as offset, time and record of each, until one bound is met.
local function collect(answer, command, from, to, count, room)
  local step = command == 'XRANGE' and 1 or -1
  while count > 0 do
    local chunk = redis.call(command, log, text(from), text(to), 'COUNT', math.min(count, 16))
    if #chunk == 0 then return end
    for _, entry in ipairs(chunk) do
      room = room - tonumber(entry[2][4])
      if room < 0 and #answer > 3 then return end
      answer[#answer + 1] = text(offset_of(entry))
      answer[#answer + 1] = entry[2][2]
      answer[#answer + 1] = entry[2][6]
    end
    count = count - #chunk
    from = offset_of(chunk[#chunk]) + step
    if (from - to) * step > 0 then return end
  end
end

open()
