-- The breaker of a deployment: one that fails is left alone by all workers, and tried by one call when its time has come.
-- After limits.lua. Its state is in the place's hash:
--   open_until   since when it may be tried; absent while it is closed      open_s   how long it is left alone at a time
--   since        when it last opened or closed: calls begun before that tell nothing any more      why   the last error
--   probe        the job whose call tries it; that it is under way tells the set of calls in flight
-- `<place>/recent` lists the last calls: beginning, class, seconds, error.

local OPEN_MOST_S, DOWN_S, PROBE_S, RECENT, IN_A_ROW = 600, 60, 1, 200, 5

-- Seconds until it is worth asking again, and whether a call made now would be the one that tries it.
local function breaker_wait(place, seen, now)
  local open_until = tonumber(seen.open_until)
  if not open_until then return 0, false end
  if now < open_until then return open_until - now, false end
  local lost_at = seen.probe and redis.call('ZSCORE', place .. '/flight', seen.probe)
  if lost_at and tonumber(lost_at) > now then return PROBE_S, false end
  return 0, true
end

local function breaker_open(place, seconds, why, now)
  seconds = math.min(OPEN_MOST_S, seconds)
  redis.call('HSET', place, 'open_until', stamp(now + seconds), 'open_s', stamp(seconds), 'since', stamp(now), 'why', why)
  redis.call('HDEL', place, 'probe')
end

local function breaker_close(place, now)
  redis.call('HDEL', place, 'open_until', 'open_s', 'probe', 'why')
  redis.call('HSET', place, 'since', stamp(now))
end

-- Whether the share of the last calls that failed is too high; or all of the very last did: after a long good time it
-- would take as long until the share says so.
local function too_many_failed(place, breaker, since, now)
  local calls, failed, from, in_a_row = 0, 0, math.max(since, now - breaker.window_s), nil
  for _, call in ipairs(redis.call('LRANGE', place .. '/recent', 0, math.max(RECENT, breaker.calls) - 1)) do
    local began, class = string.match(call, '^([%d.]+) (%S*)')
    if tonumber(began) >= from and class ~= '-' then
      calls = calls + 1
      if class == 'failed' then failed = failed + 1
      else in_a_row = in_a_row or failed end
    end
  end
  return (in_a_row or failed) >= math.max(IN_A_ROW, breaker.calls)
    or calls >= breaker.calls and failed >= breaker.failures * calls
end

-- What a call that has ended tells of its deployment.
local function breaker_learn(place, breaker, id, permit, class, why, now)
  local seen = redis.call('HMGET', place, 'open_until', 'open_s', 'since', 'probe')
  local open_s, since = tonumber(seen[2] or breaker.open_s), tonumber(seen[3] or 0)
  if permit.probe and seen[4] == id then
    if class == 'failed' then breaker_open(place, open_s * 2, why, now)
    elseif class == 'down' then breaker_open(place, math.max(open_s * 2, DOWN_S), why, now)
    elseif class == '' then redis.call('HDEL', place, 'probe') -- it never came to that: the next call tries it
    else breaker_close(place, now) end
  elseif seen[1] or permit.at < since then return
  elseif class == 'down' then breaker_open(place, math.max(breaker.open_s, DOWN_S), why, now)
  elseif class == 'failed' and too_many_failed(place, breaker, since, now) then
    breaker_open(place, breaker.open_s, why, now)
  end
end
