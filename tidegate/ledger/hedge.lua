-- A permit for a second call beside a run's first one, where there is room for it now. After gate.lua.
--
-- ARGV     1 prefix  2 lane  3 job id  4 fence of the run  5 what the lane's gate lets through  6 seconds of a lease
-- Returns  the deployment to call: another one where the lane has several; or '' where there is no room, or no such run

local prefix, lane, id, gate = ARGV[1], ARGV[2], ARGV[3], cjson.decode(ARGV[5])
local job, now = prefix .. ':job:' .. id, store_time()
local told = redis.call('HMGET', job, 'state', 'fence', 'permit', 'tenant')
if told[1] ~= 'running' or told[2] ~= ARGV[4] or not told[3] then return '' end
local permit = decoded(told[3])
if permit.verdict ~= 'granted' or permit.lane ~= lane then return '' end
-- The first answer was lost on its way.
if type(permit.second) == 'table' then return tostring(permit.second.deployment) end

local others = {}
for _, one in ipairs(gate.deployments) do
  if one.name ~= permit.deployment then others[#others + 1] = one end
end
if others[1] then gate.deployments = others end
local verdict = gate_judged(prefix, lane, gate, id, now)
-- What was left alone after failures is tried by a call that waits for it, and by no other.
if verdict.verdict ~= 'granted' or verdict.one.probe then return '' end
local full, charged
if gate.accounts then
  full, charged = budget_look(prefix, gate.accounts, told[4] or 'default', verdict.nano, verdict.tokens, now)
  if full then return '' end
  budget_hold(charged, verdict.nano, verdict.tokens)
end
gate_reserve(prefix, lane, gate, verdict, id .. SECOND, 1, now + ARGV[6] * LEASES_KEPT, now)
permit.second = permit_of(lane, gate, verdict, id .. SECOND, charged, now)
redis.call('HSET', job, 'permit', cjson.encode(permit))
return verdict.one.name
