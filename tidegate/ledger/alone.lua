-- Whether a run whose lease lapsed was the only one that may have died with its process: that ran no other since its last
-- sign of life for this one. After order.lua and company.lua.
--
-- ARGV     1 prefix  2 job id
-- Returns  1, or 0: others were there, or nobody knows

local prefix, id = ARGV[1], ARGV[2]
local told = redis.call('HMGET', prefix .. ':job:' .. id, 'state', 'worker', 'updated_at')
local worker = told[2]
if told[1] ~= 'running' or not worker or not redis.call('ZSCORE', held_by(prefix, worker), id) then return 0 end
if company_of(prefix, worker, id, '-inf') then return 0 end
-- One that was taken from it since this one was renewed may have been there when it died.
local taken = redis.call('GET', prefix .. ':taken:' .. worker)
return taken and tonumber(taken) >= tonumber(told[3]) and 0 or 1
