-- The records after a cursor.
--
-- ARGV: 9 the cursor's epoch, 10 its offset, 11 most records, 12 most bytes, 13 an epoch and 14 an offset
--       that its log is known to have reached, or nothing
-- Answers: epoch, top, oldest offset, then the records. There are none when the cursor can't be gone on
-- from; what it has lost follows from the numbers.

if ARGV[13] == epoch and top < tonumber(ARGV[14]) then
  -- Redis came back with less than it had, and its offsets were seen already.
  rotate()
end
local before = bytes
local oldest = evict()
if bytes ~= before then redis.call('HSET', state, 'bytes', text(bytes)) end
if redis.call('PTTL', state) < DAY then redis.call('PEXPIRE', state, DAY) end

local answer = { epoch, text(top), text(oldest) }
local offset = tonumber(ARGV[10])
if ARGV[9] == epoch and offset >= oldest - 1 and offset < top then
  collect(answer, 'XRANGE', offset + 1, top, tonumber(ARGV[11]), tonumber(ARGV[12]))
end
return answer
