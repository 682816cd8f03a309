-- Whether a lane's retry budget has room for one more retry, which is then taken from it. After order.lua and limits.lua.
--
-- ARGV     1 prefix  2 lane
-- Returns  1 or 0

local place = ARGV[1] .. ':gate:' .. ARGV[2]
local left = tonumber(redis.call('HGET', place, 'retries') or RETRIES_KEPT)
if left < 1 then return 0 end
redis.call('HSET', place, 'retries', stamp(left - 1))
redis.call('EXPIRE', place, KEEP_S)
return 1
