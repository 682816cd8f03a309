-- Settle what was reserved for a line of a batch whose job has ended by itself. After gate.lua.
--
-- ARGV     1 prefix  2 job  3 the batch's id  4 what the line came to, as JSON (see permits.py)  5 what it cost, or ''
-- Returns  1 where it was, 0 where there was nothing to settle

local prefix, job = ARGV[1], ARGV[1] .. ':job:' .. ARGV[2]
local told = redis.call('HMGET', job, 'state', 'batch', 'permit', 'tenant', 'lane')
if (told[1] ~= 'cancelled' and told[1] ~= 'expired') or told[2] ~= ARGV[3] or not told[3] then return 0 end
local now = store_time()
local _, bill = gate_settle(prefix, ARGV[2], told[3], ARGV[4], now)
if bill then costs_of(prefix, job, told[4] or 'default', told[5], told[1], ARGV[4], bill, now) end
redis.call('HDEL', job, 'permit')
if ARGV[5] ~= '' then redis.call('HSET', job, 'cost_usd', ARGV[5]) end
return 1
