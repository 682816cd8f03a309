-- Take jobs that were set aside into a batch that is being formed; the first time, put that on record. After transition.lua.
--
-- ARGV     1 prefix  2 lane  3 token of the lane's batcher  4 the batch's id  5 how many jobs at most  6 bytes of payload at
--          which to stop  7 seconds until the janitor looks  8 field of the record that names the payload's slot
--          9... fields and values of the batch's record
-- Returns  {jobs taken, bytes of their payloads, jobs still set aside} or {-1}: another collects the lane's batches now

local prefix, lane, id = ARGV[1], ARGV[2], ARGV[4]
local batch, pot, now = prefix .. ':batch:' .. id, prefix .. ':batchable:' .. lane, store_time()
local batcher = redis.call('GET', prefix .. ':batcher:' .. lane)
if not batcher or string.sub(batcher, 1, #ARGV[3] + 1) ~= ARGV[3] .. '|' then return {-1} end

local taken, bytes = 0, 0
for _, job in ipairs(redis.call('ZRANGE', pot, 0, tonumber(ARGV[5]) - 1)) do
  if bytes >= tonumber(ARGV[6]) then break end
  redis.call('ZREM', pot, job)
  local told = redis.call('HMGET', prefix .. ':job:' .. job, 'state', 'lane', 'batch', ARGV[8])
  if told[1] == 'batched' and told[2] == lane and not told[3] then
    if taken == 0 and redis.call('EXISTS', batch) == 0 then
      redis.call('HSET', batch, 'id', id, 'lane', lane, 'formed_at', stamp(now), unpack(ARGV, 9))
      redis.call('ZADD', prefix .. ':batches', stamp(now), id)
    end
    local into = {'batched', 'batched', '', '', '1', ARGV[7], '0', 'batched', '{"batch":"' .. id .. '"}', '',
      id .. job, '0', 'batch', id}
    local moved = move(prefix, job, into, 1)
    if moved[1] == 1 then
      redis.call('HSET', batch .. ':jobs', job, moved[3])
      taken = taken + 1
      bytes = bytes + (told[4] and redis.call('STRLEN', prefix .. ':vault:' .. told[4]) or 0)
    end
  end
end
if taken > 0 then redis.call('HINCRBY', batch, 'jobs', taken) end
return {taken, bytes, redis.call('ZCARD', pot)}
