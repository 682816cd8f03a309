-- Put on a job's history, and into the journal, what was done with it beside its moves. After journal.lua.
--
-- KEYS[1]  the job's hash   ARGV  1 prefix  2 job id  3 what was done  4 note as JSON
-- Returns  1, or 0 where there is no such job

local at = redis.call('HMGET', KEYS[1], 'state', 'rev', 'fence')
if not at[1] then return 0 end
local clock = redis.call('TIME')
local event = string.format('{"at":%d.%06d,"move":"%s","state":"%s","rev":%d,"fence":%d,"note":%s}',
  clock[1], clock[2], ARGV[3], at[1], tonumber(at[2]), tonumber(at[3]), ARGV[4])
redis.call('RPUSH', KEYS[1] .. ':history', event)
redis.call('LTRIM', KEYS[1] .. ':history', -200, -1)
journal(ARGV[1], ARGV[2], event)
-- A history that had gone would come back without an end.
local left = redis.call('TTL', KEYS[1])
if left > 0 then redis.call('EXPIRE', KEYS[1] .. ':history', left) end
return 1
