-- Set a lane's batch jobs aside, where its line does not move: those of urgent jobs and used-up limits do not wait for them.
-- After batching.lua.
--
-- ARGV     1 prefix  2 lane  3 how many at most  4 which jobs share calls here, see flight.lua
-- Returns  {how many are set aside now, seconds since the oldest of them was}

local prefix, lane = ARGV[1], ARGV[2]
local order = order_of(prefix, 'placed:' .. lane)
for _ = 1, tonumber(ARGV[3]) do
  local first = head(order, BANDS[2])
  if not first or not set_aside(prefix, lane, first[1], ARGV[4]) then break end
end
local pot = prefix .. ':batchable:' .. lane
local oldest = redis.call('ZRANGE', pot, 0, 0, 'WITHSCORES')
return {redis.call('ZCARD', pot), oldest[2] and stamp(store_time() - tonumber(oldest[2])) or '0'}
