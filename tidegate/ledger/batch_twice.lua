-- A line that was paid for a second time, since its batch was sent twice: what it cost counts. After costs.lua and budget.lua.
--
-- ARGV     1 prefix  2 the batch's id  3 the provider's id of the second one  4 job  5 the lane  6 its gate as JSON, or ''
--          7 what the line came to, as JSON (see permits.py)  8 seconds for which it is known that the line was counted
-- Returns  1, or 0 where it was counted before

local prefix, job, now = ARGV[1], ARGV[1] .. ':job:' .. ARGV[4], store_time()
local counted = prefix .. ':batch:' .. ARGV[2] .. ':twice'
if redis.call('HSETNX', counted, ARGV[3] .. ' ' .. ARGV[4], 1) == 0 then return 0 end
redis.call('EXPIRE', counted, ARGV[8])
local said = cjson.decode(ARGV[7])
local nano, tokens = nano_of(tonumber(said.usd) or 0), tonumber(said.tokens) or 0
local tenant = redis.call('HGET', job, 'tenant')
if ARGV[6] ~= '' then
  local _, accounts = budget_look(prefix, cjson.decode(ARGV[6]).accounts, tenant or 'default', nano, tokens, now)
  budget_settle(accounts, 0, 0, nano, tokens)
end
if tenant then costs_of(prefix, job, tenant, ARGV[5], 'twice', ARGV[7], {nano, tokens, true, said.model or '-'}, now) end
return 1
