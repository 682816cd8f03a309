-- When a lane's gate lets one more call begin, and at what pace more may follow it. After order.lua, limits.lua,
-- adapt.lua, breaker.lua: by the gate's own sums, so that who decides where a job should wait knows what it will meet.
-- Changes nothing but what every take does as well: what has left the logs is dropped.
--
-- ARGV     1 prefix  2 lane  3 what the lane's gate lets through, as JSON (see gate.lua)
-- Returns  JSON: `after_s`, and where there is a limit `requests_per_s`, `tokens_per_s`, `at_once`; `tokens_each` is what a
--          call of the last minute came to, where there was one

local prefix, lane, gate, now = ARGV[1], ARGV[2], cjson.decode(ARGV[3]), store_time()

local function read(place)
  local flat, seen = redis.call('HGETALL', place), {}
  for at = 1, #flat, 2 do seen[flat[at]] = flat[at + 1] end
  return seen
end

-- Limits that carry a name are counted where all that carry it count; its breaker is each deployment's own.
local function look(deployment, limits)
  local own = prefix .. ':gate:' .. lane .. (deployment and '@' .. deployment or '')
  local place, breaker = limits.shared and prefix .. ':gate:=' .. limits.shared or own, read(own)
  local seen = place == own and breaker or read(place)
  forget_old(place, seen, now)
  local calls, tokens, most = redis.call('ZCARD', place .. '/minute'), number(seen, 'minute_tokens'), most_now(seen, limits, now)
  local each = calls > 0 and math.ceil(tokens / calls) or 0
  local minute, day = minute_wait(place, seen, most, each, now), day_wait(place, seen, limits, each, now)
  return {
    place = place, calls = calls, tokens = tokens, most = most, concurrent = limits.concurrent,
    after = math.max(0, number(seen, 'closed_until') - now, minute, day), open = breaker_wait(own, breaker, now),
  }
end

-- What they let through together, a shared limit once; nil where one of them lets through as much as you like.
local function together(looks, of)
  local sum, seen = 0, {}
  for _, one in ipairs(looks) do
    local most = of(one)
    if not most then return nil end
    if not seen[one.place] then sum = sum + most end
    seen[one.place] = true
  end
  return sum
end

local every, closed, after, calls, tokens = {}, {}, math.huge, 0, 0
for _, one in ipairs(gate.deployments) do
  local found = look(one.name, one.limits)
  every[#every + 1] = found
  if found.open <= 0 then closed[#closed + 1] = found end
  after = math.min(after, math.max(found.open, found.after))
  calls, tokens = calls + found.calls, tokens + found.tokens
end
local working = closed[1] and closed or every
local requests = together(working, function(one) return one.most.requests end)
local in_tokens = together(working, function(one) return one.most.tokens end)
local at_once = together(working, function(one) return one.concurrent end)
if next(gate.limits) then
  local whole = look(nil, gate.limits)
  after = math.max(after, whole.after)
  requests, in_tokens = lower(requests, whole.most.requests), lower(in_tokens, whole.most.tokens)
  at_once = lower(at_once, whole.concurrent)
end
return cjson.encode({
  after_s = after, requests_per_s = requests and requests / MINUTE_S, tokens_per_s = in_tokens and in_tokens / MINUTE_S,
  at_once = at_once, tokens_each = calls > 0 and tokens / calls or nil,
})
