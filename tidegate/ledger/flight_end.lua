-- The line of a job that has ended by itself came to something, or to nothing: what becomes of those who wait for its answer.
-- After transition.lua.
--
-- ARGV     1 prefix  2 job  3 '1' where there is an answer for them  4 '1' where no other batch should have them
-- Returns  {those who wait, as ids and fences; a job to ring for or ''; now}; nobody, where the job has not ended

local prefix, id = ARGV[1], ARGV[2]
local job = prefix .. ':job:' .. id
local told = redis.call('HMGET', job, 'state', 'lane', 'latency', 'flight', 'outside')
if told[1] and told[1] ~= 'cancelled' and told[1] ~= 'expired' then return {{}, '', stamp(store_time())} end
local waiting, ring = flight_over(prefix, id, told[2], told[3], told[4] or '', ARGV[3] == '1', move, ARGV[4] == '1')
if told[5] then redis.call('UNLINK', prefix .. ':vault:' .. told[5]) end
return {waiting, ring, stamp(store_time())}
