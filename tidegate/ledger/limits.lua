-- Limits: what a place (a lane, or one of its deployments) has let through, and when it has room for another call.
-- After order.lua. A place's state is one hash, read once into `seen`; see gate.lua for its keys.
--
-- Three measures, each by the store's clock:
-- * Per minute a log of the calls of the last minute: exact, so never more than the limit in any minute, wherever the
--   provider's own minute begins. It is 1 % longer than a minute, because calls reach the provider up to half a second
--   more or less late than others: at 600 a minute a log of exactly 60 s was refused now and then, this one never.
-- * Per minute a bucket that drains at the limit's pace and holds one second's worth: without it a minute's calls would
--   leave in its first seconds, which providers that enforce a limit by the second refuse, and jobs that come later wait
--   for a whole minute. A second's worth is what a late wake-up may miss and catch up with.
-- * Per day counts of five minutes each, over 24 hours to 24 hours and 5 minutes.
-- A call is held to its estimate (the prompt, and all that it may write: providers reserve the same) until it is settled.

local MINUTE_S, BURST_S = 60.6, 1
local STEP_S, STEPS = 300, 288
local FORGET = 500
local RETRIES_KEPT, KEEP_S = 10, 3 * 86400

-- The rule's cost: more than a whole limit would never fit, and has the place for itself.
local function least(tokens, most) return math.min(tokens, math.max(1, math.floor(most))) end

local function number(seen, name) return tonumber(seen[name] or 0) end

local function level(seen, name, most, now)
  return math.max(0, number(seen, name) - most / MINUTE_S * (now - number(seen, 'level_at')))
end

-- Drop what has left the log of the last minute.
local function forget_old(place, seen, now)
  local log, gone = place .. '/minute', 0
  while true do
    local old = redis.call('ZRANGE', log, '-inf', stamp(now - MINUTE_S), 'BYSCORE', 'LIMIT', 0, FORGET)
    if not old[1] then break end
    redis.call('ZREM', log, unpack(old))
    for _, call in ipairs(old) do gone = gone + tonumber(string.match(call, ':(%d+)$')) end
  end
  if gone > 0 then seen.minute_tokens = redis.call('HINCRBY', place, 'minute_tokens', -gone) end
end

-- Seconds until so many calls have left the log, or so many tokens (a long wait is told in part: who asks asks again).
local function until_left(place, calls, tokens, now)
  if calls then
    local last = redis.call('ZRANGE', place .. '/minute', calls - 1, calls - 1, 'WITHSCORES')
    return tonumber(last[2]) + MINUTE_S - now
  end
  local gone, oldest = 0, redis.call('ZRANGE', place .. '/minute', 0, 49, 'WITHSCORES')
  for at = 1, #oldest, 2 do
    gone = gone + tonumber(string.match(oldest[at], ':(%d+)$'))
    if gone >= tokens then return tonumber(oldest[at + 1]) + MINUTE_S - now end
  end
  return oldest[1] and tonumber(oldest[#oldest]) + MINUTE_S - now or 0
end

-- Seconds until a minute's limits have room, and whether it is tokens that are missing: a smaller call may have room.
local function minute_wait(place, seen, most, tokens, now)
  local wait, large = 0, false
  if most.requests then
    local pace, count = most.requests / MINUTE_S, redis.call('ZCARD', place .. '/minute')
    wait = math.max(wait, level(seen, 'paced_requests', most.requests, now) / pace - BURST_S)
    local over = count - math.max(1, math.floor(most.requests)) + 1
    if over > 0 then wait = math.max(wait, until_left(place, over, nil, now)) end
  end
  if most.tokens then
    local pace = most.tokens / MINUTE_S
    wait = math.max(wait, level(seen, 'paced_tokens', most.tokens, now) / pace - BURST_S)
    local over = number(seen, 'minute_tokens') + least(tokens, most.tokens) - math.max(1, math.floor(most.tokens))
    if over > 0 then wait, large = math.max(wait, until_left(place, nil, over, now)), true end
  end
  return wait, large
end

-- Drop what is older than a day.
local function forget_days(place, seen, step)
  local from = tonumber(seen.day_from)
  if not from or from >= step - STEPS then return end
  if from < step - 2 * STEPS then
    redis.call('DEL', place .. '/day')
    seen.day_requests, seen.day_tokens = 0, 0
  end
  for old = math.max(from, step - 2 * STEPS), step - STEPS - 1 do
    local told = redis.call('HMGET', place .. '/day', 'requests:' .. old, 'tokens:' .. old)
    seen.day_requests = number(seen, 'day_requests') - tonumber(told[1] or 0)
    seen.day_tokens = number(seen, 'day_tokens') - tonumber(told[2] or 0)
    redis.call('HDEL', place .. '/day', 'requests:' .. old, 'tokens:' .. old)
  end
  seen.day_from = step - STEPS
  redis.call('HSET', place, 'day_from', seen.day_from, 'day_requests', number(seen, 'day_requests'),
    'day_tokens', number(seen, 'day_tokens'))
end

local function day_wait(place, seen, limits, tokens, now)
  if not limits.requests_per_day and not limits.tokens_per_day then return 0 end
  local step, wait = math.floor(now / STEP_S), 0
  forget_days(place, seen, step)
  local function full(kind, most, cost)
    local over = number(seen, 'day_' .. kind) + cost - most
    local old = number(seen, 'day_from')
    while over > 0 and old <= step do
      over = over - tonumber(redis.call('HGET', place .. '/day', kind .. ':' .. old) or 0)
      old = old + 1
      if over <= 0 then wait = math.max(wait, (old + STEPS) * STEP_S - now) end
    end
  end
  if limits.requests_per_day then full('requests', limits.requests_per_day, 1) end
  if limits.tokens_per_day then full('tokens', limits.tokens_per_day, least(tokens, limits.tokens_per_day)) end
  return wait
end

-- Count a call at its estimate. Returns its name in the log.
local function count_call(place, seen, limits, most, id, tokens, now)
  local log, entry = place .. '/minute', id .. ':' .. stamp(now)
  redis.call('ZADD', log, stamp(now), entry .. ':' .. tokens)
  redis.call('EXPIRE', log, 62)
  local set = {'level_at', stamp(now), 'minute_tokens', number(seen, 'minute_tokens') + tokens}
  local function put(name, value)
    set[#set + 1] = name
    set[#set + 1] = value
  end
  if most.requests then put('paced_requests', stamp(level(seen, 'paced_requests', most.requests, now) + 1)) end
  if most.tokens then put('paced_tokens', stamp(level(seen, 'paced_tokens', most.tokens, now) + tokens)) end
  if limits.requests_per_day or limits.tokens_per_day then
    local step = math.floor(now / STEP_S)
    redis.call('HINCRBY', place .. '/day', 'requests:' .. step, 1)
    redis.call('HINCRBY', place .. '/day', 'tokens:' .. step, tokens)
    redis.call('EXPIRE', place .. '/day', 2 * 86400)
    put('day_from', seen.day_from or step)
    put('day_requests', number(seen, 'day_requests') + 1)
    put('day_tokens', number(seen, 'day_tokens') + tokens)
  end
  redis.call('HSET', place, unpack(set))
  return entry
end

-- It used so many tokens more (or fewer) than its estimate.
local function correct_call(place, entry, estimate, tokens)
  if tokens == estimate then return end
  local log, more = place .. '/minute', tokens - estimate
  local at = redis.call('ZSCORE', log, entry .. ':' .. estimate)
  if at then
    redis.call('ZREM', log, entry .. ':' .. estimate)
    redis.call('ZADD', log, at, entry .. ':' .. tokens)
    redis.call('HINCRBY', place, 'minute_tokens', more)
  end
  local seen = redis.call('HMGET', place, 'paced_tokens', 'day_tokens', 'hold_at')
  if seen[1] then redis.call('HSET', place, 'paced_tokens', stamp(math.max(0, tonumber(seen[1]) + more))) end
  local began = tonumber(string.match(entry, ':([%d.]+)$'))
  -- Whoever began at the very moment at which tokens began to be saved did so before: see hold.lua.
  if seen[3] and began > tonumber(seen[3]) then redis.call('HINCRBY', place, 'hold_passed', more) end
  local step = math.floor(began / STEP_S)
  if seen[2] and redis.call('HEXISTS', place .. '/day', 'tokens:' .. step) == 1 then
    redis.call('HINCRBY', place .. '/day', 'tokens:' .. step, more)
    redis.call('HINCRBY', place, 'day_tokens', more)
  end
end
