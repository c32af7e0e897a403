-- A page of history.
--
-- ARGV: 9 `before` or `after`, 10 an offset, 11 most records, 12 most bytes
-- Answers: epoch, top, oldest offset, then the records, the nearest to the offset first.

local before = bytes
local oldest = evict()
if bytes ~= before then redis.call('HSET', state, 'bytes', text(bytes)) end
local answer = { epoch, text(top), text(oldest) }
local offset, count, room = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
if ARGV[9] == 'after' then
  local from = math.max(offset + 1, oldest)
  if from <= top then collect(answer, 'XRANGE', from, top, count, room) end
else
  local to = math.min(offset - 1, top)
  if to >= oldest then collect(answer, 'XREVRANGE', to, oldest, count, room) end
end
return answer
