-- Put a batch's next step on record, where the caller still collects its lane's batches, and nobody else tried to send it
-- since he looked: he may have been stopped for a while. Without fields it is asked only whether that is so.
--
-- ARGV     1 prefix  2 lane  3 token of the lane's batcher  4 the batch's id  5 seconds to keep the record, or '' for good
--          6 how often it was tried to send it, as far as the caller knows  7... fields and values; '' removes the field
-- Returns  1, or 0: another collects the lane's batches now, or the batch is not on record

local prefix, batch = ARGV[1], ARGV[1] .. ':batch:' .. ARGV[4]
local batcher = redis.call('GET', prefix .. ':batcher:' .. ARGV[2])
if not batcher or string.sub(batcher, 1, #ARGV[3] + 1) ~= ARGV[3] .. '|' then return 0 end
if redis.call('EXISTS', batch) == 0 then return 0 end
if (redis.call('HGET', batch, 'tries') or '0') ~= ARGV[6] then return 0 end
for i = 7, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', batch, ARGV[i])
  else redis.call('HSET', batch, ARGV[i], ARGV[i + 1]) end
end
if ARGV[5] ~= '' then
  redis.call('EXPIRE', batch, ARGV[5])
  redis.call('EXPIRE', batch .. ':jobs', ARGV[5])
end
return 1
