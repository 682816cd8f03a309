-- Setting jobs aside for a provider's batch. After flight.lua and transition.lua; see batches.py.
--
-- <prefix>:batcher:<lane>  '<token>|<seconds that a deadline must leave>|<seconds until the janitor looks>': whoever collects
--                          the lane's batches, for as long as he says so; nobody is set aside where nobody collects
-- <prefix>:batchable:<lane>  sorted set: jobs that were set aside, by when; some of them may have left since

local LATE_S = 3600 -- after the time that a batch has: until then somebody has looked after it

-- Whether a job that is next goes into the lane's next batch; then it waits there, and is no longer in line. One that asks
-- what a job in a batch asks already waits for that one's line. `join`: see flight.lua.
local function set_aside(prefix, lane, id, join)
  local batcher = redis.call('GET', prefix .. ':batcher:' .. lane)
  if not batcher then return false end
  local leaves, look = string.match(batcher, '^[^|]*|([%d.]+)|([%d.]+)$')
  local told = redis.call('HMGET', prefix .. ':job:' .. id, 'priority', 'deadline_at', 'alone', 'batch')
  if not leaves or band_of(told[1] or 0) ~= BANDS[2] or told[3] or told[4] then return false end
  local now = store_time()
  if tonumber(told[2] or 0) - now < tonumber(leaves) then return false end
  local most_s = tonumber(leaves) + LATE_S
  if flight_follow(prefix, lane, id, join, most_s, move, 'batched') then return true end
  local aside = {'placed', 'batched', '', '', '', look, '0', 'set_aside', '{}', '', 'aside-' .. id .. stamp(now), '', '0'}
  if move(prefix, id, aside, 1)[1] ~= 1 then return false end
  redis.call('ZADD', prefix .. ':batchable:' .. lane, stamp(now), id)
  flight_lead(prefix, lane, id, join, most_s)
  return true
end
